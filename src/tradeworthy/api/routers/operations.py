"""Whether the process lives and is ready, and what it counts."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request, Response

from tradeworthy.api.http.governed_route import PROBLEMS, Serving, service_of
from tradeworthy.wire.health import Health

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def live() -> Health:
    """Answer as long as the process lives, even if every thread is busy with requests."""
    return Health(status="alive")


@router.get("/readyz", responses={503: PROBLEMS[503]})
async def ready(request: Request) -> Health:
    """Answer 200 while the active release is confirmed and the prediction log takes records.

    From memory: a database or a disk that hangs must not make the question wait, nor threads that
    all wait for them.
    """
    service = service_of(request)
    table = service.refresher.table
    table.require_confirmed(time.monotonic_ns())
    if service.prediction_log is not None:
        service.prediction_log.require_room()
    return Health(status="ready", epoch=table.epoch)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(service: Serving) -> Response:
    """Return counters in the Prometheus text format."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    return Response(generate_latest(service.metrics), media_type=CONTENT_TYPE_LATEST)
