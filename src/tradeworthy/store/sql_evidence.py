"""SQL of documents, trials, backtests, datasets, activations and drift reports."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, func, insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from tradeworthy.errors import RecordNotFound, StaleEpoch, VersionNotFound
from tradeworthy.store.engine import transaction
from tradeworthy.store.records import (
    Activation,
    BacktestRecord,
    DatasetRecord,
    Document,
    DriftReportRecord,
    LedgerEntry,
)
from tradeworthy.store.tables import (
    activations,
    backtests,
    datasets,
    documents,
    model_drift_reports,
    model_versions,
    models,
    trial_ledger,
)


def insert_once(connection: Connection, table: Any, values: dict[str, Any]) -> bool:
    """Insert a row unless one of its unique keys is taken; tell whether it was inserted."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(**values).on_conflict_do_nothing()
    # Without the option the count of an INSERT is gone by the time the cursor is closed.
    options = {"preserve_rowcount": True}
    return connection.execute(statement, execution_options=options).rowcount == 1


def insert_documents(connection: Connection, items: Sequence[Document], at: datetime) -> None:
    """Keep documents that are not there yet."""
    # In one order everywhere, or two writers of the same documents wait for each other for ever.
    for item in sorted(items, key=lambda document: document.digest):
        insert_once(
            connection,
            documents,
            {"digest": item.digest, "kind": item.kind, "body": item.body, "created_at": at},
        )


def insert_ledger(connection: Connection, entries: Sequence[LedgerEntry]) -> None:
    """Add lines to the trial ledger; a trial that it has already adds none."""
    for entry in entries:
        insert_once(
            connection,
            trial_ledger,
            {
                "strategy": entry.strategy,
                "version_id": version_id_of(connection, entry.model, entry.version),
                "artifact_digest": entry.artifact_digest,
                "trial_digest": entry.trial_digest,
                "sharpe": entry.sharpe,
                "n_observations": entry.n_observations,
                "recorded_at": entry.recorded_at,
            },
        )


def version_id_of(connection: Connection, model: str, version: int) -> int:
    """Return the row of a version, or raise ``VersionNotFound``."""
    query = (
        select(model_versions.c.id)
        .join(models, models.c.id == model_versions.c.model_id)
        .where(models.c.name == model, model_versions.c.version == version)
    )
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise VersionNotFound(
            f"model {model!r} has no version {version}", model=model, version=version
        )
    return int(found)


def _with_version(table: Any) -> Select[Any]:
    return (
        select(table, models.c.name.label("model"), model_versions.c.version)
        .join(model_versions, model_versions.c.id == table.c.version_id)
        .join(models, models.c.id == model_versions.c.model_id)
    )


class SqlEvidence:
    """What backtests, scans and uploads leave behind, on one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def document(self, digest: str) -> Document | None:
        """Return a document."""
        query = select(documents).where(documents.c.digest == digest)
        with transaction(self._engine, writes=False) as connection:
            row = connection.execute(query).one_or_none()
        return Document(row.digest, row.kind, bytes(row.body)) if row else None

    def add_document(self, document: Document, at: datetime) -> None:
        """Keep a document; the same one twice is no error."""
        with transaction(self._engine, writes=True) as connection:
            insert_documents(connection, [document], at)

    def ledger(self, strategy: str) -> tuple[LedgerEntry, ...]:
        """Return every line of a strategy's trial ledger, oldest first."""
        query = (
            _with_version(trial_ledger)
            .where(trial_ledger.c.strategy == strategy)
            .order_by(trial_ledger.c.position)
        )
        with transaction(self._engine, writes=False) as connection:
            rows = connection.execute(query).all()
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
            for r in rows
        )

    def backtests(self, model: str, version: int) -> tuple[BacktestRecord, ...]:
        """Return the backtests of a version, oldest first."""
        query = (
            _with_version(backtests)
            .where(models.c.name == model, model_versions.c.version == version)
            .order_by(backtests.c.id)
        )
        with transaction(self._engine, writes=False) as connection:
            rows = connection.execute(query).all()
        return tuple(_backtest(row) for row in rows)

    def latest_backtests(self, model: str) -> dict[int, BacktestRecord]:
        """Return the newest backtest of each version of a model that has one."""
        newest = select(func.max(backtests.c.id)).group_by(backtests.c.version_id)
        query = _with_version(backtests).where(
            models.c.name == model, backtests.c.id.in_(newest.scalar_subquery())
        )
        with transaction(self._engine, writes=False) as connection:
            rows = connection.execute(query).all()
        return {row.version: _backtest(row) for row in rows}

    def strategy_backtests(self, strategy: str) -> tuple[BacktestRecord, ...]:
        """Return the newest backtest of each distinct trial of a strategy, by trial digest."""
        query = (
            _with_version(backtests)
            .where(models.c.strategy == strategy)
            .order_by(backtests.c.trial_digest, backtests.c.id)
        )
        with transaction(self._engine, writes=False) as connection:
            rows = connection.execute(query).all()
        return tuple({row.trial_digest: _backtest(row) for row in rows}.values())

    def record_backtest(
        self, record: BacktestRecord, entry: LedgerEntry, evidence: Document
    ) -> None:
        """Keep a backtest with its evidence, and its trial unless the ledger has it."""
        with transaction(self._engine, writes=True) as connection:
            insert_documents(connection, [evidence], record.at)
            connection.execute(
                insert(backtests).values(
                    version_id=version_id_of(connection, record.model, record.version),
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
            insert_ledger(connection, [entry])

    def dataset(self, dataset_hash: str) -> DatasetRecord | None:
        """Return a dataset."""
        query = select(datasets).where(datasets.c.dataset_hash == dataset_hash)
        with transaction(self._engine, writes=False) as connection:
            row = connection.execute(query).one_or_none()
        return _dataset(row) if row else None

    def datasets(self) -> tuple[DatasetRecord, ...]:
        """Return every dataset, oldest first."""
        with transaction(self._engine, writes=False) as connection:
            rows = connection.execute(select(datasets).order_by(datasets.c.id)).all()
        return tuple(_dataset(row) for row in rows)

    def add_dataset(self, record: DatasetRecord) -> None:
        """Keep a dataset; the same one twice is no error."""
        with transaction(self._engine, writes=True) as connection:
            insert_once(
                connection,
                datasets,
                {
                    "dataset_hash": record.dataset_hash,
                    "name": record.name,
                    "file_sha256": record.file_sha256,
                    "rows": record.rows,
                    "symbols": json.dumps(record.symbols),
                    "first": record.first,
                    "last": record.last,
                    "created_at": record.created_at,
                    "created_by": record.created_by,
                },
            )

    def activation(self, epoch: int | None = None) -> Activation | None:
        """Return the activation of ``epoch``, the latest by default."""
        query = select(activations).order_by(activations.c.epoch.desc()).limit(1)
        if epoch is not None:
            query = query.where(activations.c.epoch == epoch)
        with transaction(self._engine, writes=False) as connection:
            r = connection.execute(query).one_or_none()
        return Activation(r.epoch, r.release_digest, r.at, r.actor, r.reason) if r else None

    def activate(self, activation: Activation) -> None:
        """Make a release the active one, if its epoch is the next one."""
        stale = StaleEpoch(
            f"epoch {activation.epoch} is not the next one any more: look at what is active now",
            epoch=activation.epoch,
        )
        following = select(func.coalesce(func.max(activations.c.epoch), 0) + 1)
        row = select(
            literal(activation.epoch),
            literal(activation.release_digest),
            literal(activation.at, activations.c.at.type),
            literal(activation.actor),
            literal(activation.reason),
        ).where(following.scalar_subquery() == activation.epoch)
        columns = ["epoch", "release_digest", "at", "actor", "reason"]
        try:
            with transaction(self._engine, writes=True) as connection:
                _need_document(connection, activation.release_digest)
                added = connection.execute(
                    insert(activations).from_select(columns, row),
                    execution_options={"preserve_rowcount": True},
                )
                if added.rowcount != 1:
                    raise stale
        except IntegrityError as error:
            raise stale from error

    def drift_reports(
        self,
        model: str,
        *,
        version: int | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> tuple[DriftReportRecord, ...]:
        """Return a model's drift reports, of slots up to ``until``, newest slot first."""
        query = (
            _with_version(model_drift_reports)
            .where(models.c.name == model)
            .order_by(model_drift_reports.c.slot.desc(), model_drift_reports.c.id.desc())
            .limit(limit)
        )
        if version is not None:
            query = query.where(model_versions.c.version == version)
        if until is not None:
            query = query.where(model_drift_reports.c.slot <= until)
        with transaction(self._engine, writes=False) as connection:
            rows = connection.execute(query).all()
        return tuple(_drift_report(row) for row in rows)

    def add_drift_report(self, record: DriftReportRecord) -> bool:
        """Keep a report; False if its (version, slot) has one already."""
        with transaction(self._engine, writes=True) as connection:
            return insert_once(
                connection,
                model_drift_reports,
                {
                    "version_id": version_id_of(connection, record.model, record.version),
                    "slot": record.slot,
                    "status": record.status,
                    "severity": record.severity,
                    "digest": record.digest,
                    "report": json.dumps(dict(record.report), sort_keys=True),
                    "created_at": record.created_at,
                },
            )


def _need_document(connection: Connection, digest: str) -> None:
    query = select(documents.c.digest).where(documents.c.digest == digest)
    if connection.execute(query).one_or_none() is None:
        raise RecordNotFound(f"no release {digest}: publish it first", digest=digest)


def _backtest(row: Row[Any]) -> BacktestRecord:
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


def _dataset(row: Row[Any]) -> DatasetRecord:
    return DatasetRecord(
        row.dataset_hash,
        row.name,
        row.file_sha256,
        row.rows,
        tuple(json.loads(row.symbols)),
        row.first,
        row.last,
        row.created_at,
        row.created_by,
    )


def _drift_report(row: Row[Any]) -> DriftReportRecord:
    return DriftReportRecord(
        row.model,
        row.version,
        row.slot,
        row.status,
        row.severity,
        row.digest,
        json.loads(row.report),
        row.created_at,
    )
