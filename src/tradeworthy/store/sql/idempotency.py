"""SQL of idempotency keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Integer, LargeBinary, String, Table, and_, delete, select, update

from tradeworthy.store.ports.idempotency import (
    CLAIM_LEASE,
    Idempotency,
    IdempotencyClaim,
    StoredReply,
    reply_of,
)
from tradeworthy.store.sql.insert_once import insert_once
from tradeworthy.store.sql.schema import SqlPort, UtcDateTime, metadata

idempotency = Table(
    "idempotency",
    metadata,
    Column("actor", String(64), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("route", String(256), nullable=False),
    Column("request_digest", String(64), nullable=False),
    Column("status", Integer),
    Column("body", LargeBinary),
    Column("claimed_at", UtcDateTime, nullable=False),
)


class SqlIdempotency(SqlPort, Idempotency):
    def claim(self, claim: IdempotencyClaim, now: datetime) -> StoredReply | None:
        ours = and_(idempotency.c.actor == claim.actor, idempotency.c.key == claim.key)
        abandoned = and_(
            idempotency.c.status.is_(None), idempotency.c.claimed_at < now - CLAIM_LEASE
        )
        self.connection.execute(delete(idempotency).where(ours, abandoned))
        values = {
            "actor": claim.actor,
            "key": claim.key,
            "route": claim.route,
            "request_digest": claim.request_digest,
            "claimed_at": now,
        }
        if insert_once(self.connection, idempotency, values):
            return None
        row = self.connection.execute(select(idempotency).where(ours)).one_or_none()
        if row is None:
            # The first request gave the key back between our two statements.
            return reply_of(claim, claim.route, claim.request_digest, None, None)
        return reply_of(claim, row.route, row.request_digest, row.status, row.body)

    def settle(self, claim: IdempotencyClaim, reply: StoredReply | None) -> None:
        ours = and_(
            idempotency.c.actor == claim.actor,
            idempotency.c.key == claim.key,
            idempotency.c.route == claim.route,
            idempotency.c.request_digest == claim.request_digest,
            idempotency.c.status.is_(None),
        )
        if reply is None:
            self.connection.execute(delete(idempotency).where(ours))
        else:
            self.connection.execute(
                update(idempotency).where(ours).values(status=reply.status, body=reply.body)
            )
