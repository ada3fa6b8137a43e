"""The jobs of a service, run one at a time beside its requests."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.concurrency import run_in_threadpool

from tradeworthy.errors import StoreUnavailable
from tradeworthy.model_registry.jobs import Jobs
from tradeworthy.runtime.service import Service

POLL_SECONDS = 2.0
_STOP_SECONDS = 0.05
_LOG = logging.getLogger("tradeworthy.jobs")


@asynccontextmanager
async def running_jobs(service: Service) -> AsyncIterator[None]:
    """Run queued jobs in a thread; at the end a job that is running is given back."""
    thread = threading.Thread(target=run_jobs, args=(service.jobs,), name="jobs")
    thread.start()
    try:
        yield
    finally:
        service.jobs.stop()
        while thread.is_alive():
            # Again and again: an evaluation may start just after the first time.
            service.evaluator.interrupt()
            await run_in_threadpool(thread.join, _STOP_SECONDS)


def run_jobs(jobs: Jobs) -> None:
    """Run jobs until they are stopped; a failure is logged and does not end the loop."""
    while not jobs.stopped:
        found = False
        try:
            found = jobs.run_next()
        except StoreUnavailable as error:
            _LOG.warning("%s; trying again", error.message)
        except Exception:  # noqa: BLE001 - whatever it was, the next run may succeed
            _LOG.exception("a job could not be run; trying again")
        if not found:
            jobs.wait(POLL_SECONDS)
