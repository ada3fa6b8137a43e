"""The store on a SQL database; SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

from sqlalchemy import Connection, Engine

from tradeworthy.store.engine import open_engine, transaction
from tradeworthy.store.unit_of_work import PORTS, Unit, View


def _implementation(port: str) -> Any:
    """Return the class of a port: ``SqlDriftReports`` of ``sql/drift_reports.py``."""
    module = import_module(f"tradeworthy.store.sql.{port}")
    return getattr(module, "Sql" + "".join(part.capitalize() for part in port.split("_")))


_IMPLEMENTATIONS = {port: _implementation(port) for port in PORTS}


def _open_port(connection: Connection, port: str) -> object:
    return _IMPLEMENTATIONS[port](connection)


class SqlStore:
    """Everything the product keeps, behind ``unit_of_work.Store``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> SqlStore:
        """Open the store at a database URL; its schema has to be there already."""
        return cls(open_engine(url))

    @contextmanager
    def read(self) -> Iterator[View]:
        """Open one moment to read."""
        with transaction(self._engine, writes=False) as connection:
            yield View(partial(_open_port, connection))

    @contextmanager
    def begin(self) -> Iterator[Unit]:
        """Begin a transaction."""
        with transaction(self._engine, writes=True) as connection:
            yield Unit(partial(_open_port, connection))

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
