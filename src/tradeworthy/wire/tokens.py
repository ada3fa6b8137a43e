"""Tokens: issuing one, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from tradeworthy.access.roles import Role
from tradeworthy.wire.bodies import RequestBody, ResponseBody
from tradeworthy.wire.field_types import ActorName, Name


class NewToken(RequestBody):
    """A token to issue."""

    actor: ActorName
    roles: Annotated[list[Role], Field(min_length=1)]
    strategies: list[Name] | None = None


def _in_order(names: Any) -> Any:
    """Sort a set of names; what is none is left to the field to refuse."""
    return sorted(names) if isinstance(names, Iterable) and not isinstance(names, str) else names


class ListedToken(ResponseBody):
    """A token as it is kept; the token itself is not."""

    token_id: str
    actor: str
    roles: Annotated[list[Role], BeforeValidator(_in_order)]
    strategies: Annotated[list[str] | None, BeforeValidator(_in_order)]
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


class IssuedToken(ResponseBody):
    """A new token, shown this once; to its ``unknown_strategies`` no model belongs."""

    token: str
    record: ListedToken
    unknown_strategies: list[str]
