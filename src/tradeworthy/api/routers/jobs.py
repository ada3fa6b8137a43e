"""Jobs: what was accepted and runs later."""

from __future__ import annotations

from fastapi import APIRouter

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, Serving, governed
from tradeworthy.api.http.problems import problem_document
from tradeworthy.api.http.respond_async import job_headers
from tradeworthy.errors import rebuild
from tradeworthy.model_registry.job_records import job_result, visible_job
from tradeworthy.store.ports.jobs import JobProblem
from tradeworthy.wire.backtests import JudgedBacktest
from tradeworthy.wire.jobs import JobProgress
from tradeworthy.wire.problems import Problem

router = APIRouter(prefix="/api/v1/ml", tags=["jobs"], route_class=GovernedRoute)


@router.get("/jobs/{job}", **governed(Action.READ))
def read_job(job: str, service: Serving, caller: Caller) -> JobProgress:
    """Return where a job stands, and what came of it."""
    found = visible_job(service.store, job, actor=caller)
    result = job_result(service.store, found)
    return JobProgress(
        job=found.id,
        state=found.state,
        kind=found.kind,
        model=found.model,
        version=found.version,
        actor=found.actor.name,
        attempt=found.attempt,
        created_at=found.created_at,
        started_at=found.started_at,
        finished_at=found.finished_at,
        result=None if result is None else JudgedBacktest.model_validate(result),
        problem=None if found.problem is None else _problem_of(found.problem, found.id),
    )


def _problem_of(failure: JobProblem, job_id: str) -> Problem:
    error = rebuild(failure.code, failure.message, dict(failure.details))
    return Problem.model_validate(problem_document(error, job_headers(job_id)["Location"]))
