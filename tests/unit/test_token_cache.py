"""Who may predict: the same answer however often and in whatever spelling a token is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tradeworthy.access.roles import Role
from tradeworthy.access.tokens import TokenRecord, token_from_bytes, token_mac
from tradeworthy.errors import Forbidden, Unauthenticated
from tradeworthy.runtime.token_cache import TokenCache

KEY = bytes(32)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
TOKEN = token_from_bytes(bytes(range(32)))
HEADER = b"Bearer " + TOKEN.encode()


def record(**changes: object) -> TokenRecord:
    mac = token_mac(TOKEN, KEY)
    made = TokenRecord("t1", "vera", frozenset({Role.VIEWER}), None, mac, NOON, "root")
    return replace(made, **changes)


@pytest.fixture
def cache() -> TokenCache:
    cache = TokenCache(KEY)
    cache.renew_tokens([record()])
    return cache


def test_a_token_that_was_just_taken_is_refused_once_it_is_revoked(cache: TokenCache) -> None:
    for _ in range(2):
        assert cache.authorise(HEADER, "m").name == "vera"
    cache.renew_tokens([record(revoked_at=NOON)])
    with pytest.raises(Unauthenticated, match="was revoked"):
        cache.authorise(HEADER, "m")
    cache.renew_tokens([])
    with pytest.raises(Unauthenticated, match="is unknown"):
        cache.authorise(HEADER, "m")


def test_the_rights_are_those_of_now(cache: TokenCache) -> None:
    cache.authorise(HEADER, "m")
    cache.renew_strategies({"m": "trend", "far": "elsewhere"})
    cache.renew_tokens([record(strategies=frozenset({"trend"}))])
    assert cache.authorise(HEADER, "m").strategies == {"trend"}
    with pytest.raises(Forbidden):
        cache.authorise(HEADER, "far")
    cache.renew_strategies({"m": "elsewhere"})
    with pytest.raises(Forbidden):
        cache.authorise(HEADER, "m")


@pytest.mark.parametrize("header", [None, b"", b"Bearer ", HEADER[:-1], HEADER + b"x", b"Basic x"])
def test_no_token_is_refused_every_time(cache: TokenCache, header: bytes | None) -> None:
    cache.authorise(HEADER, "m")
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            cache.authorise(header, "m")


def test_many_spellings_of_one_token_take_no_room(cache: TokenCache) -> None:
    for spaces in range(3000):
        header = b"bEArer " + b" " * spaces + TOKEN.encode()
        assert cache.authorise(header, "m").name == "vera"
    assert len(cache._tokens.checked) <= 1024
