"""Issuing, rotating, revoking and checking tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from tradeworthy.access.roles import Action, Actor, Role
from tradeworthy.access.tokens import (
    NONE_SENT,
    NOT_KNOWN,
    SECRET_BYTES,
    WAS_REVOKED,
    TokenRecord,
    actor_name,
    is_token,
    token_from_bytes,
    token_mac,
)
from tradeworthy.errors import InvalidInput, RecordNotFound, Unauthenticated
from tradeworthy.store.unit_of_work import Store


class Tokens:
    """Who holds which token.

    Parameters
    ----------
    store
        Where tokens are kept.
    key
        The key of their MACs.
    clock
        The time now, UTC.
    randomness
        ``n`` random bytes, as ``secrets.token_bytes``.
    """

    def __init__(
        self,
        store: Store,
        key: bytes,
        clock: Callable[[], datetime],
        randomness: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._key = key
        self._clock = clock
        self._randomness = randomness

    def first_admin(self, actor: str, hand_over: Callable[[str], None]) -> TokenRecord:
        """Issue the first admin's token; a store with tokens refuses.

        Parameters
        ----------
        actor
            The admin's name.
        hand_over
            Puts the token where the admin finds it. That comes before the token is kept: whoever
            is interrupted in between begins again, instead of having a home that nobody can enter.

        Raises
        ------
        InvalidInput
            If there is a token already.
        """
        with self._store.begin() as unit:
            if unit.tokens.all():
                raise InvalidInput("this home has tokens already: let an admin issue more")
            name = actor_name(actor)
            token, record = self._make(name, frozenset({Role.ADMIN}), None, issuer=name)
            hand_over(token)
            unit.tokens.add(record)
        return record

    def issue(
        self,
        actor: str,
        roles: frozenset[Role],
        strategies: frozenset[str] | None,
        *,
        issuer: Actor,
    ) -> tuple[str, TokenRecord]:
        """Issue a token; it is returned this once and never kept.

        Raises
        ------
        Forbidden
            Unless the issuer is an admin.
        InvalidInput
            For a name that cannot name an actor, or no role.
        """
        issuer.require(Action.MANAGE_TOKENS)
        token, record = self._make(actor, roles, strategies, issuer=issuer.name)
        with self._store.begin() as unit:
            unit.tokens.add(record)
        return token, record

    def _make(
        self, actor: str, roles: frozenset[Role], strategies: frozenset[str] | None, *, issuer: str
    ) -> tuple[str, TokenRecord]:
        if not roles:
            raise InvalidInput("a token needs at least one role", field="roles")
        token = token_from_bytes(self._randomness(SECRET_BYTES))
        mac = token_mac(token, self._key)
        record = TokenRecord(
            token_id=mac[:16],
            actor=actor_name(actor),
            roles=roles,
            strategies=strategies,
            mac=mac,
            created_at=self._clock(),
            created_by=issuer,
        )
        return token, record

    def rotate(self, token_id: str, *, issuer: Actor) -> tuple[str, TokenRecord]:
        """Replace a live token by a new one for the same actor.

        Raises
        ------
        Forbidden
            Unless the issuer is an admin.
        RecordNotFound
            If there is no such live token.
        """
        issuer.require(Action.MANAGE_TOKENS)
        with self._store.begin() as unit:
            old = next((t for t in unit.tokens.all() if t.token_id == token_id), None)
            if old is None or old.revoked_at is not None:
                raise _unknown(token_id)
            token, record = self._make(old.actor, old.roles, old.strategies, issuer=issuer.name)
            unit.tokens.add(record)
            if not unit.tokens.revoke(token_id, self._clock()):
                # Somebody else was faster: one successor is enough.
                raise _unknown(token_id)
        return token, record

    def revoke(self, token_id: str, *, issuer: Actor) -> None:
        """Revoke a live token.

        Raises
        ------
        Forbidden
            Unless the issuer is an admin.
        RecordNotFound
            If there is no such live token.
        LastAdmin
            If nobody could manage tokens any more.
        """
        issuer.require(Action.MANAGE_TOKENS)
        with self._store.begin() as unit:
            if not unit.tokens.revoke(token_id, self._clock()):
                raise _unknown(token_id)

    def authenticate(self, token: str | None) -> Actor:
        """Return who the bearer of ``token`` is.

        Raises
        ------
        Unauthenticated
            Without a token, or with one that is unknown or revoked.
        """
        if token is None:
            raise Unauthenticated(NONE_SENT)
        record = self._kept(token)
        if record is None:
            raise Unauthenticated(NOT_KNOWN)
        if record.revoked_at is not None:
            raise Unauthenticated(WAS_REVOKED)
        return record.as_actor()

    def _kept(self, token: str) -> TokenRecord | None:
        if not is_token(token):
            return None
        with self._store.read() as view:
            return view.tokens.get(token_mac(token, self._key))


def _unknown(token_id: str) -> RecordNotFound:
    return RecordNotFound(f"no live token {token_id!r}: list them first", token_id=token_id)
