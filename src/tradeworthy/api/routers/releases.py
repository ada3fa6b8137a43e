"""Releases of features and the active one."""

from __future__ import annotations

from fastapi import APIRouter

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, Serving, governed
from tradeworthy.api.presenting import activation_out
from tradeworthy.errors import RecordNotFound
from tradeworthy.wire import schemas

router = APIRouter(prefix="/api/v1/ml/releases", tags=["releases"], route_class=GovernedRoute)


@router.post("", status_code=201, **governed(Action.UPLOAD))
def register_release(
    asked: schemas.ReleaseAsked, service: Serving, caller: Caller
) -> schemas.ReleaseOut:
    """Keep a release made of feature graph snapshots."""
    release = service.releases.register(asked.snapshots, actor=caller)
    features = {key: node.node_hash for key, node in release.nodes.items()}
    return schemas.ReleaseOut(release=release.digest, features=features)


@router.post("/activate", **governed(Action.MOVE_RELEASE))
def activate_release(
    asked: schemas.ActivationAsked, service: Serving, caller: Caller
) -> schemas.ActivationOut:
    """Make a release the active one."""
    activation = service.releases.activate(
        asked.release,
        expected_epoch=asked.expected_epoch,
        reason=asked.reason,
        force=asked.force,
        actor=caller,
    )
    return activation_out(activation)


@router.get("/active", **governed(Action.READ))
def read_active_release(service: Serving) -> schemas.ActivationOut:
    """Return which release is active since when."""
    with service.store.read() as view:
        activation = view.releases.activation()
    if activation is None:
        raise RecordNotFound("no release is active: register one and activate it")
    return activation_out(activation)
