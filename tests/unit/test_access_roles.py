"""Who may do what, against the table as the design writes it."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeworthy.access.roles import UNSCOPED_ACTIONS, Action, Actor, Role
from tradeworthy.errors import Forbidden

ALLOWED = {
    "read": "viewer researcher validator operator admin",
    "predict": "viewer researcher validator operator admin",
    "register_model": "researcher",
    "draft_version": "researcher",
    "record_manifest": "researcher",
    "upload": "researcher operator",
    "register_release": "researcher operator admin",
    "backtest": "researcher validator",
    "judge_promotion": "viewer researcher validator operator admin",
    "promote_trained": "researcher",
    "promote_validated": "validator",
    "promote_staging": "operator",
    "promote_production": "operator",
    "approve": "validator",
    "retire": "operator",
    "quarantine": "operator",
    "move_release": "operator admin",
    "activate_release": "operator",
    "scan_drift": "operator",
    "force_release": "admin",
    "manage_tokens": "admin",
}


def may(actor: Actor, action: Action, strategy: str | None = None) -> bool:
    """Whether ``require`` lets the actor pass."""
    try:
        actor.require(action, strategy)
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize(("action", "role"), list(product(Action, Role)))
def test_every_action_takes_one_of_its_roles(action: Action, role: Role) -> None:
    assert may(Actor("ana", frozenset({role})), action) == (role in ALLOWED[action].split())


def test_every_action_has_roles_that_nobody_changes() -> None:
    assert all(action.roles and Action(action.value) is action for action in Action)
    with pytest.raises(AttributeError):
        Action.APPROVE.roles = frozenset(Role)  # type: ignore[misc]


@given(st.frozensets(st.sampled_from(Role)), st.sampled_from(Action))
def test_roles_add_up_and_nothing_else_counts(roles: frozenset[Role], action: Action) -> None:
    one_by_one = any(may(Actor("ana", frozenset({role})), action) for role in roles)
    assert may(Actor("ana", roles), action) == one_by_one


@pytest.mark.parametrize("action", list(Action))
def test_a_scope_holds_for_every_action(action: Action) -> None:
    actor = Actor("ana", frozenset(Role), frozenset({"trend", "carry"}))
    everywhere = action not in UNSCOPED_ACTIONS
    assert may(actor, action, "trend") == everywhere
    assert may(actor, action) == everywhere
    assert not may(actor, action, "value")


def test_an_empty_scope_is_for_no_strategy() -> None:
    actor = Actor("ana", frozenset(Role), frozenset())
    assert not may(actor, Action.PREDICT, "trend")


def test_a_scoped_admin_cannot_make_a_token_without_a_scope() -> None:
    scoped = Actor("ana", frozenset({Role.ADMIN}), frozenset({"trend"}))
    with pytest.raises(Forbidden, match="without a scope"):
        scoped.require(Action.MANAGE_TOKENS)
    Actor("ana", frozenset({Role.ADMIN})).require(Action.MANAGE_TOKENS)


def test_the_refusal_tells_which_role_it_takes() -> None:
    with pytest.raises(Forbidden) as caught:
        Actor("ana", frozenset({Role.VIEWER})).require(Action.SCAN_DRIFT, "trend")
    assert caught.value.details == {"action": "scan_drift", "roles": ["operator"]}
    scoped = Actor("ana", frozenset({Role.OPERATOR}), frozenset({"carry"}))
    with pytest.raises(Forbidden, match="not for strategy 'trend'"):
        scoped.require(Action.SCAN_DRIFT, "trend")
