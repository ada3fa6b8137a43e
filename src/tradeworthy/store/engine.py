"""Opening a database: SQLite as a file in WAL mode, PostgreSQL by its URL."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    DisconnectionError,
    IntegrityError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tradeworthy.errors import InvalidInput, SettingsInvalid, StoreUnavailable

BUSY_TIMEOUT_MS = 30_000
# As long as SQLite waits for a lock; no statement of this product computes for seconds.
ANSWER_SECONDS = BUSY_TIMEOUT_MS / 1000


def open_engine(url: str, *, answer_seconds: float | None = ANSWER_SECONDS) -> Engine:
    """Open the database at ``url``.

    Parameters
    ----------
    url
        ``sqlite:///path`` or ``postgresql://user@host/name``.
    answer_seconds
        How long PostgreSQL may take to answer a statement; None, for a migration, without an end.

    Raises
    ------
    SettingsInvalid
        For a URL of another kind, or without the driver for it.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        # Nor is the library's text quoted, in which a password may stand.
        raise SettingsInvalid(
            "the database URL is malformed: write sqlite:///path or postgresql://user@host/name"
        ) from error
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed.set(drivername="sqlite"))
    if parsed.get_backend_name() != "postgresql":
        # The text is not quoted: a password may stand where the kind belongs.
        raise SettingsInvalid("databases of that kind are not supported: use sqlite or postgresql")
    return _open_postgresql(parsed.set(drivername="postgresql+psycopg"), answer_seconds)


def _open_postgresql(url: URL, answer_seconds: float | None) -> Engine:
    try:
        engine = create_engine(url, pool_size=8, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise SettingsInvalid(
            "PostgreSQL needs its driver: install tradeworthy[postgres]"
        ) from error
    if answer_seconds is not None:
        # Here, since the driver is an extra.
        from tradeworthy.store.bounded_connection import bound_answers

        bound_answers(engine, answer_seconds)
    return engine


def _open_sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    _watch_file(engine, Path(url.database or "").absolute())

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # The driver must not open transactions by itself: BEGIN IMMEDIATE has to come from us.
        connection.isolation_level = None
        cursor = connection.cursor()
        _use_wal(cursor)
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Have the file in WAL mode, which it keeps.

    Connections that change a new file at once would wait for each other: SQLite refuses one of
    them without waiting for its busy timeout.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def _watch_file(engine: Engine, path: Path) -> None:
    """Notice a database file that was moved, deleted or replaced under open connections.

    SQLite would go on with the old file, and make an empty one for the next connection.
    """
    opened = False

    def identity() -> tuple[int, int] | None:
        try:
            status = path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    @event.listens_for(engine, "do_connect")
    def _refuse_to_make_another(*_: Any) -> None:
        if opened and identity() is None:
            raise sqlite3.OperationalError(f"the database file {path} is gone")

    @event.listens_for(engine, "connect")
    def _remember(_connection: Any, record: Any) -> None:
        nonlocal opened
        opened = True
        record.info["file"] = identity()

    @event.listens_for(engine, "checkout")
    def _compare(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["file"] != identity():
            raise DisconnectionError


@contextmanager
def transaction(engine: Engine, *, writes: bool) -> Iterator[Connection]:
    """Open one transaction; it commits at the end of the block, or not at all.

    A transaction that only reads sees one moment, however many statements it makes.

    Raises
    ------
    StoreUnavailable
        If the database cannot be reached or fails.
    InvalidInput
        For a value that a column cannot hold.
    """
    options: dict[str, Any] = {"writes": writes}
    if not writes and engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    try:
        with engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection
    except IntegrityError:
        raise
    except DataError as error:
        raise InvalidInput(f"the database cannot hold a value: {error.orig}") from error
    except (DBAPIError, PoolTimeout, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise StoreUnavailable(f"the database does not answer: {cause}") from error
