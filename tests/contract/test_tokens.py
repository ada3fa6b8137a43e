"""The first admin's token, in every store."""

from __future__ import annotations

import pytest

from contract.one_call import view
from contract.promotion_commands import NOON
from tradeworthy.access.roles import Action
from tradeworthy.errors import HomeUnusable, InvalidInput
from tradeworthy.model_registry.tokens import Tokens
from tradeworthy.store.unit_of_work import Store


def tokens_of(store: Store) -> Tokens:
    """A home whose tokens are all alike."""
    return Tokens(store, b"key", lambda: NOON, bytes)


def test_the_first_admin_has_the_token_that_is_kept(store: Store) -> None:
    deployed, handed = tokens_of(store), []
    record = deployed.first_admin("Root", handed.append)
    assert (record.actor, record.created_by) == ("root", "root")
    assert view(store).tokens.all() == (record,)
    deployed.authenticate(*handed).require(Action.MANAGE_TOKENS)
    with pytest.raises(InvalidInput, match="tokens already"):
        deployed.first_admin("eve", handed.append)


def test_a_token_that_could_not_be_handed_over_is_not_kept(store: Store) -> None:
    def full(_: str) -> None:
        raise HomeUnusable("the disk is full")

    with pytest.raises(HomeUnusable):
        tokens_of(store).first_admin("root", full)
    assert view(store).tokens.all() == ()
    assert tokens_of(store).first_admin("root", lambda _: None).actor == "root"
