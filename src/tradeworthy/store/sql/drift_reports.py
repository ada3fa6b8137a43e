"""SQL of drift reports."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Integer, Row, String, Table, Text, UniqueConstraint

from tradeworthy.store.ports.drift_reports import DriftReportRecord, WriteDriftReports
from tradeworthy.store.sql.insert_once import insert_once
from tradeworthy.store.sql.lifecycle_rows import version_id, with_version
from tradeworthy.store.sql.lifecycle_tables import model_versions, models
from tradeworthy.store.sql.schema import SqlPort, UtcDateTime, metadata

model_drift_reports = Table(
    "model_drift_reports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version_id", ForeignKey("model_versions.id"), nullable=False),
    Column("slot", UtcDateTime, nullable=False),
    Column("status", String(16), nullable=False),
    Column("severity", String(16)),
    Column("digest", String(64), nullable=False),
    Column("report", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("version_id", "slot"),
)


class SqlDriftReports(SqlPort, WriteDriftReports):
    def newest(
        self,
        model: str,
        *,
        version: int | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> tuple[DriftReportRecord, ...]:
        query = (
            with_version(model_drift_reports)
            .where(models.c.name == model)
            .order_by(model_drift_reports.c.slot.desc(), model_drift_reports.c.id.desc())
            .limit(limit)
        )
        if version is not None:
            query = query.where(model_versions.c.version == version)
        if until is not None:
            query = query.where(model_drift_reports.c.slot <= until)
        return tuple(_record(row) for row in self.connection.execute(query))

    def add(self, record: DriftReportRecord) -> bool:
        return insert_once(
            self.connection,
            model_drift_reports,
            {
                "version_id": version_id(self.connection, record.model, record.version),
                "slot": record.slot,
                "status": record.status,
                "severity": record.severity,
                "digest": record.digest,
                "report": json.dumps(dict(record.report), sort_keys=True),
                "created_at": record.created_at,
            },
        )


def _record(row: Row[Any]) -> DriftReportRecord:
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
