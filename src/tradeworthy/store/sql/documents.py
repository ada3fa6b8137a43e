"""SQL of documents."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Connection, LargeBinary, String, Table, select

from tradeworthy.store.ports.documents import Document, WriteDocuments
from tradeworthy.store.sql.insert_once import insert_once
from tradeworthy.store.sql.schema import SqlPort, UtcDateTime, metadata

documents = Table(
    "documents",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)


class SqlDocuments(SqlPort, WriteDocuments):
    def get(self, digest: str) -> Document | None:
        query = select(documents).where(documents.c.digest == digest)
        row = self.connection.execute(query).one_or_none()
        return Document(row.digest, row.kind, bytes(row.body)) if row else None

    def add(self, *documents: Document, at: datetime) -> None:
        insert_documents(self.connection, *documents, at=at)


def insert_documents(connection: Connection, *items: Document, at: datetime) -> None:
    """Keep documents that are not there yet."""
    # In one order everywhere, or two writers of the same documents wait for each other for ever.
    for item in sorted(items, key=lambda document: document.digest):
        insert_once(
            connection,
            documents,
            {"digest": item.digest, "kind": item.kind, "body": item.body, "created_at": at},
        )
