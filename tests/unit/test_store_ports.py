"""Ports: each is implemented, and the readable half of one cannot write."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest

from contract.naive_store import PORTS as NAIVE_PORTS
from tradeworthy.store import ports
from tradeworthy.store.sql_store import SqlStore
from tradeworthy.store.tables import metadata
from tradeworthy.store.unit_of_work import PORTS, View

WRITE_ONLY = {"idempotency"}
MODULES = {module.name for module in iter_modules(ports.__path__)}


def halves(port: str) -> tuple[Any, Any]:
    """The types that a port has in a view and in a unit."""
    readable, writable = vars(View)[port].__orig_class__.__args__
    return readable, writable


def methods(half: type) -> set[str]:
    """The methods that an implementation has to have."""
    return set(getattr(half, "__abstractmethods__", ()))


def test_every_file_of_ports_is_a_port_with_tests_of_its_own() -> None:
    assert set(PORTS) == MODULES == set(NAIVE_PORTS)


@pytest.mark.parametrize("port", PORTS)
def test_a_unit_reads_all_that_a_view_reads(port: str) -> None:
    readable, writable = halves(port)
    assert methods(writable)
    if port in WRITE_ONLY:
        assert readable is type(None)
        return
    assert readable in writable.__mro__
    assert methods(readable) <= methods(writable)
    concern = readable.__name__.removeprefix("Read")
    assert writable.__name__ in (f"Read{concern}", f"Write{concern}")


@pytest.mark.parametrize("port", PORTS)
def test_every_port_has_its_sql(port: str) -> None:
    module = import_module(f"tradeworthy.store.sql.{port}")
    (implementation,) = (
        value
        for name, value in vars(module).items()
        if name.startswith("Sql") and name != "SqlPort"
    )
    assert halves(port)[1] in implementation.__mro__
    assert not methods(implementation)


def test_every_table_is_found() -> None:
    assert {"models", "events", "outbox", "jobs", "model_drift_reports"} <= set(metadata.tables)


def test_a_store_is_opened_by_its_url(tmp_path: Any) -> None:
    store = SqlStore.open(f"sqlite:///{tmp_path / 'tradeworthy.sqlite'}")
    with store.read() as view:
        assert view.events is view.events
    store.close()
