"""The store on a SQL database; SQLite and PostgreSQL alike."""

from __future__ import annotations

from sqlalchemy import Engine, text

from tradeworthy.store.engine import open_engine, transaction
from tradeworthy.store.sql_access import SqlAccess
from tradeworthy.store.sql_evidence import SqlEvidence
from tradeworthy.store.sql_jobs import SqlJobs
from tradeworthy.store.sql_lifecycle import SqlLifecycle


class SqlStore(SqlLifecycle, SqlEvidence, SqlAccess, SqlJobs):
    """Everything the product keeps, behind ``store.protocol.Store``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> SqlStore:
        """Open the store at a database URL; its schema has to be there already."""
        return cls(open_engine(url))

    def position(self) -> tuple[int, int]:
        """Return how many events there are and the active epoch: both grow with every change."""
        activation = self.activation()
        return self.event_count(), activation.epoch if activation else 0

    def ping(self) -> None:
        """Raise ``StoreUnavailable`` unless the store answers."""
        with transaction(self._engine, writes=False) as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
