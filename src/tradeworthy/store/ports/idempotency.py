"""Idempotency keys: the first request under a key runs, a repeat gets its reply."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from tradeworthy.errors import IdempotencyConflict

CLAIM_LEASE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """A request that carries an Idempotency-Key."""

    key: str
    actor: str
    route: str
    request_digest: str


@dataclass(frozen=True, slots=True)
class StoredReply:
    """The answer that the first request under a key got."""

    status: int
    body: bytes


class Idempotency(Protocol):
    """Keys, claimed and settled; nothing is read without claiming."""

    @abstractmethod
    def claim(self, claim: IdempotencyClaim, now: datetime) -> StoredReply | None:
        """Reserve a key: None if the request may run, else the reply of the first one.

        A claim that was not settled within ``CLAIM_LEASE`` is anybody's.

        Raises
        ------
        IdempotencyConflict
            If the key came with another request, or the first one is still running.
        """

    @abstractmethod
    def settle(self, claim: IdempotencyClaim, reply: StoredReply | None) -> None:
        """Keep the reply of a claimed request; None gives the key back.

        Does nothing once the key has its reply, or another request took it over.
        """


def reply_of(
    claim: IdempotencyClaim,
    route: str,
    request_digest: str,
    status: int | None,
    body: bytes | None,
) -> StoredReply:
    """Return the reply kept for a claim, or say why there is none; the same rule in every store.

    Raises
    ------
    IdempotencyConflict
        If the key came with another request, or the first one is still running.
    """
    if (route, request_digest) != (claim.route, claim.request_digest):
        raise IdempotencyConflict(
            f"Idempotency-Key {claim.key!r} was used for another request: choose a new key"
        )
    if status is None or body is None:
        raise IdempotencyConflict(
            f"the request with Idempotency-Key {claim.key!r} is still running: ask again later"
        )
    return StoredReply(status, body)
