"""Releases of features and the active one."""

from __future__ import annotations

from fastapi import APIRouter

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, Serving, governed
from tradeworthy.errors import RecordNotFound
from tradeworthy.store.ports.releases import Activation
from tradeworthy.wire.releases import (
    ActivatedRelease,
    ActivateRelease,
    ListedRelease,
    NewRelease,
)

router = APIRouter(prefix="/api/v1/ml/releases", tags=["releases"], route_class=GovernedRoute)


@router.post("", status_code=201, **governed(Action.REGISTER_RELEASE))
def register_release(body: NewRelease, service: Serving, caller: Caller) -> ListedRelease:
    """Keep a release made of feature graph snapshots."""
    release = service.releases.register(body.snapshots, actor=caller)
    features = {key: node.node_hash for key, node in release.nodes.items()}
    return ListedRelease(release=release.digest, features=features)


@router.post("/activate", **governed(Action.MOVE_RELEASE))
def activate_release(body: ActivateRelease, service: Serving, caller: Caller) -> ActivatedRelease:
    """Make a release the active one."""
    activation = service.releases.activate(
        body.release,
        expected_epoch=body.expected_epoch,
        reason=body.reason,
        force=body.force,
        actor=caller,
    )
    return _response(activation)


@router.get("/active", **governed(Action.READ))
def read_active_release(service: Serving) -> ActivatedRelease:
    """Return which release is active since when."""
    with service.store.read() as view:
        activation = view.releases.activation()
    if activation is None:
        raise RecordNotFound("no release is active: run `tradeworthy features activate FILES`")
    return _response(activation)


def _response(activation: Activation) -> ActivatedRelease:
    return ActivatedRelease(
        epoch=activation.epoch,
        release=activation.release_digest,
        at=activation.at,
        actor=activation.actor,
        reason=activation.reason,
    )
