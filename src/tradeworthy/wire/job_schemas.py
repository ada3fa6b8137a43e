"""Bodies of answers about jobs."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from tradeworthy.lifecycle.job_state import JobState
from tradeworthy.wire.schemas import BacktestOut, Problem


class JobAccepted(BaseModel):
    """A job that was accepted."""

    job: str
    state: JobState


class JobOut(JobAccepted):
    """A job, with its result once it is done or its problem once it failed."""

    kind: str
    model: str
    version: int
    actor: str
    attempt: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    result: BacktestOut | None
    problem: Problem | None
