"""Tokens: issued once, kept as a MAC, rotated and revoked."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from tradeworthy.access.roles import Action
from tradeworthy.access.tokens import TokenRecord
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, Serving, governed
from tradeworthy.wire import schemas

PREFIX = "/api/v1/ml/tokens"
router = APIRouter(prefix=PREFIX, tags=["tokens"], route_class=GovernedRoute)

TokenId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


@router.post("", status_code=201, **governed(Action.MANAGE_TOKENS))
def issue_token(asked: schemas.TokenAsked, service: Serving, caller: Caller) -> schemas.TokenIssued:
    """Issue a token; this answer is the only place that shows it."""
    scope = None if asked.strategies is None else frozenset(asked.strategies)
    token, record = service.tokens.issue(asked.actor, frozenset(asked.roles), scope, issuer=caller)
    return schemas.TokenIssued(token=token, record=_token_out(record))


@router.get("", **governed(Action.MANAGE_TOKENS))
def list_tokens(service: Serving) -> list[schemas.TokenOut]:
    """List every token, oldest first, without the tokens themselves."""
    with service.store.read() as view:
        return [_token_out(record) for record in view.tokens.all()]


@router.post("/{token_id}/rotate", **governed(Action.MANAGE_TOKENS))
def rotate_token(token_id: TokenId, service: Serving, caller: Caller) -> schemas.TokenIssued:
    """Replace a token by a new one for the same actor."""
    token, record = service.tokens.rotate(token_id, issuer=caller)
    return schemas.TokenIssued(token=token, record=_token_out(record))


@router.post("/{token_id}/revoke", status_code=204, **governed(Action.MANAGE_TOKENS))
def revoke_token(token_id: TokenId, service: Serving, caller: Caller) -> None:
    """Revoke a token; every worker knows within its refresh interval."""
    service.tokens.revoke(token_id, issuer=caller)


def _token_out(record: TokenRecord) -> schemas.TokenOut:
    return schemas.TokenOut(
        token_id=record.token_id,
        actor=record.actor,
        roles=sorted(record.roles),
        strategies=None if record.strategies is None else sorted(record.strategies),
        created_at=record.created_at,
        created_by=record.created_by,
        revoked_at=record.revoked_at,
    )
