"""Tokens: issued once, kept as a MAC, rotated and revoked."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from tradeworthy.access.roles import Action
from tradeworthy.access.tokens import TokenRecord
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, Serving, governed
from tradeworthy.base.text_forms import SHORT_ID
from tradeworthy.runtime.service import Service
from tradeworthy.wire.tokens import IssuedToken, ListedToken, NewToken

PREFIX = "/api/v1/ml/tokens"
router = APIRouter(prefix=PREFIX, tags=["tokens"], route_class=GovernedRoute)

TokenId = Annotated[str, Path(pattern=SHORT_ID)]


@router.post("", status_code=201, **governed(Action.MANAGE_TOKENS))
def issue_token(body: NewToken, service: Serving, caller: Caller) -> IssuedToken:
    """Issue a token; this answer is the only place that shows it."""
    scope = None if body.strategies is None else frozenset(body.strategies)
    token, record = service.tokens.issue(body.actor, frozenset(body.roles), scope, issuer=caller)
    return _issued(service, token, record)


@router.get("", **governed(Action.MANAGE_TOKENS))
def list_tokens(service: Serving) -> list[ListedToken]:
    """List every token, oldest first, without the tokens themselves."""
    with service.store.read() as view:
        return [ListedToken.model_validate(record) for record in view.tokens.all()]


@router.post("/{token_id}/rotate", **governed(Action.MANAGE_TOKENS))
def rotate_token(token_id: TokenId, service: Serving, caller: Caller) -> IssuedToken:
    """Replace a token by a new one for the same actor."""
    token, record = service.tokens.rotate(token_id, issuer=caller)
    return _issued(service, token, record)


def _issued(service: Service, token: str, record: TokenRecord) -> IssuedToken:
    with service.store.read() as view:
        known = view.models.strategies()
    return IssuedToken(
        token=token,
        record=ListedToken.model_validate(record),
        unknown_strategies=sorted((record.strategies or frozenset()) - known),
    )


@router.post("/{token_id}/revoke", status_code=204, **governed(Action.MANAGE_TOKENS))
def revoke_token(token_id: TokenId, service: Serving, caller: Caller) -> None:
    """Revoke a token; every worker knows within its refresh interval."""
    service.tokens.revoke(token_id, issuer=caller)
