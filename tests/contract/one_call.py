"""Ports whose every call is a transaction of its own: what most tests need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tradeworthy.lifecycle.events import Event
from tradeworthy.store.ports.backtests import BacktestRecord
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.ports.trials import LedgerEntry
from tradeworthy.store.unit_of_work import Store, Unit, View


class _Alone:
    """A port; each call opens a view or a unit, and ends it."""

    def __init__(self, open_one: Callable[[], Any], port: str) -> None:
        self._open_one = open_one
        self._port = port

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            with self._open_one() as one:
                return getattr(getattr(one, self._port), method)(*arguments, **options)

        return call


def view(store: Store) -> View:
    """Every call sees its own moment."""
    return View(lambda port: _Alone(store.read, port))


def unit(store: Store) -> Unit:
    """Every call is its own transaction."""
    return Unit(lambda port: _Alone(store.begin, port))


def position(store: Store) -> tuple[int, int]:
    """How many events there are and the active epoch, at one moment."""
    with store.read() as one:
        return one.position()


def commit(
    store: Store,
    model: str,
    expected_revision: int,
    events: Sequence[Event],
    *,
    documents: Sequence[Document] = (),
    ledger: Sequence[LedgerEntry] = (),
) -> int:
    """Write events with their documents and trials, as a change of a model does."""
    with store.begin() as one:
        revision = one.events.append(model, expected_revision, events)
        one.documents.add(*documents, at=events[0].at)
        one.trials.add(*ledger)
    return revision


def record_backtest(
    store: Store, record: BacktestRecord, entry: LedgerEntry, evidence: Document
) -> None:
    """Write a backtest with its evidence and its trial, as the registry does."""
    with store.begin() as one:
        one.documents.add(evidence, at=record.at)
        one.backtests.add(record)
        one.trials.add(entry)
