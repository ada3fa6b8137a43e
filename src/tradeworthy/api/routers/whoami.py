"""Who sent a request."""

from __future__ import annotations

from fastapi import APIRouter

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, governed
from tradeworthy.wire.identity import Identity

router = APIRouter(prefix="/api/v1", tags=["tokens"], route_class=GovernedRoute)


@router.get("/whoami", **governed(Action.READ))
def whoami(caller: Caller) -> Identity:
    """Return who the bearer of the token is, and what that token may do."""
    scope = caller.strategies
    return Identity(
        actor=caller.name,
        roles=sorted(caller.roles),
        strategies=None if scope is None else sorted(scope),
        may=[action for action in Action if caller.may(action)],
    )
