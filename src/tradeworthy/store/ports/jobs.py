"""Jobs: work that was accepted and is done later, by whichever worker claims it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from tradeworthy.access.roles import Actor
from tradeworthy.base.digests import Json
from tradeworthy.lifecycle.job_state import JobState
from tradeworthy.store.ports.documents import Document


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
        Who sent it, with the roles and the scope of that moment.
    request
        The rest of the request.
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


class ReadJobs(Protocol):
    """What can be read of jobs."""

    @abstractmethod
    def get(self, job_id: str) -> JobRecord | None:
        """Return a job."""


class WriteJobs(ReadJobs, Protocol):
    """Jobs, read, queued, claimed and ended."""

    @abstractmethod
    def add(self, record: JobRecord) -> None:
        """Queue a job.

        Raises
        ------
        VersionNotFound
            If there is no such version.
        AlreadyExists
            If its id is taken.
        """

    @abstractmethod
    def claim(self, now: datetime, lease: timedelta) -> JobRecord | None:
        """Claim the oldest job that waits, or whose worker let its lease run out.

        However many workers claim at once, each job goes to one of them.
        """

    @abstractmethod
    def renew(self, job_id: str, attempt: int, until: datetime) -> bool:
        """Move the end of a claim's lease; False if the claim is not the newest any more."""

    @abstractmethod
    def finish(
        self, job_id: str, attempt: int, outcome: Document | JobProblem, now: datetime
    ) -> bool:
        """Keep what came of a job, the document with its result or why it failed.

        False, and nothing is kept, if the claim is not the newest any more or the job has ended.
        """
