"""Plans: what a promotion would do, told before it is done."""

from __future__ import annotations

import dataclasses

import pytest

from tradeworthy.errors import InvalidTransition
from tradeworthy.lifecycle.stages import TRANSITIONS, Stage
from tradeworthy.promotion.facts import Facts, Waiver
from tradeworthy.promotion.policy.policy import resolve_policy
from tradeworthy.promotion.policy.policy_yaml import parse_policy
from tradeworthy.promotion.promotion_plan import plan_promotion

POLICY = resolve_policy(parse_policy("default: {min_sharpe: 0.5, standby_days: 9}"), "spx")
READY = Facts(
    author="ada",
    trainer="ada",
    missing_fields=(),
    missing_evidence=(),
    artifact_digests_match=True,
    git_commit="c" * 40,
    git_dirty=False,
    metrics={"sharpe": 0.7},
    artifact_sharpe=0.6,
    cost_bps=5.0,
    evaluation_differences=(),
    training_data_rebuilt=True,
    data_guard_failures=(),
    look_ahead_passed=True,
    artifact_loads=True,
    parity_error=0.0,
    parity_tolerance=1e-6,
    aligned=True,
    drift_severity="NORMAL",
    quarantined=False,
    approvers=("bob",),
    incumbent=2,
    reason="superseded",
)
FORWARD = [Stage.DRAFT, Stage.TRAINED, Stage.VALIDATED, Stage.STAGING]


@pytest.mark.parametrize("source", FORWARD)
def test_the_next_stage_is_the_default(source: Stage) -> None:
    plan = plan_promotion("spx", 3, source, READY, POLICY)
    assert plan.allowed
    assert plan.target in TRANSITIONS[source]
    assert (plan.steps[-1].version, plan.steps[-1].source) == (3, source)
    assert plan.steps[-1].target is plan.target


@pytest.mark.parametrize("source", list(Stage))
@pytest.mark.parametrize("target", list(Stage))
def test_only_one_step_forward_and_retirement_are_promotions(source: Stage, target: Stage) -> None:
    order = list(Stage)
    one_forward = order.index(target) == order.index(source) + 1
    retires = target is Stage.RETIRED and source is not Stage.RETIRED
    if one_forward or retires:
        assert plan_promotion("spx", 3, source, READY, POLICY, target=target).target is target
        return
    with pytest.raises(InvalidTransition) as caught:
        plan_promotion("spx", 3, source, READY, POLICY, target=target)
    assert caught.value.details == {"source": str(source), "target": str(target)}


def test_from_retirement_nothing_leads_on() -> None:
    with pytest.raises(InvalidTransition, match="RETIRED -> anything is no promotion"):
        plan_promotion("spx", 3, Stage.RETIRED, READY, POLICY)


def test_a_new_champion_sends_the_old_one_to_stand_by_first() -> None:
    plan = plan_promotion("spx", 3, Stage.STAGING, READY, POLICY)
    demotion, move = plan.steps
    assert (demotion.version, demotion.source, demotion.target) == (
        2,
        Stage.PRODUCTION,
        Stage.STAGING,
    )
    assert "9 days" in demotion.note
    assert (move.version, move.target) == (3, Stage.PRODUCTION)
    alone = dataclasses.replace(READY, incumbent=None)
    assert len(plan_promotion("spx", 3, Stage.STAGING, alone, POLICY).steps) == 1


def test_an_allowed_plan_tells_its_gates_and_its_moves() -> None:
    lines = plan_promotion("spx", 3, Stage.STAGING, READY, POLICY).explain()
    assert lines[0] == "spx v3: STAGING -> PRODUCTION: allowed"
    assert "  PASSED min_sharpe: sharpe is 0.7, at least 0.5 is asked for" in lines
    assert "  NOT_APPLICABLE min_dsr: the policy sets no bound on dsr" in lines
    assert lines[-1] == ("  would move version 3: STAGING -> PRODUCTION (the champion from now on)")


def test_a_refused_plan_tells_what_to_do_and_moves_nothing() -> None:
    facts = dataclasses.replace(READY, git_dirty=True)
    lines = plan_promotion("spx", 3, Stage.STAGING, facts, POLICY).explain()
    assert lines[0].endswith("refused")
    assert any(
        line.startswith("  FAILED git_clean") and line.endswith("train from the commit")
        for line in lines
    )
    assert not any("would move" in line for line in lines)


def test_a_waived_failure_is_told_as_such() -> None:
    waived = Waiver("git_clean", "ada", "carol", "reviewed", "2026-02-01T00:00:00Z")
    facts = dataclasses.replace(READY, git_dirty=True, waivers=(waived,))
    plan = plan_promotion("spx", 3, Stage.STAGING, facts, POLICY)
    assert plan.allowed
    assert any(line.startswith("  FAILED, waived by carol git_clean:") for line in plan.explain())
