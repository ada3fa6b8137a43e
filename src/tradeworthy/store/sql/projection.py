"""Bringing a version's rows up to date with an event."""

from __future__ import annotations

from sqlalchemy import Connection, and_, insert, select, update

from tradeworthy.errors import StaleStage
from tradeworthy.lifecycle.events import ApprovalGranted, Event
from tradeworthy.lifecycle.state import VersionState
from tradeworthy.lifecycle.tags import VersionTagged
from tradeworthy.store.sql.lifecycle_tables import approvals, model_versions, version_tags


def moved(model: str) -> StaleStage:
    """Return the error of a write that was decided on a state that is no more."""
    return StaleStage(f"model {model!r} changed meanwhile: look at it again", model=model)


def write_version(
    connection: Connection,
    model_id: int,
    before: VersionState | None,
    after: VersionState,
    event: Event,
) -> None:
    """Write what ``event`` made of a version, with its approval or its tag.

    Raises
    ------
    StaleStage
        If the version does not stand where it stood ``before``.
    """
    _write_state(connection, model_id, before, after, event.model)
    body = event.body
    if isinstance(body, ApprovalGranted):
        connection.execute(
            insert(approvals).values(
                version_id=_row_of(connection, model_id, body.version),
                approver=event.actor,
                target=body.target.value,
                content_digest=body.content_digest,
                policy_digest=body.policy_digest,
                at=event.at,
            )
        )
    elif isinstance(body, VersionTagged):
        _write_tag(connection, _row_of(connection, model_id, body.version), body)


def _write_state(
    connection: Connection,
    model_id: int,
    before: VersionState | None,
    after: VersionState,
    model: str,
) -> None:
    columns = {
        "stage": after.stage.value,
        "trainer": after.trainer,
        "manifest_digest": after.manifest_digest,
        "artifact_digest": after.artifact_digest,
        "content_digest": after.content_digest,
        "quarantine_reason": after.quarantine_reason,
        "quarantined_by": after.quarantined_by,
        "quarantined_at": after.quarantined_at,
        "quarantine_lifted_at": after.quarantine_lifted_at,
        "stage_since": after.stage_since,
        "left_production_at": after.left_production_at,
    }
    if before is None:
        connection.execute(
            insert(model_versions).values(
                model_id=model_id,
                version=after.version,
                author=after.author,
                created_at=after.created_at,
                **columns,
            )
        )
        return
    changed = connection.execute(
        update(model_versions)
        .where(
            model_versions.c.model_id == model_id,
            model_versions.c.version == after.version,
            model_versions.c.stage == before.stage.value,
        )
        .values(**columns)
    )
    if changed.rowcount != 1:
        raise moved(model)


def _write_tag(connection: Connection, version_id: int, body: VersionTagged) -> None:
    key = and_(version_tags.c.version_id == version_id, version_tags.c.key == body.key)
    changed = connection.execute(update(version_tags).where(key).values(value=body.value))
    if changed.rowcount == 0:
        connection.execute(
            insert(version_tags).values(version_id=version_id, key=body.key, value=body.value)
        )


def _row_of(connection: Connection, model_id: int, version: int) -> int:
    query = select(model_versions.c.id).where(
        model_versions.c.model_id == model_id, model_versions.c.version == version
    )
    return int(connection.execute(query).scalar_one())
