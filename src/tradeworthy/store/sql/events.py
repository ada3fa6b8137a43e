"""SQL of events: appended to the log, and folded into the rows of model and versions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import starmap
from typing import Any, cast

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
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from tradeworthy.base.digests import Json
from tradeworthy.lifecycle.events import Event, ModelRegistered
from tradeworthy.lifecycle.evolve import evolve
from tradeworthy.lifecycle.recorded_events import body_from_json, body_to_json
from tradeworthy.lifecycle.state import ModelState
from tradeworthy.store.ports.events import RecordedEvent, WriteEvents
from tradeworthy.store.ports.outbox import event_message
from tradeworthy.store.sql.lifecycle_rows import model_record
from tradeworthy.store.sql.lifecycle_tables import models
from tradeworthy.store.sql.outbox import insert_messages
from tradeworthy.store.sql.projection import moved, write_version
from tradeworthy.store.sql.schema import SqlPort, UtcDateTime, metadata

events = Table(
    "events",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("version", Integer),
    Column("kind", String(64), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_events_model_id_sequence", events.c.model_id, events.c.sequence)


class SqlEvents(SqlPort, WriteEvents):
    def of_model(
        self, model: str, *, until: datetime | None = None, after: int = 0, limit: int | None = None
    ) -> tuple[RecordedEvent, ...]:
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
        rows = self.connection.execute(query)
        return tuple(RecordedEvent(row.sequence, _event(model, row)) for row in rows)

    def count(self) -> int:
        # Revisions are summed: PostgreSQL may show a higher sequence number before a lower.
        query = select(func.coalesce(func.sum(models.c.revision), 0))
        return int(self.connection.execute(query).scalar_one())

    def append(self, model: str, expected_revision: int, events: Sequence[Event]) -> int:
        try:
            # A savepoint: whoever goes on after an error has none of it, on every database.
            with self.connection.begin_nested():
                model_id = _lock(self.connection, model, expected_revision, events)
                _write(self.connection, model_id, model, events)
                messages = starmap(event_message, enumerate(events, expected_revision + 1))
                insert_messages(self.connection, model_id, messages)
        except IntegrityError as error:
            raise moved(model) from error
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
        raise moved(model)
    return int(locked)


def _write(connection: Connection, model_id: int, model: str, new_events: Sequence[Event]) -> None:
    record = model_record(connection, model)
    assert record is not None  # noqa: S101 - its row was just locked
    created = record.revision == len(new_events)
    state = ModelState(model) if created else record.state
    connection.execute(insert(events), [_values(event, model_id) for event in new_events])
    for event in new_events:
        after = evolve(state, event)
        if event.version is not None:
            before = state.versions.get(event.version)
            write_version(connection, model_id, before, after.versions[event.version], event)
        state = after


def _values(event: Event, model_id: int) -> dict[str, Any]:
    return {
        "model_id": model_id,
        "version": event.version,
        "kind": event.kind,
        "actor": event.actor,
        "at": event.at,
        "reason": event.reason,
        "body": json.dumps(body_to_json(event.body), sort_keys=True),
    }


def _event(model: str, row: Row[Any]) -> Event:
    fields = cast("dict[str, Json]", json.loads(row.body))
    return Event(model, body_from_json(row.kind, fields), row.actor, row.at, row.reason)
