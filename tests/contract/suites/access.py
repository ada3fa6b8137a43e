"""Tokens and idempotency keys in every store."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from contract.one_call import unit, view
from contract.promotion_commands import NOON, digest
from tradeworthy.access.roles import Role
from tradeworthy.access.tokens import TokenRecord
from tradeworthy.errors import AlreadyExists, IdempotencyConflict, LastAdmin
from tradeworthy.store.ports.idempotency import CLAIM_LEASE, IdempotencyClaim, StoredReply
from tradeworthy.store.unit_of_work import Store

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


def admin(name: str, scope: frozenset[str] | None = None) -> TokenRecord:
    """An admin's token."""
    return TokenRecord(
        f"t-{name}", name, frozenset({Role.ADMIN}), scope, digest(name), NOON, "root"
    )


CLAIM = IdempotencyClaim("k1", "ana", "POST /promote", digest("body"))
REPLY = StoredReply(201, b"\x00reply\xff")
OTHERS = [
    replace(CLAIM, route="POST /retire"),
    replace(CLAIM, request_digest=digest("other body")),
]


class AccessContract:
    """Tokens and idempotency keys."""

    # -- tokens ----------------------------------------------------------------------------------

    def test_tokens_are_found_by_their_mac_and_listed_by_age(self, store: Store) -> None:
        assert view(store).tokens.get(ANA.mac) is None
        nobody = replace(TOM, token_id="t-no", mac=digest("no"), strategies=frozenset())
        for record in (ANA, TOM, nobody):
            unit(store).tokens.add(record)
            assert view(store).tokens.get(record.mac) == record
        assert view(store).tokens.all() == (nobody, TOM, ANA)
        assert view(store).tokens.get("") is None

    @pytest.mark.parametrize("taken", [{"token_id": "t-ana"}, {"mac": digest("ana")}])
    def test_an_id_and_a_mac_are_taken_once(self, store: Store, taken: dict[str, str]) -> None:
        unit(store).tokens.add(ANA)
        with pytest.raises(AlreadyExists):
            unit(store).tokens.add(replace(TOM, **taken))
        assert view(store).tokens.all() == (ANA,)

    def test_a_token_is_revoked_once_and_stays(self, store: Store) -> None:
        unit(store).tokens.add(ANA)
        unit(store).tokens.add(TOM)
        later = NOON + timedelta(hours=1)
        assert unit(store).tokens.revoke("t-ana", later)
        assert not unit(store).tokens.revoke("t-ana", later + timedelta(hours=1))
        assert not unit(store).tokens.revoke("t-ghost", later)
        assert view(store).tokens.get(ANA.mac) == replace(ANA, revoked_at=later)
        assert view(store).tokens.all() == (TOM, replace(ANA, revoked_at=later))
        with pytest.raises(AlreadyExists):
            unit(store).tokens.add(ANA)

    def test_the_last_token_that_manages_tokens_stays(self, store: Store) -> None:
        for record in (admin("one"), admin("two"), admin("scoped", frozenset({"trend"})), ANA):
            unit(store).tokens.add(record)
        later = NOON + timedelta(hours=1)
        assert unit(store).tokens.revoke("t-one", later)
        with pytest.raises(LastAdmin) as caught:
            unit(store).tokens.revoke("t-two", later)
        assert (caught.value.code, caught.value.details) == ("last_admin", {"token_id": "t-two"})
        assert view(store).tokens.get(digest("two")) == admin("two")
        # Others come and go, and so does this one once there is a successor.
        for token_id in ("t-ana", "t-scoped"):
            assert unit(store).tokens.revoke(token_id, later)
        assert not unit(store).tokens.revoke("t-one", later)
        unit(store).tokens.add(admin("three"))
        assert unit(store).tokens.revoke("t-two", later)

    def test_admins_who_revoke_each_other_at_once_leave_one(self, store: Store) -> None:
        names = [f"a{number}" for number in range(6)]
        for name in names:
            unit(store).tokens.add(admin(name))
        start = threading.Barrier(len(names))

        def revoke(name: str) -> str:
            start.wait()
            try:
                return "revoked" if unit(store).tokens.revoke(f"t-{name}", NOON) else "none"
            except LastAdmin:
                return "last"

        with ThreadPoolExecutor(len(names)) as pool:
            outcome = Counter(pool.map(revoke, names))
        assert outcome == {"revoked": len(names) - 1, "last": 1}
        assert [token.revoked_at for token in view(store).tokens.all()].count(None) == 1

    def test_the_first_request_runs_and_the_next_get_its_reply(self, store: Store) -> None:
        assert unit(store).idempotency.claim(CLAIM, NOON) is None
        with pytest.raises(IdempotencyConflict, match="still running"):
            unit(store).idempotency.claim(CLAIM, NOON)
        unit(store).idempotency.settle(CLAIM, REPLY)
        for days in (0, 1, 365):
            assert unit(store).idempotency.claim(CLAIM, NOON + timedelta(days=days)) == REPLY

    def test_an_empty_reply_is_a_reply(self, store: Store) -> None:
        unit(store).idempotency.claim(CLAIM, NOON)
        unit(store).idempotency.settle(CLAIM, StoredReply(204, b""))
        assert unit(store).idempotency.claim(CLAIM, NOON) == StoredReply(204, b"")

    @pytest.mark.parametrize("other", OTHERS)
    def test_a_key_is_for_one_request(self, store: Store, other: IdempotencyClaim) -> None:
        unit(store).idempotency.claim(CLAIM, NOON)
        with pytest.raises(IdempotencyConflict, match="another request"):
            unit(store).idempotency.claim(other, NOON)
        unit(store).idempotency.settle(CLAIM, REPLY)
        with pytest.raises(IdempotencyConflict, match="another request"):
            unit(store).idempotency.claim(other, NOON)

    def test_keys_belong_to_their_actor(self, store: Store) -> None:
        unit(store).idempotency.claim(CLAIM, NOON)
        unit(store).idempotency.settle(CLAIM, REPLY)
        theirs = replace(CLAIM, actor="tom", request_digest=digest("tom's body"))
        assert unit(store).idempotency.claim(theirs, NOON) is None
        assert unit(store).idempotency.claim(replace(CLAIM, key="k2"), NOON) is None

    def test_a_failed_request_gives_its_key_back(self, store: Store) -> None:
        unit(store).idempotency.claim(CLAIM, NOON)
        unit(store).idempotency.settle(CLAIM, None)
        assert unit(store).idempotency.claim(OTHERS[0], NOON) is None

    def test_an_abandoned_claim_runs_out(self, store: Store) -> None:
        unit(store).idempotency.claim(CLAIM, NOON)
        with pytest.raises(IdempotencyConflict):
            unit(store).idempotency.claim(CLAIM, NOON + CLAIM_LEASE)
        after = NOON + CLAIM_LEASE + timedelta(microseconds=1)
        assert unit(store).idempotency.claim(CLAIM, after) is None
        with pytest.raises(IdempotencyConflict):
            unit(store).idempotency.claim(CLAIM, after)

    @pytest.mark.parametrize("late", [REPLY, None])
    @pytest.mark.parametrize("other", OTHERS)
    def test_a_straggler_does_not_settle_for_its_successor(
        self, store: Store, other: IdempotencyClaim, late: StoredReply | None
    ) -> None:
        unit(store).idempotency.claim(CLAIM, NOON)
        after = NOON + CLAIM_LEASE + timedelta(seconds=1)
        assert unit(store).idempotency.claim(other, after) is None
        unit(store).idempotency.settle(CLAIM, late)
        with pytest.raises(IdempotencyConflict, match="still running"):
            unit(store).idempotency.claim(other, after)
        unit(store).idempotency.settle(other, StoredReply(200, b"mine"))
        assert unit(store).idempotency.claim(other, after) == StoredReply(200, b"mine")

    @pytest.mark.parametrize("late", [StoredReply(500, b"second"), None])
    def test_a_reply_that_was_given_stays(self, store: Store, late: StoredReply | None) -> None:
        unit(store).idempotency.claim(CLAIM, NOON)
        unit(store).idempotency.settle(CLAIM, REPLY)
        unit(store).idempotency.settle(CLAIM, late)
        assert unit(store).idempotency.claim(CLAIM, NOON) == REPLY

    def test_settling_what_nobody_claimed_does_nothing(self, store: Store) -> None:
        unit(store).idempotency.settle(CLAIM, REPLY)
        unit(store).idempotency.settle(CLAIM, None)
        assert unit(store).idempotency.claim(CLAIM, NOON) is None
