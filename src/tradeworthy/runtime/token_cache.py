"""Who may predict, answered from memory: the hot path never waits for the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tradeworthy.access.roles import Action, Actor
from tradeworthy.access.tokens import TokenRecord, is_token, token_mac
from tradeworthy.errors import Unauthenticated

_SCHEME = b"bearer "


class TokenCache:
    """Every live token's MAC and every model's strategy, renewed by the refresher.

    Parameters
    ----------
    key
        The key of the tokens' MACs.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._actors: Mapping[str, Actor] = {}
        self._revoked: frozenset[str] = frozenset()
        self._strategies: Mapping[str, str] = {}

    def renew_tokens(self, tokens: Iterable[TokenRecord]) -> None:
        """Take the tokens as they are now."""
        known = list(tokens)
        self._actors = {t.mac: t.as_actor() for t in known if t.revoked_at is None}
        self._revoked = frozenset(t.mac for t in known if t.revoked_at is not None)

    def renew_strategies(self, strategies: Mapping[str, str]) -> None:
        """Take the models' strategies as they are now."""
        self._strategies = strategies

    def authorise(self, header: bytes | None, model: str) -> Actor:
        """Return who sends a predict request for ``model``.

        Raises
        ------
        Unauthenticated
            Without a live token.
        Forbidden
            If the token is for other strategies.
        """
        token = bearer_token(header)
        if token is None:
            raise Unauthenticated("send `Authorization: Bearer <token>`; an admin issues tokens")
        mac = token_mac(token, self._key) if is_token(token) else ""
        actor = self._actors.get(mac)
        if actor is None:
            fate = "was revoked" if mac in self._revoked else "is unknown"
            raise Unauthenticated(f"this token {fate}: ask an admin for a new one")
        actor.require(Action.PREDICT, self._strategies.get(model))
        return actor


def bearer_token(header: bytes | None) -> str | None:
    """Return the token of an Authorization header, None without one.

    Examples
    --------
    >>> bearer_token(b"Bearer tw_x"), bearer_token(b"Basic abc")
    ('tw_x', None)
    """
    if header is None or header[: len(_SCHEME)].lower() != _SCHEME:
        return None
    return header[len(_SCHEME) :].decode("latin-1").strip()
