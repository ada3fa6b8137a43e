"""The loops beside a service's requests: fresh routes, due drift scans, queued jobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

from tradeworthy.errors import StoreUnavailable
from tradeworthy.prediction_log.writer import PredictionLog
from tradeworthy.runtime.drift_scheduler import SCHEDULER_SECONDS
from tradeworthy.runtime.job_loop import running_jobs
from tradeworthy.runtime.service import Service

_LOG = logging.getLogger("tradeworthy.api")


@asynccontextmanager
async def running(service: Service, log: PredictionLog) -> AsyncIterator[None]:
    """Keep routes fresh, scan for drift and run jobs for as long as the service runs."""
    settings = service.settings
    loops = [asyncio.create_task(_repeat(service.refresher.refresh, settings.refresh_seconds))]
    if settings.scheduler:
        loops.append(
            asyncio.create_task(
                _repeat(lambda: service.scheduler.run_due(service.clock()), SCHEDULER_SECONDS)
            )
        )
    try:
        async with running_jobs(service):
            yield
    finally:
        for loop in loops:
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop
        log.close()
        service.close()


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
