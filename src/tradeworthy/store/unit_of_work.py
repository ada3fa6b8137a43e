"""The store: one moment of it to read, one transaction of it to write.

``with store.read() as view`` sees one moment, however much is read. Whatever is written through
``with store.begin() as unit`` commits together at the end of the block, or not at all. Each
attribute of the two is a port: one concern with its records and methods, a file in `ports`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Generic, Protocol, TypeVar, overload

from tradeworthy.store.ports.backtests import ReadBacktests, WriteBacktests
from tradeworthy.store.ports.datasets import ReadDatasets, WriteDatasets
from tradeworthy.store.ports.documents import ReadDocuments, WriteDocuments
from tradeworthy.store.ports.drift_reports import ReadDriftReports, WriteDriftReports
from tradeworthy.store.ports.events import ReadEvents, WriteEvents
from tradeworthy.store.ports.idempotency import Idempotency
from tradeworthy.store.ports.jobs import ReadJobs, WriteJobs
from tradeworthy.store.ports.models import ReadModels
from tradeworthy.store.ports.outbox import ReadOutbox, WriteOutbox
from tradeworthy.store.ports.releases import ReadReleases, WriteReleases
from tradeworthy.store.ports.tokens import ReadTokens, WriteTokens
from tradeworthy.store.ports.trials import ReadTrials, WriteTrials
from tradeworthy.store.ports.versions import ReadVersions

Readable = TypeVar("Readable")
Writable = TypeVar("Writable")


class Port(Generic[Readable, Writable]):
    """An attribute that is one concern: its readable half in a view, the whole of it in a unit."""

    def __set_name__(self, owner: type[View], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: Unit, owner: type[View]) -> Writable: ...

    @overload
    def __get__(self, instance: View, owner: type[View]) -> Readable: ...

    def __get__(self, instance: View, owner: type[View]) -> object:
        """Open the port when it is first used; later uses find it in the instance itself."""
        port = vars(instance)[self._name] = instance.open_port(self._name)
        return port


class View:
    """One moment of the store, to be read.

    Parameters
    ----------
    open_port
        Returns the port of a name, on whatever keeps the records.
    """

    backtests = Port[ReadBacktests, WriteBacktests]()
    datasets = Port[ReadDatasets, WriteDatasets]()
    documents = Port[ReadDocuments, WriteDocuments]()
    drift_reports = Port[ReadDriftReports, WriteDriftReports]()
    events = Port[ReadEvents, WriteEvents]()
    idempotency = Port[None, Idempotency]()
    jobs = Port[ReadJobs, WriteJobs]()
    models = Port[ReadModels, ReadModels]()
    outbox = Port[ReadOutbox, WriteOutbox]()
    releases = Port[ReadReleases, WriteReleases]()
    tokens = Port[ReadTokens, WriteTokens]()
    trials = Port[ReadTrials, WriteTrials]()
    versions = Port[ReadVersions, ReadVersions]()

    def __init__(self, open_port: Callable[[str], Any]) -> None:
        self.open_port = open_port

    def position(self) -> tuple[int, int]:
        """Return how many events there are and the active epoch: both grow with every change."""
        activation = self.releases.activation()
        return self.events.count(), activation.epoch if activation else 0


class Unit(View):
    """One transaction.

    An error ends it: let the error leave the block, so that nothing of the unit is kept.
    """


PORTS = tuple(name for name, value in vars(View).items() if isinstance(value, Port))
"""The names of all ports."""


class Store(Protocol):
    """Where the product keeps its records."""

    def read(self) -> AbstractContextManager[View]:
        """Open one moment to read."""

    def begin(self) -> AbstractContextManager[Unit]:
        """Begin a transaction; it commits at the end of the block, unless an error leaves it."""

    def close(self) -> None:
        """Give back what the store holds."""
