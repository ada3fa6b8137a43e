"""The policy that a model is held to, and those that it was held to."""

from __future__ import annotations

from fastapi import APIRouter

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import GovernedRoute, Serving, governed
from tradeworthy.api.http.parameters import DigestStart
from tradeworthy.model_registry.changes import read_model
from tradeworthy.model_registry.past_verdicts import past_policy
from tradeworthy.wire.policy import PastPolicy, PolicyInForce

router = APIRouter(prefix="/api/v1/ml", tags=["management"], route_class=GovernedRoute)


@router.get("/{model}/policy", **governed(Action.READ))
def policy(model: str, service: Serving) -> PolicyInForce:
    """Return the policy that a model is held to."""
    effective = service.policies.of(read_model(service.store, model).state)
    return PolicyInForce.model_validate(effective)


@router.get("/{model}/policies/{digest}", **governed(Action.READ))
def read_past_policy(model: str, digest: DigestStart, service: Serving) -> PastPolicy:
    """Return the policy that a version was judged or approved under, by its digest."""
    kept = past_policy(service.store, model, digest)
    return PastPolicy(digest=kept.digest, values=kept.content())
