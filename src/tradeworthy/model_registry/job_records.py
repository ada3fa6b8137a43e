"""Jobs as the registry keeps them: who may see one, and what came of it."""

from __future__ import annotations

import re

from tradeworthy.access.roles import Action, Actor
from tradeworthy.base.digests import Json
from tradeworthy.errors import RecordNotFound
from tradeworthy.model_registry.changes import record_of
from tradeworthy.store.ports.jobs import JobRecord
from tradeworthy.store.unit_of_work import Store

_ID = re.compile(r"[0-9a-f]{32}")


def visible_job(store: Store, job_id: str, *, actor: Actor) -> JobRecord:
    """Return a job.

    Raises
    ------
    RecordNotFound
        If there is none under that id.
    Forbidden
        If the actor's token is not for the strategy.
    """
    actor.require(Action.READ)
    with store.read() as view:
        job = view.jobs.get(job_id) if _ID.fullmatch(job_id) else None
        if job is None:
            raise RecordNotFound(
                f"no job {job_id[:64]!r}: the answer that accepted it names its id",
                job=job_id[:64],
            )
        strategy = record_of(view, job.model).state.strategy
    actor.require(Action.READ, strategy)
    return job


def job_result(store: Store, job: JobRecord) -> dict[str, Json] | None:
    """Return the result of a job that is done, None before."""
    if job.result_digest is None:
        return None
    with store.read() as view:
        document = view.documents.get(job.result_digest)
    assert document is not None  # noqa: S101 - it was kept with the job's end
    return dict(document.content())
