"""Drift reports and runs of the schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, Serving, governed
from tradeworthy.api.http.parameters import Limit
from tradeworthy.errors import Forbidden, InvalidInput
from tradeworthy.lifecycle.state import version_of
from tradeworthy.model_registry.changes import record_of
from tradeworthy.wire.drift import ScanDrift, StoredDriftReport

# The windows of a slot reach back from it, and years begin at 1.
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

router = APIRouter(prefix="/api/v1/ml", tags=["drift"], route_class=GovernedRoute)


@router.post("/drift/scans", **governed(Action.SCAN_DRIFT))
def run_scans(body: ScanDrift, service: Serving, caller: Caller) -> list[StoredDriftReport]:
    """Scan every slot that is due, now or up to ``as_of``; return the reports that are new."""
    now = service.clock()
    if body.as_of is not None:
        _check_moment(body.as_of, now)
    if body.model is not None:
        with service.store.read() as view:
            record = record_of(view, body.model)
        caller.require(Action.SCAN_DRIFT, record.state.strategy)
    elif caller.strategies is not None:
        raise Forbidden("a token that is scoped to strategies scans one model: name it")
    new = service.scheduler.run_due(now, model=body.model, as_of=body.as_of)
    return [StoredDriftReport.model_validate(record) for record in new]


def _check_moment(as_of: datetime, now: datetime) -> None:
    if as_of.utcoffset() != timedelta(0):
        raise InvalidInput("as_of is a time in UTC, as in 2026-01-05T12:00:00Z", field="as_of")
    if as_of > now:
        # A slot to come would be reported before its rows are there, and never again.
        raise InvalidInput("as_of is not in the future: leave it out for now", field="as_of")
    if as_of < _EARLIEST:
        raise InvalidInput("as_of lies before 1970: nothing was predicted then", field="as_of")


@router.get("/{model}/drift/reports", **governed(Action.READ))
def list_drift_reports(
    model: str,
    service: Serving,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    limit: Limit = 100,
) -> list[StoredDriftReport]:
    """List a model's drift reports with their evidence, newest slot first."""
    with service.store.read() as view:
        if version is not None:
            version_of(record_of(view, model).state, version)
        reports = view.drift_reports.newest(model, version=version, limit=limit)
    return [StoredDriftReport.model_validate(record) for record in reports]
