"""SQL of the outbox: a model's oldest waiting message is what its consumers queue for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    and_,
    exists,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from tradeworthy.errors import AlreadyExists, ModelNotFound
from tradeworthy.store.ports.outbox import Message, WriteOutbox, check_own_id
from tradeworthy.store.sql.lifecycle_tables import models
from tradeworthy.store.sql.schema import SqlPort, UtcDateTime, metadata

outbox = Table(
    "outbox",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("id", String(192), nullable=False, unique=True),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("held_until", UtcDateTime),
    Column("delivered_at", UtcDateTime),
    sqlite_autoincrement=True,
)
# Of use only while a message waits: what was delivered is not in it.
Index(
    "ix_outbox_waiting",
    outbox.c.model_id,
    outbox.c.position,
    sqlite_where=text("delivered_at IS NULL"),
    postgresql_where=text("delivered_at IS NULL"),
)
Index(
    "ix_outbox_oldest",
    outbox.c.position,
    sqlite_where=text("delivered_at IS NULL"),
    postgresql_where=text("delivered_at IS NULL"),
)
_waiting = outbox.c.delivered_at.is_(None)


class SqlOutbox(SqlPort, WriteOutbox):
    def undelivered(self, model: str, *, limit: int = 100) -> tuple[Message, ...]:
        query = _messages().where(models.c.name == model, _waiting).limit(limit)
        return tuple(_message(row) for row in self.connection.execute(query))

    def add(self, *messages: Message) -> None:
        for message in messages:
            check_own_id(message)
            # Locked, as by whoever appends events: the order of commits is that of positions.
            query = select(models.c.id).where(models.c.name == message.model).with_for_update()
            model_id = self.connection.execute(query).scalar_one_or_none()
            if model_id is None:
                raise ModelNotFound(f"no model {message.model!r}", model=message.model)
            try:
                insert_messages(self.connection, model_id, [message])
            except IntegrityError as error:
                raise AlreadyExists(f"message {message.id!r} exists already") from error

    def take(self, now: datetime, lease: timedelta, *, limit: int = 100) -> tuple[Message, ...]:
        model_id = self.connection.execute(_first_free(now)).scalar_one_or_none()
        if model_id is None:
            return ()
        query = _messages().where(outbox.c.model_id == model_id, _waiting).limit(limit)
        rows = self.connection.execute(query).all()
        taken = outbox.c.position.between(rows[0].position, rows[-1].position)
        ours = and_(outbox.c.model_id == model_id, _waiting, taken)
        self.connection.execute(update(outbox).where(ours).values(held_until=now + lease))
        return tuple(_message(row) for row in rows)

    def mark_delivered(self, message_id: str, now: datetime) -> bool:
        ours = and_(outbox.c.id == message_id, _waiting)
        marked = self.connection.execute(update(outbox).where(ours).values(delivered_at=now))
        return marked.rowcount == 1


def insert_messages(connection: Connection, model_id: int, messages: Iterable[Message]) -> None:
    """Insert the messages of one model; its row is locked, or their order does not matter."""
    rows = [
        {
            "id": message.id,
            "model_id": model_id,
            "kind": message.kind,
            "body": json.dumps(dict(message.body), sort_keys=True),
            "created_at": message.created_at,
        }
        for message in messages
    ]
    connection.execute(insert(outbox), rows)


def _first_free(now: datetime) -> Any:
    """Select the model of the message that waits longest and is no consumer's.

    That message is the first waiting one of its model, and its row is locked: of two consumers
    one goes on to another model. SQLite has no row locks and leaves the clause out: there BEGIN
    IMMEDIATE lets one in.
    """
    earlier = outbox.alias()
    has_earlier = exists().where(
        earlier.c.model_id == outbox.c.model_id,
        earlier.c.delivered_at.is_(None),
        earlier.c.position < outbox.c.position,
    )
    free = or_(outbox.c.held_until.is_(None), outbox.c.held_until <= now)
    return (
        select(outbox.c.model_id)
        .where(_waiting, free, ~has_earlier)
        .order_by(outbox.c.position)
        .limit(1)
        .with_for_update(skip_locked=True, of=outbox)
    )


def _messages() -> Any:
    return (
        select(outbox, models.c.name.label("model"))
        .join(models, models.c.id == outbox.c.model_id)
        .order_by(outbox.c.position)
    )


def _message(row: Row[Any]) -> Message:
    return Message(row.id, row.model, row.kind, json.loads(row.body), row.created_at)
