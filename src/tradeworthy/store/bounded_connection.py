"""Connections to PostgreSQL that wait for an answer only so long.

A server that was stopped, or whose machine is gone, neither answers nor refuses, and its own
``statement_timeout`` ends nothing then: this side looks at the clock as well.
"""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Engine, event

Result = TypeVar("Result")
# A server that is reached at all accepts within a moment.
CONNECT_SECONDS = 5


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when an answer takes too long."""

    answer_seconds: float | None = None

    def wait(
        self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None
    ) -> Result:
        """Wait for the server's answer.

        Raises
        ------
        psycopg.OperationalError
            If it does not come; the connection is closed then, since the answer may still come.
        """
        limit = self.answer_seconds if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except psycopg.errors._WaitTimeout as error:
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer within {limit:g} seconds") from error


def bound_answers(engine: Engine, seconds: float) -> None:
    """Have every connection of a PostgreSQL engine wait so long for an answer, and no longer."""

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Any, _record: Any, _arguments: Any, options: Any) -> BoundedConnection:
        options.setdefault("connect_timeout", CONNECT_SECONDS)
        connection = BoundedConnection.connect(**options)
        connection.answer_seconds = seconds
        connection.autocommit = True
        # So that the server gives up as well, and first: its locks are free then.
        connection.execute(f"SET statement_timeout = {int(seconds * 1000)}")
        connection.autocommit = False
        return connection
