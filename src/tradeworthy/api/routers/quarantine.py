"""Stopping a version at once, and letting it predict again."""

from __future__ import annotations

from fastapi import APIRouter

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, Serving, governed
from tradeworthy.api.http.parameters import Version
from tradeworthy.api.version_detail import full_version_detail
from tradeworthy.wire.versions import StatedReason, VersionDetail

router = APIRouter(prefix="/api/v1/ml", tags=["management"], route_class=GovernedRoute)


@router.post("/{model}/versions/{version}/quarantine", **governed(Action.QUARANTINE))
def quarantine(
    model: str, version: Version, body: StatedReason, service: Serving, caller: Caller
) -> VersionDetail:
    """Stop a version: it keeps its stage and does not predict."""
    stopped = service.registry.quarantine(model, version, reason=body.reason, actor=caller)
    return full_version_detail(service.store, model, stopped)


@router.post("/{model}/versions/{version}/lift-quarantine", **governed(Action.QUARANTINE))
def lift_quarantine(
    model: str, version: Version, body: StatedReason, service: Serving, caller: Caller
) -> VersionDetail:
    """Let a stopped version predict again."""
    lifted = service.registry.lift_quarantine(model, version, reason=body.reason, actor=caller)
    return full_version_detail(service.store, model, lifted)
