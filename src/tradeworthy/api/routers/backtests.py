"""Backtests that the registry runs, now or as a job."""

from __future__ import annotations

from fastapi import APIRouter, Response

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, Serving, governed
from tradeworthy.api.http.respond_async import PrefersAsync, accepted, or_a_job
from tradeworthy.evidence.requested_costs import RequestedCosts
from tradeworthy.wire.backtests import JudgedBacktest, RunBacktest

router = APIRouter(prefix="/api/v1/ml", tags=["management"], route_class=GovernedRoute)


@router.post(
    "/{model}/backtest", response_model=JudgedBacktest, **or_a_job(governed(Action.BACKTEST))
)
def backtest(
    model: str,
    body: RunBacktest,
    service: Serving,
    caller: Caller,
    prefers_job: PrefersAsync,
) -> JudgedBacktest | Response:
    """Evaluate a version: walk-forward refits, its artifact after its train end, data, features."""
    fees = body.costs
    costs = None if fees is None else RequestedCosts(fees.commission_bps, fees.slippage_bps)
    if prefers_job:
        job = service.jobs.submit_backtest(
            model, body.version, dataset_hash=body.dataset_hash, costs=costs, actor=caller
        )
        return accepted(job)
    outcome = service.backtests.backtest(
        model, body.version, dataset_hash=body.dataset_hash, costs=costs, actor=caller
    )
    return JudgedBacktest.model_validate(outcome.to_json())
