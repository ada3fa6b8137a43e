"""SQL of datasets."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Column, Integer, Row, String, Table, Text, select

from tradeworthy.store.ports.datasets import StoredDataset, WriteDatasets
from tradeworthy.store.sql.insert_once import insert_once
from tradeworthy.store.sql.schema import SqlPort, UtcDateTime, metadata

datasets = Table(
    "datasets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("dataset_hash", String(64), nullable=False, unique=True),
    Column("name", String(128), nullable=False),
    Column("file_sha256", String(64), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("symbols", Text, nullable=False),
    Column("first", String(32), nullable=False),
    Column("last", String(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(64), nullable=False),
)


class SqlDatasets(SqlPort, WriteDatasets):
    def get(self, dataset_hash: str) -> StoredDataset | None:
        query = select(datasets).where(datasets.c.dataset_hash == dataset_hash)
        row = self.connection.execute(query).one_or_none()
        return _record(row) if row else None

    def all(self) -> tuple[StoredDataset, ...]:
        rows = self.connection.execute(select(datasets).order_by(datasets.c.id))
        return tuple(_record(row) for row in rows)

    def add(self, record: StoredDataset) -> None:
        insert_once(
            self.connection,
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


def _record(row: Row[Any]) -> StoredDataset:
    return StoredDataset(
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
