"""Past verdicts of a model."""

from __future__ import annotations

from fastapi import APIRouter

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import GovernedRoute, Serving, governed
from tradeworthy.api.http.parameters import DigestStart
from tradeworthy.model_registry.past_verdicts import past_verdict
from tradeworthy.wire.verdicts import GivenVerdict

router = APIRouter(prefix="/api/v1/ml", tags=["management"], route_class=GovernedRoute)


@router.get("/{model}/verdicts/{digest}", **governed(Action.READ))
def verdict(model: str, digest: DigestStart, service: Serving) -> GivenVerdict:
    """Return the verdict under which a version of the model moved, by its digest."""
    return GivenVerdict.model_validate(past_verdict(service.store, model, digest).content())
