"""The events of models: what is recorded is never changed, and models are their fold."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tradeworthy.lifecycle.events import Event


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event and its place in the one order of all events."""

    sequence: int
    event: Event


class ReadEvents(Protocol):
    """What can be read of events."""

    @abstractmethod
    def of_model(
        self, model: str, *, until: datetime | None = None, after: int = 0, limit: int | None = None
    ) -> tuple[RecordedEvent, ...]:
        """Return a model's events in their order, up to the first one later than ``until``."""

    @abstractmethod
    def count(self) -> int:
        """Return how many events there are."""


class WriteEvents(ReadEvents, Protocol):
    """Events, read and appended."""

    @abstractmethod
    def append(self, model: str, expected_revision: int, events: Sequence[Event]) -> int:
        """Append events to a model, with their effect on its versions and a message for each.

        Parameters
        ----------
        model
            Its name.
        expected_revision
            The revision that the events were decided at; 0 for a model that is not registered.
        events
            At least one, in their order.

        Returns
        -------
        int
            The model's new revision.

        Raises
        ------
        StaleStage
            Unless the model still is at ``expected_revision``.
        InvalidTransition
            If an event cannot follow those before it.
        """
