"""SQL of the trial ledger."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Integer, String, Table, UniqueConstraint

from tradeworthy.store.ports.trials import LedgerEntry, WriteTrials
from tradeworthy.store.sql.insert_once import insert_once
from tradeworthy.store.sql.lifecycle_rows import version_id, with_version
from tradeworthy.store.sql.schema import SqlPort, UtcDateTime, metadata

trial_ledger = Table(
    "trial_ledger",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("strategy", String(128), nullable=False, index=True),
    Column("version_id", ForeignKey("model_versions.id"), nullable=False),
    Column("artifact_digest", String(64), nullable=False),
    Column("trial_digest", String(64)),
    Column("sharpe", Float),
    Column("n_observations", Integer),
    Column("recorded_at", UtcDateTime, nullable=False),
    UniqueConstraint("strategy", "trial_digest"),
    sqlite_autoincrement=True,
)


class SqlTrials(SqlPort, WriteTrials):
    def of_strategy(self, strategy: str) -> tuple[LedgerEntry, ...]:
        query = (
            with_version(trial_ledger)
            .where(trial_ledger.c.strategy == strategy)
            .order_by(trial_ledger.c.position)
        )
        return tuple(
            LedgerEntry(
                r.strategy,
                r.model,
                r.version,
                r.artifact_digest,
                r.recorded_at,
                r.trial_digest,
                r.sharpe,
                r.n_observations,
                r.position,
            )
            for r in self.connection.execute(query)
        )

    def add(self, *entries: LedgerEntry) -> None:
        for entry in entries:
            insert_once(
                self.connection,
                trial_ledger,
                {
                    "strategy": entry.strategy,
                    "version_id": version_id(self.connection, entry.model, entry.version),
                    "artifact_digest": entry.artifact_digest,
                    "trial_digest": entry.trial_digest,
                    "sharpe": entry.sharpe,
                    "n_observations": entry.n_observations,
                    "recorded_at": entry.recorded_at,
                },
            )
