"""SQL of the active release."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.exc import IntegrityError

from tradeworthy.errors import RecordNotFound, StaleEpoch
from tradeworthy.store.ports.releases import Activation, WriteReleases
from tradeworthy.store.sql.documents import documents
from tradeworthy.store.sql.schema import SqlPort, UtcDateTime, metadata

# The advisory lock of activations: any number that no other lock of ours has, as long as it stays.
_ACTIVATIONS = 7_204_512

activations = Table(
    "activations",
    metadata,
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("release_digest", ForeignKey("documents.digest"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("reason", Text, nullable=False),
)


class SqlReleases(SqlPort, WriteReleases):
    def activation(self, epoch: int | None = None) -> Activation | None:
        query = select(activations).order_by(activations.c.epoch.desc()).limit(1)
        if epoch is not None:
            query = query.where(activations.c.epoch == epoch)
        r = self.connection.execute(query).one_or_none()
        return Activation(r.epoch, r.release_digest, r.at, r.actor, r.reason) if r else None

    def hold(self) -> Activation | None:
        self._lock(func.pg_advisory_xact_lock_shared)
        return self.activation()

    def reserve(self) -> Activation | None:
        self._lock(func.pg_advisory_xact_lock)
        return self.activation()

    def _lock(self, lock: Callable[[int], ColumnElement[object]]) -> None:
        # SQLite has one writer at a time anyway.
        if self.connection.dialect.name == "postgresql":
            self.connection.execute(select(lock(_ACTIVATIONS)))

    def activate(self, activation: Activation) -> None:
        _need_document(self.connection, activation.release_digest)
        stale = StaleEpoch(
            f"epoch {activation.epoch} is not the next one any more: look at what is active now",
            epoch=activation.epoch,
        )
        try:
            added = _insert_as_next(self.connection, activation)
        except IntegrityError as error:
            raise stale from error
        if not added:
            raise stale


def _need_document(connection: Connection, digest: str) -> None:
    query = select(documents.c.digest).where(documents.c.digest == digest)
    if connection.execute(query).one_or_none() is None:
        raise RecordNotFound(f"no release {digest}: publish it first", digest=digest)


def _insert_as_next(connection: Connection, activation: Activation) -> bool:
    """Insert an activation if its epoch is the next one; tell whether it was."""
    following = select(func.coalesce(func.max(activations.c.epoch), 0) + 1)
    row = select(
        literal(activation.epoch),
        literal(activation.release_digest),
        literal(activation.at, activations.c.at.type),
        literal(activation.actor),
        literal(activation.reason),
    ).where(following.scalar_subquery() == activation.epoch)
    columns = ["epoch", "release_digest", "at", "actor", "reason"]
    added = connection.execute(
        insert(activations).from_select(columns, row),
        execution_options={"preserve_rowcount": True},
    )
    return added.rowcount == 1
