"""SQL of tokens and idempotency keys."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from tradeworthy.access.roles import Role
from tradeworthy.access.tokens import TokenRecord, check_not_last_admin
from tradeworthy.errors import AlreadyExists
from tradeworthy.store.engine import transaction
from tradeworthy.store.idempotency_rule import CLAIM_LEASE, reply_of
from tradeworthy.store.records import IdempotencyClaim, StoredReply
from tradeworthy.store.sql_evidence import insert_once
from tradeworthy.store.tables import idempotency, tokens


class SqlAccess:
    """Tokens and idempotency keys on one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def token(self, mac: str) -> TokenRecord | None:
        """Return the token kept under ``mac``, revoked ones included."""
        query = select(tokens).where(tokens.c.mac == mac)
        with transaction(self._engine, writes=False) as connection:
            row = connection.execute(query).one_or_none()
        return _token(row) if row else None

    def tokens(self) -> tuple[TokenRecord, ...]:
        """Return every token, oldest first."""
        query = select(tokens).order_by(tokens.c.created_at, tokens.c.token_id)
        with transaction(self._engine, writes=False) as connection:
            return tuple(_token(row) for row in connection.execute(query))

    def add_token(self, record: TokenRecord) -> None:
        """Keep a token."""
        strategies = None if record.strategies is None else json.dumps(sorted(record.strategies))
        try:
            with transaction(self._engine, writes=True) as connection:
                connection.execute(
                    insert(tokens).values(
                        token_id=record.token_id,
                        actor=record.actor,
                        roles=json.dumps(sorted(record.roles)),
                        strategies=strategies,
                        mac=record.mac,
                        created_at=record.created_at,
                        created_by=record.created_by,
                        revoked_at=record.revoked_at,
                    )
                )
        except IntegrityError as error:
            raise AlreadyExists(f"token {record.token_id!r} exists already") from error

    def revoke_token(self, token_id: str, at: datetime) -> bool:
        """Revoke a token; False if there is none that is live."""
        # In one order everywhere: whoever revokes waits here until the one before is done.
        live = (
            select(tokens)
            .where(tokens.c.revoked_at.is_(None))
            .order_by(tokens.c.token_id)
            .with_for_update()
        )
        with transaction(self._engine, writes=True) as connection:
            standing = [_token(row) for row in connection.execute(live)]
            if all(record.token_id != token_id for record in standing):
                return False
            check_not_last_admin(token_id, standing)
            revoked = update(tokens).where(tokens.c.token_id == token_id)
            connection.execute(revoked.values(revoked_at=at))
            return True

    def claim(self, claim: IdempotencyClaim, now: datetime) -> StoredReply | None:
        """Reserve a key: None if the request may run, else the reply of the first one."""
        ours = and_(idempotency.c.actor == claim.actor, idempotency.c.key == claim.key)
        abandoned = and_(
            idempotency.c.status.is_(None), idempotency.c.claimed_at < now - CLAIM_LEASE
        )
        values = {
            "actor": claim.actor,
            "key": claim.key,
            "route": claim.route,
            "request_digest": claim.request_digest,
            "claimed_at": now,
        }
        with transaction(self._engine, writes=True) as connection:
            connection.execute(delete(idempotency).where(ours, abandoned))
            if insert_once(connection, idempotency, values):
                return None
            row = connection.execute(select(idempotency).where(ours)).one_or_none()
        if row is None:
            # The first request gave the key back between our two statements.
            return reply_of(claim, claim.route, claim.request_digest, None, None)
        return reply_of(claim, row.route, row.request_digest, row.status, row.body)

    def settle(self, claim: IdempotencyClaim, reply: StoredReply | None) -> None:
        """Keep the reply of a claimed request; None gives the key back."""
        ours = and_(
            idempotency.c.actor == claim.actor,
            idempotency.c.key == claim.key,
            idempotency.c.route == claim.route,
            idempotency.c.request_digest == claim.request_digest,
            idempotency.c.status.is_(None),
        )
        with transaction(self._engine, writes=True) as connection:
            if reply is None:
                connection.execute(delete(idempotency).where(ours))
            else:
                connection.execute(
                    update(idempotency).where(ours).values(status=reply.status, body=reply.body)
                )


def _token(row: Row[Any]) -> TokenRecord:
    return TokenRecord(
        token_id=row.token_id,
        actor=row.actor,
        roles=frozenset(Role(role) for role in json.loads(row.roles)),
        strategies=None if row.strategies is None else frozenset(json.loads(row.strategies)),
        mac=row.mac,
        created_at=row.created_at,
        created_by=row.created_by,
        revoked_at=row.revoked_at,
    )
