"""Whether the process lives and is ready, and what it counts."""

from __future__ import annotations

import time

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tradeworthy.api.http.governed_route import PROBLEMS, Serving
from tradeworthy.errors import ReleaseUnconfirmed
from tradeworthy.wire.health import Health

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def live() -> Health:
    """Answer as long as the process lives, even if every thread is busy with requests."""
    return Health(status="alive")


@router.get("/readyz", responses={503: PROBLEMS[503]})
def ready(service: Serving) -> Health:
    """Answer 200 while the database is reached and the active release is confirmed."""
    service.store.ping()
    table = service.refresher.table
    if time.monotonic_ns() > table.confirmed_until:
        raise ReleaseUnconfirmed("this worker cannot confirm which release is active")
    return Health(status="ready", epoch=table.epoch)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(service: Serving) -> Response:
    """Return counters in the Prometheus text format."""
    return Response(generate_latest(service.metrics), media_type=CONTENT_TYPE_LATEST)
