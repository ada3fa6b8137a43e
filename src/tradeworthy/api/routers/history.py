"""A model as it stood at a time, folded from its events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import GovernedRoute, Serving, governed
from tradeworthy.errors import InvalidInput
from tradeworthy.lifecycle.evolve import fold
from tradeworthy.lifecycle.recorded_events import body_to_json
from tradeworthy.store.ports.events import RecordedEvent
from tradeworthy.wire.field_types import Moment
from tradeworthy.wire.history import HistoryEvent, ModelHistory

router = APIRouter(prefix="/api/v1/ml", tags=["management"], route_class=GovernedRoute)


@router.get("/{model}/history", **governed(Action.READ))
def history(
    model: str, service: Serving, at: Annotated[Moment | None, Query()] = None
) -> ModelHistory:
    """Return a model as it stood at a time, folded from its events."""
    moment = service.clock() if at is None else _utc(at)
    with service.store.read() as view:
        events = view.events.of_model(model, until=moment)
    state = fold(model, [recorded.event for recorded in events])
    return ModelHistory(
        model=model,
        at=moment,
        production_version=state.champion.version if state.champion else None,
        stages={number: version.stage for number, version in state.versions.items()},
        events=[_history_event(recorded) for recorded in events],
    )


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise InvalidInput("at needs its offset from UTC, as in 2026-01-05T12:00:00Z", field="at")
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput("at lies outside of the years 1 to 9999", field="at") from error


def _history_event(recorded: RecordedEvent) -> HistoryEvent:
    event = recorded.event
    return HistoryEvent(
        sequence=recorded.sequence,
        kind=event.kind,
        version=event.version,
        actor=event.actor,
        at=event.at,
        reason=event.reason,
        body=body_to_json(event.body),
    )
