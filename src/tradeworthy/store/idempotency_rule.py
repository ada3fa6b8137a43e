"""What a repeated Idempotency-Key is answered; the same rule in every store."""

from __future__ import annotations

from datetime import timedelta

from tradeworthy.errors import IdempotencyConflict
from tradeworthy.store.records import IdempotencyClaim, StoredReply

CLAIM_LEASE = timedelta(minutes=10)


def reply_of(
    claim: IdempotencyClaim,
    route: str,
    request_digest: str,
    status: int | None,
    body: bytes | None,
) -> StoredReply:
    """Return the reply kept for a claim, or say why there is none to give.

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
