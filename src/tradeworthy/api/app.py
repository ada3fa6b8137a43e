"""The application: the hot path in front, FastAPI behind it."""

from __future__ import annotations

import functools
import secrets
import time
from typing import Any

from fastapi import FastAPI

from tradeworthy.api.http import problems
from tradeworthy.api.http.first_request import build_routes, load_the_rest
from tradeworthy.api.http.openapi import openapi_of
from tradeworthy.api.routers import routes
from tradeworthy.base.settings import Settings
from tradeworthy.base.version import __version__
from tradeworthy.errors import TradeworthyError
from tradeworthy.prediction_log.writer import PredictionLog
from tradeworthy.runtime.loops import running
from tradeworthy.runtime.prediction_metrics import PredictionMetrics
from tradeworthy.runtime.service import Service, open_service
from tradeworthy.serving.hot_path import HotPath

_TITLE = "Tradeworthy"
_SUMMARY = "The gate and the record between models and money."


@functools.cache
def _document() -> dict[str, Any]:
    """Return the OpenAPI document, which is the same whatever home is served."""
    return openapi_of(routes(), title=_TITLE, version=__version__, summary=_SUMMARY)


def create_api(service: Service) -> FastAPI:
    """Return every route but the hot path; the command line speaks to it in process."""
    app = FastAPI(
        title=_TITLE,
        version=__version__,
        summary=_SUMMARY,
        # The pages would load scripts from elsewhere; /openapi.json says the same.
        docs_url=None,
        redoc_url=None,
        # A path with a slash too many is no route: a redirect would name the host that was sent.
        redirect_slashes=False,
    )
    app.state.service = service
    problems.install(app)
    app.router.routes.extend(routes())
    app.openapi = _document  # type: ignore[method-assign]
    build_routes(app)
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
    load_the_rest(api)
    log = PredictionLog(settings.predictions_folder, mode=settings.prediction_log)
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
