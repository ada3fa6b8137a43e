"""The policy that a model is held to."""

from __future__ import annotations

from fastapi import APIRouter

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import GovernedRoute, Serving, governed
from tradeworthy.model_registry.changes import read_model
from tradeworthy.wire.policy import PolicyInForce

router = APIRouter(prefix="/api/v1/ml", tags=["management"], route_class=GovernedRoute)


@router.get("/{model}/policy", **governed(Action.READ))
def policy(model: str, service: Serving) -> PolicyInForce:
    """Return the policy that a model is held to."""
    effective = service.policies.of(read_model(service.store, model).state)
    return PolicyInForce.model_validate(effective)
