"""Every route but the hot path, as a FastAPI application."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

from fastapi import FastAPI

from tradeworthy.api.http import problems
from tradeworthy.api.http.first_request import build_routes
from tradeworthy.api.routers import routes
from tradeworthy.base.version import __version__
from tradeworthy.runtime.service import Service

TITLE = "Tradeworthy"
SUMMARY = "The gate and the record between models and money."


@functools.cache
def _document() -> dict[str, Any]:
    """Return the OpenAPI document, which ``docs/generate_reference.py`` makes from the routes."""
    text = resources.files("tradeworthy.api").joinpath("openapi.json").read_text("utf-8")
    return dict(json.loads(text))


def create_api(service: Service) -> FastAPI:
    """Return every route but the hot path; the command line speaks to it in process."""
    app = FastAPI(
        title=TITLE,
        version=__version__,
        summary=SUMMARY,
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
