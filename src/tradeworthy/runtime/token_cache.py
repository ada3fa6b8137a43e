"""Who may predict, answered from memory: the hot path never waits for the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tradeworthy.access.roles import Action, Actor
from tradeworthy.access.tokens import (
    NONE_SENT,
    NOT_KNOWN,
    WAS_REVOKED,
    TokenRecord,
    is_token,
    token_mac,
)
from tradeworthy.errors import Unauthenticated

_SCHEME = b"bearer "
# A token may be sent in several ways (`bearer`, more spaces), each a header of its own.
_MOST_HEADERS = 1024


@dataclass(frozen=True, slots=True)
class _Tokens:
    """Every token at one moment, by its MAC, and who sent the headers that were checked since."""

    live: Mapping[str, Actor] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()
    checked: dict[bytes, Actor] = field(default_factory=dict)


class TokenCache:
    """Every live token's MAC and every model's strategy, renewed by the refresher.

    Parameters
    ----------
    key
        The key of the tokens' MACs.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._tokens = _Tokens()
        self._strategies: Mapping[str, str] = {}

    def renew_tokens(self, tokens: Iterable[TokenRecord]) -> None:
        """Take the tokens as they are now."""
        known = list(tokens)
        # One assignment: what was checked against the tokens before goes with them.
        self._tokens = _Tokens(
            {t.mac: t.as_actor() for t in known if t.revoked_at is None},
            frozenset(t.mac for t in known if t.revoked_at is not None),
        )

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
        tokens = self._tokens
        actor = tokens.checked.get(header) if header is not None else None
        if actor is None:
            actor = self._check(tokens, header)
        actor.require(Action.PREDICT, self._strategies.get(model))
        return actor

    def _check(self, tokens: _Tokens, header: bytes | None) -> Actor:
        """Return whose header this is, and keep that: its MAC takes longer than all the rest."""
        token = bearer_token(header)
        if header is None or token is None:
            raise Unauthenticated(NONE_SENT)
        mac = token_mac(token, self._key) if is_token(token) else ""
        actor = tokens.live.get(mac)
        if actor is None:
            raise Unauthenticated(WAS_REVOKED if mac in tokens.revoked else NOT_KNOWN)
        if len(tokens.checked) >= _MOST_HEADERS:
            tokens.checked.clear()
        tokens.checked[header] = actor
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
