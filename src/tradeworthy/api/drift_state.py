"""How drift of a model's version in PRODUCTION stands: its own newest report, and what is due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from tradeworthy.drift.schedule import Schedule, next_slot
from tradeworthy.errors import PolicyInvalid
from tradeworthy.lifecycle.state import ModelState
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.store.unit_of_work import View
from tradeworthy.wire.drift import DriftState, LatestDrift


def drift_state(
    view: View, state: ModelState, policy: Callable[[ModelState], Policy], now: datetime
) -> DriftState | None:
    """Put together what is known of the drift of the version in PRODUCTION, None without one."""
    champion = state.champion
    if champion is None:
        return None
    newest = view.drift_reports.newest(state.name, version=champion.version, until=now, limit=1)
    report = LatestDrift.model_validate(newest[0]) if newest else None
    try:
        schedule = Schedule(timedelta(seconds=policy(state).drift.every_seconds))
    except PolicyInvalid:  # nothing is scanned then; the rest of the status is no less true
        return DriftState(
            version=champion.version, state="not scheduled", next_slot=None, report=report
        )
    last = report.slot if report else None
    following = next_slot(schedule, last, now, since=champion.stage_since)
    return DriftState(
        version=champion.version,
        state="due" if following <= now else "reported" if report else "not yet due",
        next_slot=following,
        report=report,
    )
