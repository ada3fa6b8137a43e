"""Jobs in memory."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from datetime import datetime, timedelta
from threading import RLock

from tradeworthy.errors import AlreadyExists
from tradeworthy.lifecycle.job_state import JobState
from tradeworthy.store.job_records import JobProblem, JobRecord
from tradeworthy.store.records import Document


class MemoryJobs:
    """The jobs of a store in memory, under its lock and beside its documents."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._documents: dict[str, Document] = {}
        self._jobs: dict[str, JobRecord] = {}

    @abstractmethod
    def _need_version(self, model: str, version: int) -> None:
        """Raise ``VersionNotFound`` unless the version is there."""

    def job(self, job_id: str) -> JobRecord | None:
        """Return a job."""
        return self._jobs.get(job_id)

    def add_job(self, record: JobRecord) -> None:
        """Queue a job."""
        with self._lock:
            self._need_version(record.model, record.version)
            if record.id in self._jobs:
                raise AlreadyExists(f"job {record.id!r} exists already")
            self._jobs[record.id] = record

    def claim_job(self, now: datetime, lease: timedelta) -> JobRecord | None:
        """Claim the oldest job that waits, or whose worker let its lease run out."""
        with self._lock:
            free = [job for job in self._jobs.values() if _is_free(job, now)]
            if not free:
                return None
            oldest = min(free, key=lambda job: (job.created_at, job.id))
            claimed = replace(
                oldest,
                state=JobState.RUNNING,
                attempt=oldest.attempt + 1,
                started_at=now,
                lease_until=now + lease,
            )
            self._jobs[claimed.id] = claimed
            return claimed

    def renew_lease(self, job_id: str, attempt: int, until: datetime) -> bool:
        """Move the end of a claim's lease; False if the claim is not the newest any more."""
        with self._lock:
            job = self._held(job_id, attempt)
            if job is not None:
                self._jobs[job_id] = replace(job, lease_until=until)
            return job is not None

    def finish_job(
        self, job_id: str, attempt: int, outcome: Document | JobProblem, now: datetime
    ) -> bool:
        """Keep what came of a job; False if the claim is not the newest any more."""
        with self._lock:
            job = self._held(job_id, attempt)
            if job is None:
                return False
            ended = replace(job, finished_at=now, lease_until=None)
            if isinstance(outcome, JobProblem):
                self._jobs[job_id] = replace(ended, state=JobState.FAILED, problem=outcome)
            else:
                self._documents.setdefault(outcome.digest, outcome)
                done = replace(ended, state=JobState.DONE, result_digest=outcome.digest)
                self._jobs[job_id] = done
            return True

    def _held(self, job_id: str, attempt: int) -> JobRecord | None:
        job = self._jobs.get(job_id)
        held = job is not None and (job.state, job.attempt) == (JobState.RUNNING, attempt)
        return job if held else None


def _is_free(job: JobRecord, now: datetime) -> bool:
    lapsed = job.lease_until is not None and job.lease_until <= now
    return job.state is JobState.QUEUED or (job.state is JobState.RUNNING and lapsed)
