"""SQL of tokens."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Row, String, Table, Text, insert, select, update
from sqlalchemy.exc import IntegrityError

from tradeworthy.access.roles import Role
from tradeworthy.access.tokens import TokenRecord, check_not_last_admin
from tradeworthy.errors import AlreadyExists
from tradeworthy.store.ports.tokens import WriteTokens
from tradeworthy.store.sql.schema import SqlPort, UtcDateTime, metadata

tokens = Table(
    "tokens",
    metadata,
    Column("token_id", String(32), primary_key=True),
    Column("actor", String(64), nullable=False),
    Column("roles", Text, nullable=False),
    Column("strategies", Text),
    Column("mac", String(64), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("revoked_at", UtcDateTime),
)


class SqlTokens(SqlPort, WriteTokens):
    def get(self, mac: str) -> TokenRecord | None:
        row = self.connection.execute(select(tokens).where(tokens.c.mac == mac)).one_or_none()
        return _record(row) if row else None

    def all(self) -> tuple[TokenRecord, ...]:
        query = select(tokens).order_by(tokens.c.created_at, tokens.c.token_id)
        return tuple(_record(row) for row in self.connection.execute(query))

    def add(self, record: TokenRecord) -> None:
        strategies = None if record.strategies is None else json.dumps(sorted(record.strategies))
        statement = insert(tokens).values(
            token_id=record.token_id,
            actor=record.actor,
            roles=json.dumps(sorted(record.roles)),
            strategies=strategies,
            mac=record.mac,
            created_at=record.created_at,
            created_by=record.created_by,
            revoked_at=record.revoked_at,
        )
        try:
            self.connection.execute(statement)
        except IntegrityError as error:
            raise AlreadyExists(f"token {record.token_id!r} exists already") from error

    def revoke(self, token_id: str, at: datetime) -> bool:
        # In one order everywhere: whoever revokes waits here until the one before is done.
        live = (
            select(tokens)
            .where(tokens.c.revoked_at.is_(None))
            .order_by(tokens.c.token_id)
            .with_for_update()
        )
        standing = [_record(row) for row in self.connection.execute(live)]
        if all(record.token_id != token_id for record in standing):
            return False
        check_not_last_admin(token_id, standing)
        revoked = update(tokens).where(tokens.c.token_id == token_id)
        self.connection.execute(revoked.values(revoked_at=at))
        return True


def _record(row: Row[Any]) -> TokenRecord:
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
