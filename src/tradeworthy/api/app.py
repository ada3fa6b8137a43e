"""The whole service: the hot path in front, the routes of the framework behind it."""

from __future__ import annotations

import secrets
import time

from tradeworthy.api.http import problems
from tradeworthy.api.http.first_request import load_the_rest
from tradeworthy.api.management_app import create_api
from tradeworthy.base.settings import Settings
from tradeworthy.errors import TradeworthyError
from tradeworthy.prediction_log.writer import PredictionLog
from tradeworthy.runtime.loops import running
from tradeworthy.runtime.prediction_metrics import PredictionMetrics
from tradeworthy.runtime.service import open_service
from tradeworthy.serving.hot_path import HotPath


def create_app(settings: Settings) -> HotPath:
    """Return the whole service as an ASGI application.

    Raises
    ------
    HomeUnusable, StoreUnavailable, SettingsInvalid
        If the home cannot be used.
    """
    service = open_service(settings, randomness=secrets.token_bytes)
    service.complete()
    api = create_api(service)
    load_the_rest(api)
    log = PredictionLog(settings.predictions_folder, mode=settings.prediction_log)
    service.prediction_log = log
    hot_path = HotPath(
        api,
        routes=lambda: service.refresher.table,
        authorise=service.token_cache.authorise,
        log=log,
        problem=_problem,
        clock=time.time_ns,
        max_bytes=settings.max_predict_bytes,
    )
    service.metrics.register(PredictionMetrics(hot_path.counters))
    service.refresher.refresh()
    api.router.lifespan_context = lambda _: running(service, log)
    return hot_path


def _problem(error: TradeworthyError, path: str) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    status, body, headers = problems.problem(error, path)
    return status, body, [(name.encode(), value.encode()) for name, value in headers.items()]
