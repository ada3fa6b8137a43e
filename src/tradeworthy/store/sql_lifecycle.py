"""SQL of models, versions, events and tags."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    and_,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from tradeworthy.base.digests import Json
from tradeworthy.errors import StaleStage
from tradeworthy.lifecycle.events import ApprovalGranted, Event, ModelRegistered, VersionDrafted
from tradeworthy.lifecycle.evolve import evolve
from tradeworthy.lifecycle.recorded_events import body_from_json, body_to_json
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import Approval, ModelState, VersionState
from tradeworthy.lifecycle.tags import VersionTagged
from tradeworthy.store.engine import transaction
from tradeworthy.store.records import (
    Document,
    LedgerEntry,
    ModelRecord,
    ModelSummary,
    RecordedEvent,
    VersionQuery,
    VersionRow,
)
from tradeworthy.store.sql_evidence import insert_documents, insert_ledger
from tradeworthy.store.tables import (
    approvals,
    events,
    model_versions,
    models,
    version_tags,
)
from tradeworthy.store.version_search import conditions


def _moved(model: str) -> StaleStage:
    return StaleStage(f"model {model!r} changed meanwhile: look at it again", model=model)


class SqlLifecycle:
    """Models, versions and events on one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def model(self, name: str) -> ModelRecord | None:
        """Return the state of a model and its revision."""
        with transaction(self._engine, writes=False) as connection:
            return _load(connection, name)

    def models(self, *, after: str = "", limit: int = 100) -> tuple[ModelSummary, ...]:
        """Return a page of models by name."""
        production = and_(
            model_versions.c.model_id == models.c.id,
            model_versions.c.stage == Stage.PRODUCTION.value,
        )
        query = (
            select(models, model_versions.c.version)
            .outerjoin(model_versions, production)
            .where(models.c.name > after)
            .order_by(models.c.name)
            .limit(limit)
        )
        with transaction(self._engine, writes=False) as connection:
            rows = connection.execute(query).all()
        return tuple(
            ModelSummary(r.name, r.strategy, r.owner, r.tier, r.created_at, r.created_by, r.version)
            for r in rows
        )

    def versions(
        self, query: VersionQuery, *, after: tuple[str, int] = ("", 0), limit: int = 100
    ) -> tuple[VersionRow, ...]:
        """Return a page of versions by model name and number."""
        statement = (
            select(models.c.name, models.c.strategy, model_versions)
            .join(models, models.c.id == model_versions.c.model_id)
            .where(tuple_(models.c.name, model_versions.c.version) > tuple_(*after))
            .order_by(models.c.name, model_versions.c.version)
            .limit(limit)
        )
        with transaction(self._engine, writes=False) as connection:
            rows = connection.execute(statement.where(*conditions(connection, query))).all()
            ids = [row.id for row in rows]
            granted = _approvals(connection, ids)
            tags = _tags(connection, ids)
        return tuple(
            VersionRow(r.name, r.strategy, _version(r, granted[r.id]), tags[r.id]) for r in rows
        )

    def tags(self, model: str) -> dict[int, dict[str, str]]:
        """Return the tags of every version of a model that has any."""
        query = (
            select(model_versions.c.version, version_tags.c.key, version_tags.c.value)
            .join(model_versions, model_versions.c.id == version_tags.c.version_id)
            .join(models, models.c.id == model_versions.c.model_id)
            .where(models.c.name == model)
        )
        found: dict[int, dict[str, str]] = defaultdict(dict)
        with transaction(self._engine, writes=False) as connection:
            for row in connection.execute(query):
                found[row.version][row.key] = row.value
        return dict(found)

    def production(self) -> tuple[ModelState, ...]:
        """Return every model that has a version in PRODUCTION."""
        query = (
            select(models.c.name)
            .join(model_versions, model_versions.c.model_id == models.c.id)
            .where(model_versions.c.stage == Stage.PRODUCTION.value)
            .order_by(models.c.name)
        )
        with transaction(self._engine, writes=False) as connection:
            names = connection.execute(query).scalars().all()
            records = [_load(connection, name) for name in names]
        return tuple(record.state for record in records if record is not None)

    def events(
        self, model: str, *, until: datetime | None = None, after: int = 0, limit: int | None = None
    ) -> tuple[RecordedEvent, ...]:
        """Return a model's events in their order, up to the first one later than ``until``."""
        query = (
            select(events)
            .join(models, models.c.id == events.c.model_id)
            .where(models.c.name == model, events.c.sequence > after)
            .order_by(events.c.sequence)
            .limit(limit)
        )
        if until is not None:
            # Clocks of two servers differ: what is cut off has to be the end of the history.
            later = (
                select(func.min(events.c.sequence))
                .join(models, models.c.id == events.c.model_id)
                .where(models.c.name == model, events.c.at > until)
                .scalar_subquery()
            )
            query = query.where(or_(later.is_(None), events.c.sequence < later))
        with transaction(self._engine, writes=False) as connection:
            rows = connection.execute(query).all()
        return tuple(RecordedEvent(row.sequence, _event(model, row)) for row in rows)

    def event_count(self) -> int:
        """Return how many events there are.

        Revisions are summed, because PostgreSQL may show a higher sequence number before a lower.
        """
        with transaction(self._engine, writes=False) as connection:
            total = connection.execute(select(func.coalesce(func.sum(models.c.revision), 0)))
            return int(total.scalar_one())

    def commit(
        self,
        model: str,
        expected_revision: int,
        events: Sequence[Event],
        *,
        documents: Sequence[Document] = (),
        ledger: Sequence[LedgerEntry] = (),
    ) -> int:
        """Append events to a model and return its new revision."""
        try:
            with transaction(self._engine, writes=True) as connection:
                model_id = _lock(connection, model, expected_revision, events)
                insert_documents(connection, documents, events[0].at)
                _project(connection, model_id, model, events)
                insert_ledger(connection, ledger)
        except IntegrityError as error:
            raise _moved(model) from error
        return expected_revision + len(events)


def _lock(
    connection: Connection, model: str, expected_revision: int, events: Sequence[Event]
) -> int:
    """Take the model's row first: racing writers queue here and nowhere else."""
    first = events[0]
    if expected_revision == 0 and isinstance(first.body, ModelRegistered):
        created = connection.execute(
            insert(models).values(
                name=model,
                strategy=first.body.strategy,
                owner=first.body.owner,
                tier=first.body.tier,
                revision=len(events),
                created_at=first.at,
                created_by=first.actor,
            )
        )
        return int(cast("tuple[int]", created.inserted_primary_key)[0])
    locked = connection.execute(
        update(models)
        .where(models.c.name == model, models.c.revision == expected_revision)
        .values(revision=expected_revision + len(events))
        .returning(models.c.id)
    ).scalar_one_or_none()
    if locked is None:
        raise _moved(model)
    return int(locked)


def _project(
    connection: Connection, model_id: int, model: str, new_events: Sequence[Event]
) -> None:
    record = _load(connection, model)
    assert record is not None  # noqa: S101 - its row was just locked
    created = record.revision == len(new_events)
    state = ModelState(model) if created else record.state
    for event in new_events:
        connection.execute(
            insert(events).values(
                model_id=model_id,
                version=event.version,
                kind=event.kind,
                actor=event.actor,
                at=event.at,
                reason=event.reason,
                body=json.dumps(body_to_json(event.body), sort_keys=True),
            )
        )
        after = evolve(state, event)
        if event.version is not None:
            before = state.versions.get(event.version)
            _write_version(connection, model_id, model, before, after.versions[event.version])
            _write_side(connection, model_id, event)
        state = after


def _write_version(
    connection: Connection,
    model_id: int,
    model: str,
    before: VersionState | None,
    after: VersionState,
) -> None:
    columns = {
        "stage": after.stage.value,
        "trainer": after.trainer,
        "manifest_digest": after.manifest_digest,
        "artifact_digest": after.artifact_digest,
        "content_digest": after.content_digest,
        "quarantine_reason": after.quarantine_reason,
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
        raise _moved(model)


def _write_side(connection: Connection, model_id: int, event: Event) -> None:
    body = event.body
    if not isinstance(body, ApprovalGranted | VersionTagged | VersionDrafted):
        return
    version_id = connection.execute(
        select(model_versions.c.id).where(
            model_versions.c.model_id == model_id, model_versions.c.version == body.version
        )
    ).scalar_one()
    if isinstance(body, ApprovalGranted):
        connection.execute(
            insert(approvals).values(
                version_id=version_id,
                approver=event.actor,
                target=body.target.value,
                content_digest=body.content_digest,
                policy_digest=body.policy_digest,
                at=event.at,
            )
        )
    elif isinstance(body, VersionTagged):
        key = and_(version_tags.c.version_id == version_id, version_tags.c.key == body.key)
        changed = connection.execute(update(version_tags).where(key).values(value=body.value))
        if changed.rowcount == 0:
            connection.execute(
                insert(version_tags).values(version_id=version_id, key=body.key, value=body.value)
            )


def _load(connection: Connection, name: str) -> ModelRecord | None:
    model = connection.execute(select(models).where(models.c.name == name)).one_or_none()
    if model is None:
        return None
    rows = connection.execute(
        select(model_versions)
        .where(model_versions.c.model_id == model.id)
        .order_by(model_versions.c.version)
    ).all()
    granted = _approvals(connection, [row.id for row in rows])
    state = ModelState(
        model.name,
        model.strategy,
        model.owner,
        model.tier,
        model.created_at,
        model.created_by,
        {row.version: _version(row, granted[row.id]) for row in rows},
    )
    return ModelRecord(state, model.revision)


def _approvals(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[Approval, ...]]:
    found: dict[int, list[Approval]] = defaultdict(list)
    query = select(approvals).where(approvals.c.version_id.in_(ids)).order_by(approvals.c.id)
    for row in connection.execute(query):
        found[row.version_id].append(
            Approval(row.approver, Stage(row.target), row.content_digest, row.policy_digest, row.at)
        )
    return defaultdict(tuple, {key: tuple(value) for key, value in found.items()})


def _tags(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = defaultdict(dict)
    query = select(version_tags).where(version_tags.c.version_id.in_(ids))
    for row in connection.execute(query):
        found[row.version_id][row.key] = row.value
    return found


def _version(row: Row[Any], granted: tuple[Approval, ...]) -> VersionState:
    return VersionState(
        version=row.version,
        stage=Stage(row.stage),
        author=row.author,
        created_at=row.created_at,
        stage_since=row.stage_since,
        trainer=row.trainer,
        manifest_digest=row.manifest_digest,
        artifact_digest=row.artifact_digest,
        content_digest=row.content_digest,
        quarantine_reason=row.quarantine_reason,
        left_production_at=row.left_production_at,
        approvals=granted,
    )


def _event(model: str, row: Row[Any]) -> Event:
    fields = cast("dict[str, Json]", json.loads(row.body))
    return Event(model, body_from_json(row.kind, fields), row.actor, row.at, row.reason)
