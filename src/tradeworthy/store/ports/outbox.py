"""The outbox: what others have to hear of, kept in the unit that it tells of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from tradeworthy.base.digests import Json
from tradeworthy.errors import InvalidInput
from tradeworthy.lifecycle.events import Event
from tradeworthy.lifecycle.recorded_events import body_to_json


@dataclass(frozen=True, slots=True)
class Message:
    """A message about a model.

    Parameters
    ----------
    id
        The same at every delivery: whoever receives it twice knows it by this.
    model
        Which model it is about; the messages of one model are delivered in their order.
    kind
        What happened.
    body
        The rest of it.
    created_at
        When it happened.
    """

    id: str
    model: str
    kind: str
    body: Mapping[str, Json]
    created_at: datetime


class ReadOutbox(Protocol):
    """What can be read of the outbox."""

    @abstractmethod
    def undelivered(self, model: str, *, limit: int = 100) -> tuple[Message, ...]:
        """Return a model's messages that wait for their delivery, in their order."""


class WriteOutbox(ReadOutbox, Protocol):
    """The outbox, filled, and emptied by consumers.

    ``events.append`` adds a message for each event by itself. A consumer takes messages in a unit,
    delivers them in their order, and marks each in another unit. If it is killed before it marks
    one, its lease runs out and the message is delivered again under the same id: every message
    at least once, and none before all earlier ones of its model.
    """

    @abstractmethod
    def add(self, *messages: Message) -> None:
        """Add messages after those of their models that are there.

        Raises
        ------
        AlreadyExists
            If a message's id is taken.
        ModelNotFound
            If there is no such model.
        """

    @abstractmethod
    def take(self, now: datetime, lease: timedelta, *, limit: int = 100) -> tuple[Message, ...]:
        """Take the next messages of one model, the one whose message waits longest.

        However many consumers take at once, each model is one's until ``now + lease``, or until
        that consumer has marked what it took.
        """

    @abstractmethod
    def mark_delivered(self, message_id: str, now: datetime) -> bool:
        """Keep that a message was delivered; False if that is known, or there is no such message.

        Deliver and mark in the order of the messages: what is marked is never taken again.
        """


def check_own_id(message: Message) -> None:
    """Raise ``InvalidInput`` for an id that the message of an event has, or will have."""
    if message.id.removeprefix(f"{message.model}/").isdecimal():
        raise InvalidInput(f"{message.id!r} is the id of an event's message: choose another")


def event_message(revision: int, event: Event) -> Message:
    """Return the message of an event that brings its model to ``revision``.

    Examples
    --------
    >>> from datetime import UTC
    >>> from tradeworthy.lifecycle.events import VersionDrafted
    >>> noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    >>> message = event_message(2, Event("trend", VersionDrafted(1), "ana", noon))
    >>> message.id, message.kind, message.body["actor"]
    ('trend/2', 'VersionDrafted', 'ana')
    """
    body: dict[str, Json] = {
        "actor": event.actor,
        "reason": event.reason,
        "event": body_to_json(event.body),
    }
    return Message(f"{event.model}/{revision}", event.model, event.kind, body, event.at)
