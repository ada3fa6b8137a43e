"""Stopping a version at once, and letting it predict again."""

from __future__ import annotations

from fastapi import APIRouter

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, Serving, governed
from tradeworthy.api.http.parameters import Version
from tradeworthy.api.version_response import full_version_response
from tradeworthy.wire.versions import ReasonRequest, VersionResponse

router = APIRouter(prefix="/api/v1/ml", tags=["management"], route_class=GovernedRoute)


@router.post("/{model}/versions/{version}/quarantine", **governed(Action.QUARANTINE))
def quarantine(
    model: str, version: Version, body: ReasonRequest, service: Serving, caller: Caller
) -> VersionResponse:
    """Stop a version: it keeps its stage and does not predict."""
    stopped = service.registry.quarantine(model, version, reason=body.reason, actor=caller)
    return full_version_response(service.store, model, stopped)


@router.post("/{model}/versions/{version}/lift-quarantine", **governed(Action.QUARANTINE))
def lift_quarantine(
    model: str, version: Version, body: ReasonRequest, service: Serving, caller: Caller
) -> VersionResponse:
    """Let a stopped version predict again."""
    lifted = service.registry.lift_quarantine(model, version, reason=body.reason, actor=caller)
    return full_version_response(service.store, model, lifted)
