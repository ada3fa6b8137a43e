"""Bearer tokens: 256 random bits, shown once, kept as an HMAC-SHA256 under the home's key."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tradeworthy.access.roles import Actor, Role
from tradeworthy.errors import InvalidInput, LastAdmin

SECRET_BYTES = 32
_PATTERN = re.compile(r"tw_[A-Za-z0-9_-]{43}")
NONE_SENT: Final = (
    "send `Authorization: Bearer <token>`, on the command line `--token-file FILE`; an admin "
    "issues tokens"
)
NOT_KNOWN: Final = "this token is unknown: ask an admin for one"
WAS_REVOKED: Final = "this token was revoked: ask an admin for a new one"
ACTOR = "[A-Za-z0-9][A-Za-z0-9@._+-]{0,63}"
_ACTOR = re.compile(ACTOR)


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What is kept of a token: everything but the token itself."""

    token_id: str
    actor: str
    roles: frozenset[Role]
    strategies: frozenset[str] | None
    mac: str
    created_at: datetime
    created_by: str
    revoked_at: datetime | None = None

    def as_actor(self) -> Actor:
        """Return who the bearer of this token is."""
        return Actor(self.actor, self.roles, self.strategies)


def check_not_last_admin(token_id: str, tokens: Iterable[TokenRecord]) -> None:
    """Raise ``LastAdmin`` if the token is the only one of ``tokens`` that manages tokens.

    Parameters
    ----------
    token_id
        The token that is to be revoked.
    tokens
        Every live token.
    """
    admins = {t.token_id for t in tokens if Role.ADMIN in t.roles and t.strategies is None}
    if admins == {token_id}:
        raise LastAdmin(
            f"token {token_id!r} is the last one that manages tokens: rotate it, or issue another "
            "admin's first",
            token_id=token_id,
        )


def token_from_bytes(secret: bytes) -> str:
    """Write 32 random bytes as a token.

    Examples
    --------
    >>> token_from_bytes(bytes(32))
    'tw_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    """
    if len(secret) != SECRET_BYTES:
        raise InvalidInput(f"a token takes {SECRET_BYTES} random bytes, not {len(secret)}")
    return "tw_" + base64.urlsafe_b64encode(secret).decode().rstrip("=")


def token_mac(token: str, key: bytes) -> str:
    """Return the HMAC under which a token is kept and found."""
    return hmac.digest(key, token.encode(), "sha256").hex()


def is_token(text: str) -> bool:
    """Tell whether ``text`` has the form of a token."""
    return _PATTERN.fullmatch(text) is not None


def actor_name(name: str) -> str:
    """Return ``name`` as an actor bears it: in lower case, so that Ana and ana are one person.

    Raises
    ------
    InvalidInput
        Unless it has 1 to 64 letters, digits or ``@._+-`` and starts with a letter or digit.
    """
    if not _ACTOR.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot name an actor: use 1 to 64 letters, digits or @ . _ + -",
            field="actor",
        )
    return name.lower()
