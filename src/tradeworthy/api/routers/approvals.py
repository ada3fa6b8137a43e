"""Approvals of a version's content."""

from __future__ import annotations

from fastapi import APIRouter

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, Serving, governed
from tradeworthy.api.http.parameters import Version
from tradeworthy.api.version_detail import full_version_detail
from tradeworthy.wire.approvals import ApproveVersion
from tradeworthy.wire.versions import VersionDetail

router = APIRouter(prefix="/api/v1/ml", tags=["management"], route_class=GovernedRoute)


@router.post("/{model}/versions/{version}/approve", **governed(Action.APPROVE))
def approve(
    model: str, version: Version, body: ApproveVersion, service: Serving, caller: Caller
) -> VersionDetail:
    """Approve the content of a version for a stage."""
    approved = service.registry.approve(
        model, version, body.target, body.content_digest, reason=body.reason, actor=caller
    )
    return full_version_detail(service.store, model, approved)
