"""Jobs: work that was accepted and is done later."""

from __future__ import annotations

from datetime import datetime

from tradeworthy.lifecycle.job_state import JobState
from tradeworthy.wire.backtests import JudgedBacktest
from tradeworthy.wire.bodies import ResponseBody
from tradeworthy.wire.problems import Problem


class AcceptedJob(ResponseBody):
    """A job that was accepted."""

    job: str
    state: JobState


class JobProgress(AcceptedJob):
    """A job, with its result once it is done or its problem once it failed."""

    kind: str
    model: str
    version: int
    actor: str
    attempt: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    result: JudgedBacktest | None
    problem: Problem | None
