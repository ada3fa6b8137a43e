"""SQL of backtests."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Column, ForeignKey, Integer, Row, String, Table, Text, func, insert, select

from tradeworthy.store.ports.backtests import BacktestRecord, WriteBacktests
from tradeworthy.store.sql.lifecycle_rows import version_id, with_version
from tradeworthy.store.sql.lifecycle_tables import model_versions, models
from tradeworthy.store.sql.schema import SqlPort, UtcDateTime, metadata

backtests = Table(
    "backtests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version_id", ForeignKey("model_versions.id"), nullable=False, index=True),
    Column("result_digest", String(64), nullable=False),
    Column("trial_digest", String(64), nullable=False),
    Column("artifact_digest", String(64), nullable=False),
    Column("dataset_hash", String(64), nullable=False),
    Column("evidence_digest", ForeignKey("documents.digest"), nullable=False),
    Column("metrics", Text, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)


class SqlBacktests(SqlPort, WriteBacktests):
    def of_version(self, model: str, version: int) -> tuple[BacktestRecord, ...]:
        query = (
            with_version(backtests)
            .where(models.c.name == model, model_versions.c.version == version)
            .order_by(backtests.c.id)
        )
        return tuple(_record(row) for row in self.connection.execute(query))

    def latest(self, model: str) -> dict[int, BacktestRecord]:
        newest = select(func.max(backtests.c.id)).group_by(backtests.c.version_id)
        query = with_version(backtests).where(
            models.c.name == model, backtests.c.id.in_(newest.scalar_subquery())
        )
        return {row.version: _record(row) for row in self.connection.execute(query)}

    def of_strategy(self, strategy: str) -> tuple[BacktestRecord, ...]:
        query = (
            with_version(backtests)
            .where(models.c.strategy == strategy)
            .order_by(backtests.c.trial_digest, backtests.c.id)
        )
        rows = self.connection.execute(query)
        return tuple({row.trial_digest: _record(row) for row in rows}.values())

    def add(self, record: BacktestRecord) -> None:
        self.connection.execute(
            insert(backtests).values(
                version_id=version_id(self.connection, record.model, record.version),
                result_digest=record.result_digest,
                trial_digest=record.trial_digest,
                artifact_digest=record.artifact_digest,
                dataset_hash=record.dataset_hash,
                evidence_digest=record.evidence_digest,
                metrics=json.dumps(dict(record.metrics), sort_keys=True),
                actor=record.actor,
                at=record.at,
            )
        )


def _record(row: Row[Any]) -> BacktestRecord:
    return BacktestRecord(
        row.model,
        row.version,
        row.result_digest,
        row.trial_digest,
        row.artifact_digest,
        row.dataset_hash,
        row.evidence_digest,
        json.loads(row.metrics),
        row.actor,
        row.at,
    )
