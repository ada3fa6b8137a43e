"""Who a token belongs to, and what it may do."""

from __future__ import annotations

from tradeworthy.access.roles import Action, Role
from tradeworthy.wire.bodies import ResponseBody


class Identity(ResponseBody):
    """The bearer of a token; ``strategies`` are those it is scoped to, None for all."""

    actor: str
    roles: list[Role]
    strategies: list[str] | None
    may: list[Action]
