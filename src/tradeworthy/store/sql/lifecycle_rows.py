"""Reading models and versions from their rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, select

from tradeworthy.errors import VersionNotFound
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import Approval, ModelState, VersionState
from tradeworthy.store.ports.models import ModelRecord
from tradeworthy.store.sql.lifecycle_tables import approvals, model_versions, models


def model_record(connection: Connection, name: str) -> ModelRecord | None:
    """Return a model with all of its versions, None if there is none of that name."""
    model = connection.execute(select(models).where(models.c.name == name)).one_or_none()
    if model is None:
        return None
    rows = connection.execute(
        select(model_versions)
        .where(model_versions.c.model_id == model.id)
        .order_by(model_versions.c.version)
    ).all()
    granted = approvals_of(connection, [row.id for row in rows])
    state = ModelState(
        model.name,
        model.strategy,
        model.owner,
        model.tier,
        model.created_at,
        model.created_by,
        {row.version: version_state(row, granted[row.id]) for row in rows},
    )
    return ModelRecord(state, model.revision)


def approvals_of(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[Approval, ...]]:
    """Return the approvals of versions by their row, oldest first."""
    granted: dict[int, list[Approval]] = defaultdict(list)
    query = select(approvals).where(approvals.c.version_id.in_(ids)).order_by(approvals.c.id)
    for row in connection.execute(query):
        granted[row.version_id].append(
            Approval(row.approver, Stage(row.target), row.content_digest, row.policy_digest, row.at)
        )
    return defaultdict(tuple, {key: tuple(value) for key, value in granted.items()})


def version_state(row: Row[Any], granted: tuple[Approval, ...]) -> VersionState:
    """Return a row of ``model_versions`` as the lifecycle knows it."""
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
        quarantined_by=row.quarantined_by,
        quarantined_at=row.quarantined_at,
        quarantine_lifted_at=row.quarantine_lifted_at,
        left_production_at=row.left_production_at,
        approvals=granted,
    )


def version_id(connection: Connection, model: str, version: int) -> int:
    """Return the row of a version, or raise ``VersionNotFound``."""
    query = (
        select(model_versions.c.id)
        .join(models, models.c.id == model_versions.c.model_id)
        .where(models.c.name == model, model_versions.c.version == version)
    )
    row = connection.execute(query).scalar_one_or_none()
    if row is None:
        raise VersionNotFound(
            f"model {model!r} has no version {version}", model=model, version=version
        )
    return int(row)


def with_version(table: Table) -> Select[Any]:
    """Select a table's rows, each with the model and the version that it belongs to."""
    return (
        select(table, models.c.name.label("model"), model_versions.c.version)
        .join(model_versions, model_versions.c.id == table.c.version_id)
        .join(models, models.c.id == model_versions.c.model_id)
    )
