"""The loops beside a service's requests: fresh routes, due drift scans, queued jobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

from tradeworthy.errors import StoreUnavailable
from tradeworthy.prediction_log.writer import PredictionLog
from tradeworthy.runtime.drift_scheduler import SCHEDULER_SECONDS
from tradeworthy.runtime.job_loop import running_jobs
from tradeworthy.runtime.service import Service

# How soon a disk that was full is tried again.
LOOK_SECONDS = 1.0
_LOG = logging.getLogger("tradeworthy.api")


@asynccontextmanager
async def running(service: Service, log: PredictionLog) -> AsyncIterator[None]:
    """Keep routes fresh, scan for drift and run jobs for as long as the service runs."""
    settings = service.settings
    loops = [_repeat(service.refresher.refresh, settings.refresh_seconds)]
    if settings.scheduler:
        loops.append(_repeat(lambda: service.scheduler.run_due(service.clock()), SCHEDULER_SECONDS))
    try:
        async with _side_by_side(*loops), running_jobs(service):
            try:
                async with _side_by_side(_look_for_room(log)):
                    yield
            finally:
                # First: what else ends here may wait for a database that hangs.
                log.close()
    finally:
        service.close()


@asynccontextmanager
async def _side_by_side(*loops: Coroutine[None, None, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _look_for_room(log: PredictionLog) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        log.look_for_room()


async def _repeat(work: Callable[[], object], seconds: float) -> None:
    """Run ``work`` again and again; a failure is logged and does not end the loop."""
    loop = asyncio.get_running_loop()
    # A thread of its own: those of the framework may all be busy with requests, for minutes.
    with ThreadPoolExecutor(1) as thread:
        while True:
            try:
                await loop.run_in_executor(thread, work)
            except StoreUnavailable as error:
                _LOG.warning("%s; trying again", error.message)
            except Exception:  # noqa: BLE001 - whatever it was, the next run may succeed
                _LOG.exception("a background run failed; trying again")
            await asyncio.sleep(seconds)
