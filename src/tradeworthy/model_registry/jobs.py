"""Backtests that are accepted now and run later, by whichever worker is free."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from tradeworthy.access.roles import Actor
from tradeworthy.base.digests import Json, canonical_json, json_digest
from tradeworthy.errors import StoreUnavailable, TradeworthyError
from tradeworthy.evidence.requested_costs import RequestedCosts
from tradeworthy.model_registry.backtests import Backtests
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.ports.jobs import JobProblem, JobRecord
from tradeworthy.store.unit_of_work import Store

BACKTEST = "backtest"
# A job that takes its worker down with it would do so for ever.
MAX_ATTEMPTS = 5
_ID_BYTES = 16
_LOG = logging.getLogger("tradeworthy.jobs")


class Jobs:
    """Accepts jobs, and runs them one at a time.

    A worker holds a job by a lease that it renews while it works. If it dies, the lease runs out
    and another worker starts the job anew; should the first one still come to an end, its outcome
    is refused. A backtest that ran twice is one trial, and its evidence one document.

    Parameters
    ----------
    store
        What the registry keeps.
    backtests
        Runs them.
    clock
        The time now, UTC; the clocks of all workers have to agree to well within a lease.
    randomness
        ``n`` random bytes, as ``secrets.token_bytes``.
    lease
        How long a job stays with a worker that is not heard of.
    """

    def __init__(
        self,
        store: Store,
        backtests: Backtests,
        clock: Callable[[], datetime],
        randomness: Callable[[int], bytes],
        lease: timedelta,
    ) -> None:
        self._store = store
        self._backtests = backtests
        self._clock = clock
        self._randomness = randomness
        self._lease = lease
        self._woken = threading.Event()
        self._stopped = threading.Event()

    def submit_backtest(
        self,
        model: str,
        version: int,
        *,
        dataset_hash: str | None = None,
        costs: RequestedCosts | None = None,
        actor: Actor,
    ) -> JobRecord:
        """Accept a backtest, to be run with the rights that the actor has now.

        Raises
        ------
        Forbidden, ModelNotFound, VersionNotFound, InvalidTransition
            As the backtest itself would.
        """
        self._backtests.admit(model, version, actor=actor)
        request: dict[str, Json] = {"dataset_hash": dataset_hash, "costs": None}
        if costs is not None:
            request["costs"] = {
                "commission_bps": costs.commission_bps,
                "slippage_bps": costs.slippage_bps,
            }
        record = JobRecord(
            id=self._randomness(_ID_BYTES).hex(),
            kind=BACKTEST,
            model=model,
            version=version,
            actor=actor,
            request=request,
            created_at=self._clock(),
        )
        with self._store.begin() as unit:
            unit.jobs.add(record)
        self._woken.set()
        return record

    @property
    def stopped(self) -> bool:
        """Whether no more jobs are run here."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Run no more jobs; one whose evaluation is cut off from now on is given back."""
        self._stopped.set()
        self._woken.set()

    def wait(self, seconds: float) -> bool:
        """Wait until a job is submitted here, at most so long; tell whether one was."""
        woken = self._woken.wait(seconds)
        self._woken.clear()
        return woken

    def run_next(self) -> bool:
        """Claim a job and run it; tell whether there was one.

        Raises
        ------
        StoreUnavailable
            If the database does not answer; the job will be claimed anew.
        """
        with self._store.begin() as unit:
            job = unit.jobs.claim(self._clock(), self._lease)
        if job is None:
            return False
        with self._holding(job):
            outcome = self._outcome(job)
        self._end(job, outcome)
        return True

    def _end(self, job: JobRecord, outcome: Document | JobProblem) -> None:
        now = self._clock()
        with self._store.begin() as unit:
            if self.stopped and isinstance(outcome, JobProblem):
                unit.jobs.renew(job.id, job.attempt, now)
            elif not unit.jobs.finish(job.id, job.attempt, outcome, now):
                _LOG.warning(
                    "job %s was taken over by another worker; the outcome of this one is refused",
                    job.id,
                )

    @contextmanager
    def _holding(self, job: JobRecord) -> Iterator[None]:
        ended = threading.Event()
        thread = threading.Thread(target=self._renew, args=(job, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _renew(self, job: JobRecord, ended: threading.Event) -> None:
        while not ended.wait(self._lease.total_seconds() / 4):
            try:
                until = self._clock() + self._lease
                with self._store.begin() as unit:
                    held = unit.jobs.renew(job.id, job.attempt, until)
            except StoreUnavailable as error:
                _LOG.warning("%s; trying again", error.message)
            else:
                if not held:
                    return

    def _outcome(self, job: JobRecord) -> Document | JobProblem:
        if job.attempt > MAX_ATTEMPTS:
            return JobProblem(
                TradeworthyError.code,
                f"{MAX_ATTEMPTS} workers were lost over this job: read the service's log, then "
                "ask again",
            )
        try:
            result = self._backtest(job)
        except StoreUnavailable:
            raise
        except TradeworthyError as error:
            details = json.loads(json.dumps(error.details, default=str))
            return JobProblem(error.code, error.message, details)
        except Exception:  # noqa: BLE001 - whatever it was, whoever sent it has to hear of it
            _LOG.exception("job %s failed", job.id)
            message = "an unexpected error; the service's log has the details"
            return JobProblem(TradeworthyError.code, message)
        return Document(json_digest("job-result/v1", result), "job-result", canonical_json(result))

    def _backtest(self, job: JobRecord) -> dict[str, Json]:
        dataset_hash, costs = job.request["dataset_hash"], job.request["costs"]
        outcome = self._backtests.backtest(
            job.model,
            job.version,
            dataset_hash=None if dataset_hash is None else str(dataset_hash),
            costs=RequestedCosts(**costs) if isinstance(costs, dict) else None,  # type: ignore[arg-type]
            actor=job.actor,
        )
        return outcome.to_json()
