"""The application: the hot path in front, FastAPI behind it, three loops beside it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

import tradeworthy
from tradeworthy.api import problems
from tradeworthy.api.job_loop import running_jobs
from tradeworthy.api.openapi import openapi_of
from tradeworthy.api.prediction_metrics import PredictionMetrics
from tradeworthy.api.routers import (
    datasets,
    drift,
    jobs,
    ml_management,
    ml_models,
    operations,
    releases,
    tokens,
)
from tradeworthy.api.service import Service, open_service
from tradeworthy.errors import StoreUnavailable, TradeworthyError
from tradeworthy.serving.hot_path import HotPath
from tradeworthy.serving.prediction_log import PredictionLog
from tradeworthy.settings import Settings

SCHEDULER_SECONDS = 30.0
_LOG = logging.getLogger("tradeworthy.api")


def create_api(service: Service) -> FastAPI:
    """Return every route but the hot path; the command line speaks to it in process."""
    app = FastAPI(
        title="Tradeworthy",
        version=tradeworthy.__version__,
        summary="The gate and the record between models and money.",
        # The pages would load scripts from elsewhere; /openapi.json says the same.
        docs_url=None,
        redoc_url=None,
        # A path with a slash too many is no route: a redirect would name the host that was sent.
        redirect_slashes=False,
    )
    app.state.service = service
    problems.install(app)
    # Fixed paths come before those that begin with a model's name.
    for part in (operations, tokens, releases, datasets, drift, jobs, ml_models, ml_management):
        app.include_router(part.router)
    app.openapi = lambda: openapi_of(app)  # type: ignore[method-assign]
    return app


def create_app(settings: Settings) -> HotPath:
    """Return the whole service as an ASGI application.

    Raises
    ------
    HomeUnusable, StoreUnavailable, SettingsInvalid
        If the home cannot be used.
    """
    service = open_service(settings, randomness=secrets.token_bytes)
    api = create_api(service)
    log = PredictionLog(settings.predictions_folder, mode=settings.prediction_log)
    hot_path = HotPath(
        api,
        routes=lambda: service.refresher.table,
        authorise=service.gate.authorise,
        log=log,
        problem=_problem,
        clock=time.time_ns,
        max_bytes=settings.max_predict_bytes,
    )
    service.metrics.register(PredictionMetrics(hot_path.counters))
    service.refresher.refresh()
    api.router.lifespan_context = lambda _: _running(service, log)
    return hot_path


def _problem(error: TradeworthyError, path: str) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    status, body, headers = problems.problem(error, path)
    return status, body, [(name.encode(), value.encode()) for name, value in headers.items()]


@asynccontextmanager
async def _running(service: Service, log: PredictionLog) -> AsyncIterator[None]:
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
