"""What would be left to the first request, done before there is one.

FastAPI builds the routes of an included router when a request first looks for one, in that
request's thread, and with the process's warning filters changed meanwhile, which is safe in one
thread at a time only. Libraries import parts of themselves when these are first used.
"""

from __future__ import annotations

import importlib
from typing import Final

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

# For ``numpy.unique``, ``strptime``, threads beside the event loop and ``/metrics``. Market
# data are the exception: what reads them is heavy, and a service that only predicts never needs it.
_USED_LATER: Final = ("numpy.ma", "_strptime", "anyio._backends._asyncio", "prometheus_client")


def build_routes(app: FastAPI) -> int:
    """Build every route with its validators and serializers; return how many there are."""
    app.middleware_stack = app.build_middleware_stack()
    return sum(1 for _ in iter_route_contexts(app.routes))


def load_the_rest(app: FastAPI) -> None:
    """Read the OpenAPI document and import what some request will use.

    A service that answers many requests has that time once, before it listens.
    """
    app.openapi()
    for module in _USED_LATER:
        importlib.import_module(module)
