"""Plans: what a promotion would do, shown before it is done."""

from __future__ import annotations

import pytest

from tradeworthy.errors import InvalidTransition
from tradeworthy.lifecycle.stages import TRANSITIONS, Stage
from tradeworthy.promotion.facts import Facts
from tradeworthy.promotion.gates.alignment import AlignmentFacts
from tradeworthy.promotion.gates.approvals import ApprovalFacts
from tradeworthy.promotion.gates.artifact_files import ArtifactFileFacts
from tradeworthy.promotion.gates.artifact_load import ArtifactLoadFacts
from tradeworthy.promotion.gates.data_guards import DataGuardFacts
from tradeworthy.promotion.gates.drift import DriftFacts, DriftRows
from tradeworthy.promotion.gates.evaluation import EvaluationFacts
from tradeworthy.promotion.gates.git_tree import GitTreeFacts
from tradeworthy.promotion.gates.look_ahead import LookAheadFacts
from tradeworthy.promotion.gates.manifest import ManifestFacts
from tradeworthy.promotion.gates.parity import ParityFacts
from tradeworthy.promotion.gates.performance import PerformanceFacts
from tradeworthy.promotion.gates.quarantine import QuarantineFacts
from tradeworthy.promotion.gates.reason import ReasonFacts
from tradeworthy.promotion.gates.training_data import TrainingDataFacts
from tradeworthy.promotion.gates.validation_fields import ValidationFieldFacts
from tradeworthy.promotion.plan import plan_promotion
from tradeworthy.promotion.policy.policy import resolve_policy
from tradeworthy.promotion.policy.policy_yaml import parse_policy

POLICY = resolve_policy(parse_policy("default: {min_sharpe: 0.5, standby_days: 9}"), "spx")
KNOWN = (
    ManifestFacts(()),
    ValidationFieldFacts(()),
    ArtifactFileFacts(True),
    PerformanceFacts(sharpe=0.7, artifact_sharpe=0.6),
    EvaluationFacts((), 5.0),
    TrainingDataFacts(True),
    DataGuardFacts(()),
    LookAheadFacts(True),
    ArtifactLoadFacts(True),
    ParityFacts(0.0, 1e-6),
    AlignmentFacts(True),
    DriftFacts("NORMAL", DriftRows(40, 20, 20, 4000, 200, 250, 2.0)),
    QuarantineFacts(False),
    ApprovalFacts("ada", "ada", ("bob",)),
    ReasonFacts("superseded"),
)
READY = Facts(*KNOWN, GitTreeFacts("c" * 40, False))
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
    with pytest.raises(InvalidTransition, match="RETIRED is the last stage: it is final"):
        plan_promotion("spx", 3, Stage.RETIRED, READY, POLICY)


def test_a_new_champion_sends_the_old_one_to_stand_by_first() -> None:
    plan = plan_promotion("spx", 3, Stage.STAGING, READY, POLICY, champion=2)
    demotion, move = plan.steps
    assert (demotion.version, demotion.source, demotion.target) == (
        2,
        Stage.PRODUCTION,
        Stage.STAGING,
    )
    assert "9 days" in demotion.note
    assert (move.version, move.target) == (3, Stage.PRODUCTION)
    assert len(plan_promotion("spx", 3, Stage.STAGING, READY, POLICY).steps) == 1


def test_an_allowed_plan_tells_its_gates_and_its_moves() -> None:
    lines = plan_promotion("spx", 3, Stage.STAGING, READY, POLICY).explain()
    assert lines[0] == "spx v3: STAGING -> PRODUCTION: allowed"
    assert "  PASSED  min_sharpe: sharpe is 0.7, at least 0.5 is required" in lines
    assert "  NOT_APPLICABLE  min_dsr: the policy sets no bound on dsr" in lines
    assert lines[-1] == ("  would move version 3: STAGING -> PRODUCTION (the champion from now on)")


def test_a_refused_plan_tells_what_to_do_and_moves_nothing() -> None:
    facts = Facts(*KNOWN, GitTreeFacts("c" * 40, True))
    lines = plan_promotion("spx", 3, Stage.STAGING, facts, POLICY).explain()
    assert lines[0].endswith("refused")
    assert any(
        line.startswith("  FAILED  git_clean") and line.endswith("train from the commit")
        for line in lines
    )
    assert not any("would move" in line for line in lines)
