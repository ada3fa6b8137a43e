"""The one way a model changes: decide on its state, write if that state still stands.

Another attempt follows only if nothing moved that the decision rests on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from tradeworthy.errors import ModelNotFound, PreconditionFailed, StaleStage
from tradeworthy.lifecycle.commands import Command
from tradeworthy.lifecycle.decide import decide
from tradeworthy.lifecycle.events import Event
from tradeworthy.lifecycle.state import ModelState
from tradeworthy.store.ports.models import ModelRecord
from tradeworthy.store.unit_of_work import Store, Unit, View

ATTEMPTS = 8


Keep: TypeAlias = Callable[[Unit, Sequence[Event]], None]
"""Writes what belongs to events, in the unit that they are written in."""


@dataclass(frozen=True, slots=True)
class Change:
    """A command, and what writes the rest of its unit: documents, trials, rows of a capability."""

    command: Command
    keep: Keep | None = None


def record_of(view: View, model: str) -> ModelRecord:
    """Return a model's state and revision.

    Raises
    ------
    ModelNotFound
        If there is no such model.
    """
    record = view.models.get(model)
    if record is None:
        raise ModelNotFound(
            f"no model {model!r}: see `tradeworthy models list`, or register it with `tradeworthy "
            "models register MODEL --strategy STRATEGY --owner OWNER`",
            model=model,
        )
    return record


def read_model(store: Store, model: str) -> ModelRecord:
    """Return a model's state and revision, read by themselves.

    Raises
    ------
    ModelNotFound
        If there is no such model.
    """
    with store.read() as view:
        return record_of(view, model)


def check_revision(record: ModelRecord, if_match: frozenset[int] | None) -> None:
    """Raise ``PreconditionFailed`` unless the model is at a revision the caller saw."""
    if if_match is not None and record.revision not in if_match:
        raise PreconditionFailed(
            f"model {record.state.name!r} is at revision {record.revision}, which If-Match does "
            "not name: look at it again",
            expected=sorted(if_match),
            actual=record.revision,
        )


def change_model(
    store: Store,
    record: ModelRecord,
    prepare: Callable[[ModelState], Change],
    *,
    actor: str,
    now: datetime,
    reason: str = "",
    if_match: frozenset[int] | None = None,
) -> tuple[Event, ...]:
    """Decide ``prepare``'s change and write it in one unit; return its events.

    A unit that loses a race is prepared anew only while the version's stage and the champion are
    what they were in ``record``: no decision rests on a champion that is no longer there.

    Raises
    ------
    StaleStage
        If a stage moved meanwhile.
    PreconditionFailed
        If the model is not, or no longer, at one of the revisions ``if_match``.
    TradeworthyError
        Whatever ``decide`` refuses with.
    """
    current = record
    for _ in range(ATTEMPTS):
        check_revision(current, if_match)
        change = prepare(current.state)
        events = decide(current.state, change.command, actor=actor, now=now, reason=reason)
        try:
            with store.begin() as unit:
                _write(unit, current, events, change)
        except StaleStage:
            fresh = _present(store, record.state.name)
            if fresh is not None:
                check_revision(fresh, if_match)
            if fresh is None or _basis(fresh.state, change) != _basis(record.state, change):
                raise
            current = fresh
        else:
            return events
    raise StaleStage(f"model {record.state.name!r} is changing all the time: try again later")


def _write(unit: Unit, record: ModelRecord, events: tuple[Event, ...], change: Change) -> None:
    unit.events.append(record.state.name, record.revision, events)
    if change.keep is not None:
        change.keep(unit, events)


def _present(store: Store, model: str) -> ModelRecord | None:
    with store.read() as view:
        return view.models.get(model)


def _basis(state: ModelState, change: Change) -> tuple[object, ...]:
    number = getattr(change.command, "version", None)
    if number is None:
        return ()
    version, champion = state.versions.get(number), state.champion
    return (version and version.stage, champion and champion.version)
