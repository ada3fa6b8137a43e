"""Gates and verdicts: unknown never passes, tightening never helps, the same facts say the same."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.errors import InvalidInput
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.promotion.facts import Facts, Waiver
from tradeworthy.promotion.gate import GateStatus
from tradeworthy.promotion.gates import GATES, ROLLBACK_GATES, gates_for
from tradeworthy.promotion.policy.policy import Policy, resolve_policy
from tradeworthy.promotion.policy.policy_schema import KEYS, Kind, loosens
from tradeworthy.promotion.policy.policy_yaml import parse_policy
from tradeworthy.promotion.promotion_policy import get_policy_for_model
from tradeworthy.promotion.verdict import Verdict, judge_promotion, judge_rollback

POLICY = get_policy_for_model("spx")
TARGETS = [Stage.TRAINED, Stage.VALIDATED, Stage.STAGING, Stage.PRODUCTION]
METRICS = {
    "sharpe": 0.62,
    "sortino": 0.9,
    "calmar": 0.25,
    "max_drawdown": 0.24,
    "cvar": 0.02,
    "hit_rate": 0.54,
    "turnover": 12.0,
    "n_trades": 240,
    "psr": 0.985,
    "break_even_cost_bps": 60.0,
}
GOOD = Facts(
    author="ada",
    trainer="ada",
    missing_fields=(),
    missing_evidence=(),
    artifact_digests_match=True,
    git_commit="c" * 40,
    git_dirty=False,
    metrics=METRICS,
    artifact_sharpe=0.55,
    fold_sharpes=(0.9, 0.1, -0.4, 1.2, 0.8),
    evaluation_observations=4000,
    minimum_track_record=1900.0,
    cost_bps=5.0,
    evaluation_differences=(),
    training_data_rebuilt=True,
    dsr=0.985,
    n_trials=1,
    ledger_position=3,
    trials_since_review=1,
    data_guard_failures=(),
    look_ahead_passed=True,
    days_since_validation=3.0,
    artifact_loads=True,
    parity_error=1e-9,
    parity_tolerance=1e-6,
    aligned=True,
    drift_severity="NORMAL",
    quarantined=False,
    approvers=("bob",),
    basis={"artifact_digest": "a" * 64, "periods_per_year": 252},
)


def policy_of(text: str) -> Policy:
    return resolve_policy(parse_policy(text), "spx")


def but(**changes: Any) -> Facts:
    return dataclasses.replace(GOOD, **changes)


def failed(verdict: Verdict) -> list[str]:
    return [result.gate for result in verdict.failures]


@pytest.mark.parametrize("target", TARGETS)
def test_an_honest_candidate_passes_and_an_unknown_one_never(target: Stage) -> None:
    assert failed(judge_promotion(target, GOOD, POLICY)) == []
    assert not judge_promotion(target, Facts(), POLICY).passed


def test_of_facts_that_nobody_knows_every_gate_fails() -> None:
    verdict = judge_promotion(Stage.PRODUCTION, Facts(), POLICY)
    passing = [r.gate for r in verdict.gates if r.status is not GateStatus.FAILED]
    assert passing == ["policy_judges"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("text", ["default: {}", "default: {max_drawdown: 0.9}"])
def test_a_policy_that_judges_nothing_lets_nothing_through(target: Stage, text: str) -> None:
    verdict = judge_promotion(target, GOOD, policy_of(text))
    assert failed(verdict) == ["policy_judges"]


def test_an_empty_list_of_gates_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="no gate was asked"):
        judge_promotion(Stage.DRAFT, GOOD, POLICY)
    with pytest.raises(InvalidInput):
        Verdict(Stage.PRODUCTION, (), POLICY.values, POLICY.digest)


FAILING: list[tuple[dict[str, Any], str]] = [
    ({"missing_fields": ("config",)}, "manifest_complete"),
    ({"missing_evidence": ("dataset.train_end",)}, "evidence_complete"),
    ({"artifact_digests_match": False}, "artifact_digests"),
    ({"git_dirty": True}, "git_clean"),
    ({"git_dirty": None}, "git_clean"),
    ({"git_commit": None}, "git_clean"),
    ({"data_guard_failures": ("split",)}, "data_guards"),
    ({"look_ahead_passed": False}, "look_ahead"),
    ({"cost_bps": 0.0}, "backtest_costs"),
    ({"cost_bps": 4.9}, "backtest_costs"),
    ({"cost_bps": math.nan}, "backtest_costs"),
    ({"evaluation_differences": None}, "evaluation"),
    ({"evaluation_differences": ("folds was 2, 5 is asked for",)}, "evaluation"),
    ({"training_data_rebuilt": False}, "training_data"),
    ({"training_data_rebuilt": None}, "training_data"),
    ({"artifact_sharpe": 0.49}, "artifact_sharpe"),
    ({"fold_sharpes": ()}, "min_worst_fold_sharpe"),
    ({"fold_sharpes": (2.0, -1.1)}, "min_worst_fold_sharpe"),
    ({"fold_sharpes": (2.0, None)}, "min_worst_fold_sharpe"),
    ({"fold_sharpes": (math.nan, 2.0)}, "min_worst_fold_sharpe"),
    ({"fold_sharpes": (math.inf, 2.0)}, "min_worst_fold_sharpe"),
    ({"evaluation_observations": 1899}, "min_track_record"),
    ({"minimum_track_record": math.inf}, "min_track_record"),
    ({"minimum_track_record": math.nan}, "min_track_record"),
    ({"dsr": 0.94}, "min_dsr"),
    ({"dsr": math.nan}, "min_dsr"),
    ({"n_trials": 0}, "min_dsr"),
    ({"n_trials": 10}, "max_pbo"),
    ({"n_trials": 10, "pbo": 0.6}, "max_pbo"),
    ({"trials_since_review": 201}, "max_trials_without_review"),
    ({"days_since_validation": 181.0}, "validation_fresh"),
    ({"days_since_validation": -1.5}, "validation_fresh"),
    ({"days_since_validation": math.nan}, "validation_fresh"),
    ({"artifact_loads": False}, "artifact_loads"),
    ({"parity_error": 1e-5}, "parity"),
    ({"parity_error": math.nan}, "parity"),
    ({"parity_tolerance": None}, "parity"),
    ({"parity_tolerance": math.inf}, "parity"),
    ({"aligned": False, "alignment_differences": ("WINDOW 20 -> 21",)}, "aligned"),
    ({"drift_severity": "SEVERE"}, "drift"),
    ({"drift_severity": "INSUFFICIENT"}, "drift"),
    ({"quarantined": True}, "not_quarantined"),
    ({"approvers": ()}, "approvals"),
    ({"approvers": ("ada", "ada")}, "approvals"),
    ({"trainer": "bob"}, "approvals"),
    ({"author": None}, "approvals"),
    *(({"metrics": METRICS | {name: bad}}, gate) for name, bad, gate in (
        ("sharpe", 0.49, "min_sharpe"),
        ("sharpe", math.nan, "min_sharpe"),
        ("sharpe", math.inf, "min_sharpe"),
        ("sharpe", None, "min_sharpe"),
        ("sortino", 0.5, "min_sortino"),
        ("calmar", 0.1, "min_calmar"),
        ("max_drawdown", 0.31, "max_drawdown"),
        ("max_drawdown", math.nan, "max_drawdown"),
        ("cvar", 0.06, "max_cvar"),
        ("hit_rate", 0.3, "min_hit_rate"),
        ("turnover", 301.0, "max_turnover"),
        ("n_trades", 29, "min_trades"),
        ("psr", 0.94, "min_psr"),
        ("break_even_cost_bps", 9.9, "cost_stress_multiplier"),
        ("break_even_cost_bps", None, "cost_stress_multiplier"),
    )),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "gate"), FAILING)
def test_each_gate_fails_alone_and_says_what_to_do(changes: dict[str, Any], gate: str) -> None:
    verdict = judge_promotion(Stage.PRODUCTION, but(**changes), POLICY)
    assert failed(verdict) == [gate]
    (result,) = verdict.failures
    assert result.reason
    assert result.advice
    assert len(verdict.gates) == len(gates_for(Stage.PRODUCTION))


def test_every_gate_of_a_promotion_has_a_failing_case() -> None:
    promoting = {gate.name for gate in GATES if Stage.PRODUCTION in gate.targets}
    shown = {gate for _, gate in FAILING} | {"policy_judges", "min_evaluation_observations"}
    assert shown == promoting


def test_a_clock_that_is_a_little_behind_is_forgiven() -> None:
    assert judge_promotion(Stage.STAGING, but(days_since_validation=-1.0), POLICY).passed


def test_what_differs_is_told_with_the_reason() -> None:
    for facts, target, gate in (
        (but(aligned=False, alignment_differences=("WINDOW 20 -> 21",)), Stage.STAGING, "aligned"),
        (but(evaluation_differences=("WINDOW 20 -> 21",)), Stage.VALIDATED, "evaluation"),
        (but(data_guard_failures=("WINDOW 20 -> 21",)), Stage.VALIDATED, "data_guards"),
        (but(missing_fields=("WINDOW 20 -> 21",)), Stage.TRAINED, "manifest_complete"),
    ):
        (result,) = judge_promotion(target, facts, POLICY).failures
        assert result.gate == gate
        assert result.reason.endswith("WINDOW 20 -> 21")


def test_too_few_observations_fail() -> None:
    facts = but(evaluation_observations=251, minimum_track_record=100.0)
    verdict = judge_promotion(Stage.VALIDATED, facts, POLICY)
    assert failed(verdict) == ["min_evaluation_observations"]


def test_the_metric_that_is_missing_fails_its_gate() -> None:
    for name in METRICS:
        metrics = {key: value for key, value in METRICS.items() if key != name}
        assert len(failed(judge_promotion(Stage.VALIDATED, but(metrics=metrics), POLICY))) == 1


@pytest.mark.parametrize(
    ("target", "names"),
    [
        (Stage.TRAINED, {"policy_judges", "manifest_complete", "artifact_digests"}),
        (
            Stage.STAGING,
            {
                "policy_judges",
                "manifest_complete",
                "artifact_digests",
                "validation_fresh",
                "artifact_loads",
                "parity",
                "aligned",
                "not_quarantined",
            },
        ),
        (Stage.RETIRED, {"reason"}),
    ],
)
def test_each_target_asks_for_its_gates(target: Stage, names: set[str]) -> None:
    assert {gate.name for gate in gates_for(target)} == names


def test_production_asks_for_everything_before_it_and_two_gates_more() -> None:
    earlier = {g.name for target in TARGETS[:3] for g in gates_for(target)}
    assert {g.name for g in gates_for(Stage.PRODUCTION)} == earlier | {"drift", "approvals"}
    assert len({gate.name for gate in GATES}) == len(GATES)


@pytest.mark.parametrize(
    ("facts", "text", "gate"),
    [
        (but(n_trials=9), "default: {max_pbo: 0.2}", "max_pbo"),
        (but(look_ahead_passed=None), "default: {require_lookahead_pass: false}", "look_ahead"),
        (but(dsr=None), "default: {min_sharpe: 0}", "min_dsr"),
        (but(minimum_track_record=None), "default: {min_sharpe: 0}", "min_track_record"),
        (but(days_since_validation=None), "default: {min_sharpe: 0}", "validation_fresh"),
    ],
)
def test_not_applicable_is_listed_with_its_reason(facts: Facts, text: str, gate: str) -> None:
    verdict = judge_promotion(Stage.PRODUCTION, facts, policy_of(text))
    (result,) = (result for result in verdict.gates if result.gate == gate)
    assert result.status is GateStatus.NOT_APPLICABLE
    assert result.reason


def test_a_number_for_the_track_record_needs_no_formula() -> None:
    policy = policy_of("default: {min_sharpe: 0, min_track_record: 4001}")
    facts = but(minimum_track_record=None)
    assert failed(judge_promotion(Stage.VALIDATED, facts, policy)) == ["min_track_record"]


def test_costs_that_differ_in_the_last_digit_are_the_costs() -> None:
    policy = policy_of(
        "default: {min_sharpe: 0, evaluation: {commission_bps: 0.1, slippage_bps: 0.2}}"
    )
    assert judge_promotion(Stage.VALIDATED, but(cost_bps=0.3), policy).passed


def test_a_policy_without_costs_lets_no_free_backtest_through() -> None:
    policy = policy_of("default: {min_sharpe: 0, evaluation: {commission_bps: 0, slippage_bps: 0}}")
    facts = but(cost_bps=0.0)
    assert failed(judge_promotion(Stage.VALIDATED, facts, policy)) == ["backtest_costs"]


def waiver(gate: str, granted_by: str = "carol") -> Waiver:
    return Waiver(gate, "ada", granted_by, "the index split is known", "2026-02-01T00:00:00Z")


def test_a_waived_gate_stays_failed_and_names_who_waived_it() -> None:
    facts = but(git_dirty=True, waivers=(waiver("git_clean"),))
    verdict = judge_promotion(Stage.VALIDATED, facts, POLICY)
    assert verdict.passed
    (result,) = (result for result in verdict.gates if result.gate == "git_clean")
    assert (result.status, result.waived_by) == (GateStatus.FAILED, "carol")


def test_nobody_waives_for_themselves() -> None:
    for granted_by, trainer in (("ada", "ada"), ("tom", "tom")):
        facts = but(git_dirty=True, trainer=trainer, waivers=(waiver("git_clean", granted_by),))
        assert failed(judge_promotion(Stage.VALIDATED, facts, POLICY)) == ["git_clean"]
    asked_and_granted = Waiver("git_clean", "carol", "carol", "why not", "2026-02-01T00:00:00Z")
    facts = but(git_dirty=True, waivers=(asked_and_granted,))
    assert failed(judge_promotion(Stage.VALIDATED, facts, POLICY)) == ["git_clean"]


@pytest.mark.parametrize(
    ("changes", "gate"),
    [
        ({"approvers": ()}, "approvals"),
        ({"artifact_digests_match": False}, "artifact_digests"),
        ({"missing_fields": ("config",)}, "manifest_complete"),
        ({"cost_bps": 0.0}, "backtest_costs"),
        ({"evaluation_differences": ("folds was 2, 5 is asked for",)}, "evaluation"),
        ({"training_data_rebuilt": False}, "training_data"),
        ({"artifact_loads": False}, "artifact_loads"),
        ({"parity_error": 1.0}, "parity"),
        ({"aligned": False}, "aligned"),
        ({"quarantined": True}, "not_quarantined"),
    ],
)
def test_some_gates_take_no_waiver(changes: dict[str, Any], gate: str) -> None:
    facts = but(**changes, waivers=(waiver(gate),))
    assert failed(judge_promotion(Stage.PRODUCTION, facts, POLICY)) == [gate]


@pytest.mark.parametrize("waived", ["approvals", "policy_judges"])
def test_an_empty_policy_cannot_be_waived_through(waived: str) -> None:
    facts = but(waivers=(waiver(waived),))
    assert not judge_promotion(Stage.PRODUCTION, facts, policy_of("default: {}")).passed


def test_two_approvals_are_two_people() -> None:
    policy = policy_of("default: {min_sharpe: 0, required_approvals: 2}")
    for approvers, enough in ((("bob",), False), (("bob", "bob"), False), (("bob", "eve"), True)):
        assert judge_promotion(Stage.PRODUCTION, but(approvers=approvers), policy).passed is enough


def test_retirement_asks_for_a_reason_alone() -> None:
    assert judge_promotion(Stage.RETIRED, Facts(reason="superseded"), POLICY).passed
    for reason in (None, "", "  "):
        assert not judge_promotion(Stage.RETIRED, Facts(reason=reason), POLICY).passed


def test_a_rollback_checks_safety_again_and_nothing_that_takes_time() -> None:
    ready = Facts(
        author="ada",
        trainer="ada",
        artifact_digests_match=True,
        artifact_loads=True,
        aligned=True,
        quarantined=False,
        approvers=("bob",),
    )
    assert judge_rollback(ready, POLICY).passed
    for unsafe in (
        {"artifact_digests_match": None},
        {"aligned": False},
        {"quarantined": True},
        {"approvers": ()},
    ):
        assert not judge_rollback(dataclasses.replace(ready, **unsafe), POLICY).passed
    assert set(ROLLBACK_GATES) <= set(GATES)


def test_a_verdict_is_canonical_json_and_holds_everything() -> None:
    verdict = judge_promotion(Stage.PRODUCTION, GOOD, POLICY)
    body = json.loads(verdict.to_json())
    assert body["passed"] is True
    assert body["policy_digest"] == POLICY.digest
    assert body["ledger_position"] == 3
    assert body["basis"] == GOOD.basis
    assert [gate["gate"] for gate in body["gates"]] == [result.gate for result in verdict.gates]
    again = judge_promotion(Stage.PRODUCTION, but(), get_policy_for_model("spx"))
    assert (again.to_json(), again.digest) == (verdict.to_json(), verdict.digest)
    other = judge_promotion(Stage.PRODUCTION, but(ledger_position=4), POLICY)
    assert other.digest != verdict.digest


NUMBERS = st.one_of(st.none(), st.floats())
FACTS = st.builds(
    Facts,
    author=st.sampled_from([None, "ada"]),
    trainer=st.sampled_from([None, "ada", "bob"]),
    missing_fields=st.sampled_from([None, (), ("config",)]),
    missing_evidence=st.sampled_from([None, ()]),
    artifact_digests_match=st.sampled_from([None, True, False]),
    git_commit=st.sampled_from([None, "c" * 40]),
    git_dirty=st.sampled_from([None, True, False]),
    metrics=st.dictionaries(st.sampled_from(sorted(METRICS)), NUMBERS),
    artifact_sharpe=NUMBERS,
    fold_sharpes=st.one_of(st.none(), st.lists(NUMBERS, max_size=3).map(tuple)),
    evaluation_observations=st.one_of(st.none(), st.integers(0, 10**4)),
    minimum_track_record=NUMBERS,
    cost_bps=NUMBERS,
    dsr=NUMBERS,
    n_trials=st.one_of(st.none(), st.integers(0, 20)),
    pbo=NUMBERS,
    parity_error=NUMBERS,
    parity_tolerance=NUMBERS,
    drift_severity=st.sampled_from([None, "NORMAL", "MODERATE", "SEVERE", "CLOSED"]),
    quarantined=st.sampled_from([None, True, False]),
    approvers=st.lists(st.sampled_from(["ada", "bob", "eve"]), max_size=3).map(tuple),
    waivers=st.lists(
        st.builds(
            waiver, st.sampled_from([g.name for g in GATES]), st.sampled_from(["ada", "eve"])
        ),
        max_size=3,
    ).map(tuple),
)


@settings(deadline=None)
@given(FACTS, st.sampled_from(TARGETS))
def test_whatever_the_facts_a_verdict_is_json_and_repeats(facts: Facts, target: Stage) -> None:
    verdict = judge_promotion(target, facts, POLICY)
    assert json.loads(verdict.to_json())["passed"] is verdict.passed
    assert judge_promotion(target, facts, POLICY).digest == verdict.digest
    assert verdict.passed is (verdict.failures == ())


def some_value(name: str) -> st.SearchStrategy:
    key = KEYS[name]
    if key.kind is Kind.FLAG:
        return st.booleans()
    if key.kind is Kind.CHOICE:
        return st.sampled_from(key.choices)
    low, high = max(key.low, 0.0), min(key.high, 5000.0)
    if key.kind is Kind.NUMBER:
        return st.floats(low, min(high, 2.0), exclude_min=key.low_open, exclude_max=key.high_open)
    whole = st.integers(int(low), int(high))
    return st.one_of(whole, st.just("auto")) if key.kind is Kind.COUNT_OR_AUTO else whole


THRESHOLDS = sorted(name for name, key in KEYS.items() if key.tighter is not None)


@settings(deadline=None)
@given(
    st.one_of(FACTS, st.just(GOOD)),
    st.sampled_from(TARGETS),
    st.sampled_from(THRESHOLDS),
    st.data(),
)
def test_tightening_never_turns_a_refusal_into_a_pass(
    facts: Facts, target: Stage, name: str, data: st.DataObject
) -> None:
    before = resolve_policy(parse_policy("default: {overrides: any, min_sharpe: 0.5}"), "spx")
    loose, tight = data.draw(some_value(name)), data.draw(some_value(name))
    if loosens(name, loose, tight):
        loose, tight = tight, loose
    if loosens(name, loose, tight):
        return
    policies = [
        dataclasses.replace(before, values={**before.values, name: value})
        for value in (loose, tight)
    ]
    first, second = (judge_promotion(target, facts, policy) for policy in policies)
    assert first.passed or not second.passed
    for left, right in zip(first.gates, second.gates, strict=True):
        assert left.lets_through or not right.lets_through


def test_an_override_that_loosened_is_marked_in_the_verdict() -> None:
    document = parse_policy("default: {overrides: any, min_sharpe: 0.9}")
    policy = resolve_policy(document, "spx", overrides={"min_sharpe": 0.5})
    verdict = judge_promotion(Stage.VALIDATED, GOOD, policy)
    assert verdict.as_dict()["loosened"] == ["min_sharpe"]
    assert not judge_promotion(Stage.VALIDATED, GOOD, resolve_policy(document, "spx")).passed
