"""Tokens and idempotency keys in every store."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from contract.promotion_commands import NOON, digest
from tradeworthy.access.roles import Role
from tradeworthy.access.tokens import TokenRecord
from tradeworthy.errors import AlreadyExists, IdempotencyConflict, LastAdmin
from tradeworthy.store.idempotency_rule import CLAIM_LEASE
from tradeworthy.store.protocol import Store
from tradeworthy.store.records import IdempotencyClaim, StoredReply

ANA = TokenRecord(
    "t-ana", "ana", frozenset({Role.RESEARCHER, Role.VIEWER}), None, digest("ana"), NOON, "root"
)
TOM = TokenRecord(
    "t-tom",
    "tom",
    frozenset(),
    frozenset({"trend", "carry"}),
    digest("tom"),
    NOON - timedelta(days=1),
    "root",
)


# -- tokens ----------------------------------------------------------------------------------


def test_tokens_are_found_by_their_mac_and_listed_by_age(store: Store) -> None:
    assert store.token(ANA.mac) is None
    nobody = replace(TOM, token_id="t-no", mac=digest("no"), strategies=frozenset())
    for record in (ANA, TOM, nobody):
        store.add_token(record)
        assert store.token(record.mac) == record
    assert store.tokens() == (nobody, TOM, ANA)
    assert store.token("") is None


@pytest.mark.parametrize("taken", [{"token_id": "t-ana"}, {"mac": digest("ana")}])
def test_an_id_and_a_mac_are_taken_once(store: Store, taken: dict[str, str]) -> None:
    store.add_token(ANA)
    with pytest.raises(AlreadyExists):
        store.add_token(replace(TOM, **taken))
    assert store.tokens() == (ANA,)


def test_a_token_is_revoked_once_and_stays(store: Store) -> None:
    store.add_token(ANA)
    store.add_token(TOM)
    later = NOON + timedelta(hours=1)
    assert store.revoke_token("t-ana", later)
    assert not store.revoke_token("t-ana", later + timedelta(hours=1))
    assert not store.revoke_token("t-ghost", later)
    assert store.token(ANA.mac) == replace(ANA, revoked_at=later)
    assert store.tokens() == (TOM, replace(ANA, revoked_at=later))
    with pytest.raises(AlreadyExists):
        store.add_token(ANA)


def admin(name: str, scope: frozenset[str] | None = None) -> TokenRecord:
    """An admin's token."""
    return TokenRecord(
        f"t-{name}", name, frozenset({Role.ADMIN}), scope, digest(name), NOON, "root"
    )


def test_the_last_token_that_manages_tokens_stays(store: Store) -> None:
    for record in (admin("one"), admin("two"), admin("scoped", frozenset({"trend"})), ANA):
        store.add_token(record)
    later = NOON + timedelta(hours=1)
    assert store.revoke_token("t-one", later)
    with pytest.raises(LastAdmin) as caught:
        store.revoke_token("t-two", later)
    assert (caught.value.code, caught.value.details) == ("last_admin", {"token_id": "t-two"})
    assert store.token(digest("two")) == admin("two")
    # Others come and go, and so does this one once there is a successor.
    for token_id in ("t-ana", "t-scoped"):
        assert store.revoke_token(token_id, later)
    assert not store.revoke_token("t-one", later)
    store.add_token(admin("three"))
    assert store.revoke_token("t-two", later)


def test_admins_who_revoke_each_other_at_once_leave_one(store: Store) -> None:
    names = [f"a{number}" for number in range(6)]
    for name in names:
        store.add_token(admin(name))
    start = threading.Barrier(len(names))

    def revoke(name: str) -> str:
        start.wait()
        try:
            return "revoked" if store.revoke_token(f"t-{name}", NOON) else "none"
        except LastAdmin:
            return "last"

    with ThreadPoolExecutor(len(names)) as pool:
        outcome = Counter(pool.map(revoke, names))
    assert outcome == {"revoked": len(names) - 1, "last": 1}
    assert [token.revoked_at for token in store.tokens()].count(None) == 1


# -- idempotency keys ------------------------------------------------------------------------

CLAIM = IdempotencyClaim("k1", "ana", "POST /promote", digest("body"))
REPLY = StoredReply(201, b"\x00reply\xff")
OTHERS = [
    replace(CLAIM, route="POST /retire"),
    replace(CLAIM, request_digest=digest("other body")),
]


def test_the_first_request_runs_and_the_next_get_its_reply(store: Store) -> None:
    assert store.claim(CLAIM, NOON) is None
    with pytest.raises(IdempotencyConflict, match="still running"):
        store.claim(CLAIM, NOON)
    store.settle(CLAIM, REPLY)
    for days in (0, 1, 365):
        assert store.claim(CLAIM, NOON + timedelta(days=days)) == REPLY


def test_an_empty_reply_is_a_reply(store: Store) -> None:
    store.claim(CLAIM, NOON)
    store.settle(CLAIM, StoredReply(204, b""))
    assert store.claim(CLAIM, NOON) == StoredReply(204, b"")


@pytest.mark.parametrize("other", OTHERS)
def test_a_key_is_for_one_request(store: Store, other: IdempotencyClaim) -> None:
    store.claim(CLAIM, NOON)
    with pytest.raises(IdempotencyConflict, match="another request"):
        store.claim(other, NOON)
    store.settle(CLAIM, REPLY)
    with pytest.raises(IdempotencyConflict, match="another request"):
        store.claim(other, NOON)


def test_keys_belong_to_their_actor(store: Store) -> None:
    store.claim(CLAIM, NOON)
    store.settle(CLAIM, REPLY)
    theirs = replace(CLAIM, actor="tom", request_digest=digest("tom's body"))
    assert store.claim(theirs, NOON) is None
    assert store.claim(replace(CLAIM, key="k2"), NOON) is None


def test_a_failed_request_gives_its_key_back(store: Store) -> None:
    store.claim(CLAIM, NOON)
    store.settle(CLAIM, None)
    assert store.claim(OTHERS[0], NOON) is None


def test_an_abandoned_claim_runs_out(store: Store) -> None:
    store.claim(CLAIM, NOON)
    with pytest.raises(IdempotencyConflict):
        store.claim(CLAIM, NOON + CLAIM_LEASE)
    after = NOON + CLAIM_LEASE + timedelta(microseconds=1)
    assert store.claim(CLAIM, after) is None
    with pytest.raises(IdempotencyConflict):
        store.claim(CLAIM, after)


@pytest.mark.parametrize("late", [REPLY, None])
@pytest.mark.parametrize("other", OTHERS)
def test_a_straggler_does_not_settle_for_its_successor(
    store: Store, other: IdempotencyClaim, late: StoredReply | None
) -> None:
    store.claim(CLAIM, NOON)
    after = NOON + CLAIM_LEASE + timedelta(seconds=1)
    assert store.claim(other, after) is None
    store.settle(CLAIM, late)
    with pytest.raises(IdempotencyConflict, match="still running"):
        store.claim(other, after)
    store.settle(other, StoredReply(200, b"mine"))
    assert store.claim(other, after) == StoredReply(200, b"mine")


@pytest.mark.parametrize("late", [StoredReply(500, b"second"), None])
def test_a_reply_that_was_given_stays(store: Store, late: StoredReply | None) -> None:
    store.claim(CLAIM, NOON)
    store.settle(CLAIM, REPLY)
    store.settle(CLAIM, late)
    assert store.claim(CLAIM, NOON) == REPLY


def test_settling_what_nobody_claimed_does_nothing(store: Store) -> None:
    store.settle(CLAIM, REPLY)
    store.settle(CLAIM, None)
    assert store.claim(CLAIM, NOON) is None
