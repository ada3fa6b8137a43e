"""The form of tokens, how they are kept, and who they may name."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.promotion_commands import NOON
from tradeworthy.access.roles import Actor, Role
from tradeworthy.access.tokens import (
    TokenRecord,
    actor_name,
    is_token,
    token_from_bytes,
    token_mac,
)
from tradeworthy.errors import InvalidInput

SECRETS = st.binary(min_size=32, max_size=32)


@given(SECRETS)
def test_a_token_has_the_form_of_a_token(secret: bytes) -> None:
    token = token_from_bytes(secret)
    assert is_token(token)
    assert len(token) == 46
    for broken in (token[:-1], token + "A", token + "\n", token[3:], token.replace("tw_", "tx_")):
        assert not is_token(broken)


@given(SECRETS, SECRETS)
def test_other_bytes_make_another_token(one: bytes, two: bytes) -> None:
    assert (token_from_bytes(one) == token_from_bytes(two)) == (one == two)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_token_takes_256_bits(length: int) -> None:
    with pytest.raises(InvalidInput, match="32 random bytes"):
        token_from_bytes(bytes(length))


def test_the_mac_is_hmac_sha256_under_the_key() -> None:
    # Case 2 of RFC 4231: the same text and key.
    assert token_mac("what do ya want for nothing?", b"Jefe") == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


@given(SECRETS, st.binary(min_size=1), st.binary(min_size=1))
def test_the_mac_depends_on_the_key_and_hides_the_token(
    secret: bytes, one: bytes, two: bytes
) -> None:
    token = token_from_bytes(secret)
    assert token not in token_mac(token, one)
    # HMAC pads short keys with zeros: only then do two keys agree.
    if one.rstrip(b"\0") != two.rstrip(b"\0"):
        assert token_mac(token, one) != token_mac(token, two)


@given(st.text(string.ascii_letters + string.digits, min_size=1, max_size=64))
def test_a_plain_name_is_one_actor_however_it_is_written(name: str) -> None:
    assert actor_name(name) == actor_name(name.upper()) == name.lower()


@pytest.mark.parametrize("name", ["ana@deployed.example", "ci-bot_7", "a+b.c"])
def test_names_as_they_are_used(name: str) -> None:
    assert actor_name(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", "ana ", "ana\n", "-ana", ".ana", "a" * 65, "ána", "a/b", "a\0", "аna"]
)
def test_names_that_could_pass_for_another_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        actor_name(name)
    assert caught.value.details == {"field": "actor"}


def test_the_bearer_is_who_the_record_says() -> None:
    roles, scope = frozenset({Role.VALIDATOR}), frozenset({"trend"})
    record = TokenRecord("t1", "vera", roles, scope, "m", NOON, "root")
    assert record.as_actor() == Actor("vera", roles, scope)
