"""Jobs: work that was accepted and is done later, by whichever worker claims it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tradeworthy.access.roles import Actor
from tradeworthy.base.digests import Json
from tradeworthy.lifecycle.job_state import JobState


@dataclass(frozen=True, slots=True)
class JobProblem:
    """Why a job failed: what its error said."""

    code: str
    message: str
    details: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job.

    Parameters
    ----------
    id
        32 hexadecimal characters.
    kind
        What is to be done.
    model, version
        To what.
    actor
        Who asked, with the roles and the scope of that moment.
    request
        The rest of what was asked.
    created_at
        When it was accepted.
    state
        Where it stands.
    attempt
        How often it was claimed; the newest claim's number is the fencing token.
    started_at
        When the newest claim was made.
    finished_at
        When it was done or failed.
    lease_until
        When the newest claim ends unless it is renewed.
    result_digest
        The document with the result of a job that is done.
    problem
        Why it failed.
    """

    id: str
    kind: str
    model: str
    version: int
    actor: Actor
    request: Mapping[str, Json]
    created_at: datetime
    state: JobState = JobState.QUEUED
    attempt: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    lease_until: datetime | None = None
    result_digest: str | None = None
    problem: JobProblem | None = None
