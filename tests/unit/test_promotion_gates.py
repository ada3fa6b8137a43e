"""Gates and verdicts: unknown never passes, tightening never helps, the same facts say the same."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.errors import InvalidInput
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.promotion.concerns import CONCERNS, GATES
from tradeworthy.promotion.facts import Basis, Facts
from tradeworthy.promotion.findings import GateStatus
from tradeworthy.promotion.gates.alignment import AlignmentFacts
from tradeworthy.promotion.gates.approvals import ApprovalFacts
from tradeworthy.promotion.gates.artifact_files import ArtifactFileFacts
from tradeworthy.promotion.gates.artifact_load import ArtifactLoadFacts
from tradeworthy.promotion.gates.data_guards import DataGuardFacts
from tradeworthy.promotion.gates.drift import DriftFacts, DriftRows
from tradeworthy.promotion.gates.evaluation import EvaluationFacts
from tradeworthy.promotion.gates.freshness import FreshnessFacts
from tradeworthy.promotion.gates.git_tree import GitTreeFacts
from tradeworthy.promotion.gates.look_ahead import LookAheadFacts
from tradeworthy.promotion.gates.manifest import ManifestFacts
from tradeworthy.promotion.gates.overfitting import OverfittingFacts
from tradeworthy.promotion.gates.parity import ParityFacts
from tradeworthy.promotion.gates.performance import PerformanceFacts
from tradeworthy.promotion.gates.policy import PolicyFacts
from tradeworthy.promotion.gates.quarantine import QuarantineFacts
from tradeworthy.promotion.gates.reason import ReasonFacts
from tradeworthy.promotion.gates.significance import SignificanceFacts
from tradeworthy.promotion.gates.training_data import TrainingDataFacts
from tradeworthy.promotion.gates.trials import TrialFacts
from tradeworthy.promotion.gates.validation_fields import ValidationFieldFacts
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
    "break_even_cost_bps": 60.0,
}
KNOWN = (
    PolicyFacts(),
    ManifestFacts(missing_fields=()),
    ArtifactFileFacts(artifact_digests_match=True),
    ValidationFieldFacts(missing_evidence=()),
    GitTreeFacts(git_commit="c" * 40, git_dirty=False),
    DataGuardFacts(data_guard_failures=()),
    LookAheadFacts(look_ahead_passed=True),
    TrainingDataFacts(training_data_rebuilt=True),
    EvaluationFacts(evaluation_differences=(), cost_bps=5.0),
    PerformanceFacts(**METRICS, artifact_sharpe=0.55, fold_sharpes=(0.9, 0.1, -0.4, 1.2, 0.8)),
    SignificanceFacts(evaluation_observations=4000, minimum_track_record=1900.0, psr=0.985),
    OverfittingFacts(n_trials=1, dsr=0.985, sharpe_per_period=0.04),
    TrialFacts(trials_since_review=1),
    FreshnessFacts(days_since_validation=3.0),
    ArtifactLoadFacts(artifact_loads=True),
    ParityFacts(parity_error=1e-9, parity_tolerance=1e-6),
    AlignmentFacts(aligned=True),
    QuarantineFacts(quarantined=False),
    DriftFacts(drift_severity="NORMAL", drift_rows=DriftRows(40, 20, 20, 4000, 200, 250, 2.0)),
    ApprovalFacts(author="ada", trainer="ada", approvers=("bob",)),
    ReasonFacts(),
)
BASIS = Basis(
    artifact_digest="a" * 64,
    manifest_digest="b" * 64,
    dataset_hash="c" * 64,
    evidence_digest="d" * 64,
    result_digest="e" * 64,
    training_data_rebuilt=True,
    sharpe_per_period=0.04,
    periods_per_year=252,
    formulas="performance/v1",
)
GOOD = Facts(*KNOWN, ledger_position=3, basis=BASIS)


def policy_of(text: str) -> Policy:
    return resolve_policy(parse_policy(text), "spx")


def but(**changes: Any) -> Facts:
    """The good facts with other values; each field's name stands in one kind of facts."""
    return facts_of(KNOWN, changes)


def facts_of(known: Iterable[Any], changes: dict[str, Any]) -> Facts:
    changed = []
    for each in known:
        names = [field.name for field in dataclasses.fields(each) if field.name in changes]
        changed.append(dataclasses.replace(each, **{name: changes.pop(name) for name in names}))
    assert not changes
    return Facts(*changed, ledger_position=3, basis=BASIS, candidate=("spx", 3))


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


def test_each_concern_reads_facts_of_its_own() -> None:
    kinds = [concern.reads for concern in CONCERNS.values()]
    assert len(set(kinds)) == len(kinds)
    assert {type(facts) for facts in KNOWN} == set(kinds)
    assert all(concern.reads() == Facts().of(concern.reads) for concern in CONCERNS.values())


def test_the_verdict_lists_its_gates_in_this_order() -> None:
    verdict = judge_promotion(Stage.PRODUCTION, GOOD, POLICY)
    assert [result.gate for result in verdict.gates] == [
        "policy_judges",
        "manifest_complete",
        "artifact_digests",
        "evidence_complete",
        "git_clean",
        "data_guards",
        "look_ahead",
        "training_data",
        "evaluation",
        "backtest_costs",
        "min_sharpe",
        "min_sortino",
        "min_calmar",
        "max_drawdown",
        "max_cvar",
        "min_hit_rate",
        "max_turnover",
        "min_trades",
        "artifact_sharpe",
        "min_worst_fold_sharpe",
        "cost_stress_multiplier",
        "min_evaluation_observations",
        "min_track_record",
        "min_psr",
        "min_dsr",
        "max_pbo",
        "max_trials_without_review",
        "validation_fresh",
        "artifact_loads",
        "parity",
        "aligned",
        "not_quarantined",
        "drift_rows",
        "drift",
        "approvals",
    ]


def test_an_empty_list_of_gates_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="no gate judged"):
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
    ({"evaluation_differences": ("folds was 2, 5 is required",)}, "evaluation"),
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
    ({"drift_rows": None}, "drift_rows"),
    ({"drift_rows": DriftRows(19, 20, 1, 4000, 200, 250, 19.0)}, "drift_rows"),
    ({"drift_rows": DriftRows(20, 20, 1, 199, 200, 250, 20.0)}, "drift_rows"),
    ({"drift_severity": "SEVERE"}, "drift"),
    ({"drift_rows": DriftRows(20, 20, 10, 4000, 200, 99, 2.0)}, "drift_rows"),
    ({"drift_severity": "INSUFFICIENT"}, "drift"),
    ({"quarantined": True}, "not_quarantined"),
    ({"approvers": ()}, "approvals"),
    ({"approvers": ("ada", "ada")}, "approvals"),
    ({"trainer": "bob"}, "approvals"),
    ({"author": None}, "approvals"),
    *(({name: bad}, gate) for name, bad, gate in (
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


def gates_before(target: Stage) -> set[str]:
    return {each.gate for each in judge_promotion(target, Facts(), POLICY).gates}


@pytest.mark.parametrize(("changes", "gate"), FAILING)
def test_each_gate_fails_alone_and_says_what_to_do(changes: dict[str, Any], gate: str) -> None:
    verdict = judge_promotion(Stage.PRODUCTION, but(**changes), POLICY)
    assert failed(verdict) == [gate]
    (result,) = verdict.failures
    assert result.reason
    assert result.advice
    assert len(verdict.gates) == len(gates_before(Stage.PRODUCTION))


BACKTEST = "run `tradeworthy backtest spx 3`"
LONGER = "evaluate on a longer period"
LATER = (
    "with later bars, `tradeworthy datasets add BARS`, then `tradeworthy backtest spx 3 --dataset "
)
EARLIER = "with earlier ones, a new version: `tradeworthy train FILE --model spx --data BARS`"
BARS = f"{LATER}HASH` with the hash that it prints; {EARLIER}"

ADVICE: list[tuple[dict[str, Any], str, tuple[str, ...], tuple[str, ...]]] = [
    ({"psr": 0.5}, "min_psr", ("earns nothing",), (LONGER,)),
    ({"psr": 0.2}, "min_psr", ("earns nothing",), (LONGER,)),
    ({"psr": None}, "min_psr", ("lack trades",), ()),
    ({"psr": 0.94}, "min_psr", (LONGER, BARS, "7.54 years (1900 "), ("earns nothing",)),
    ({"minimum_track_record": math.inf, "psr": 0.2}, "min_track_record", ("earns",), (LONGER,)),
    ({"minimum_track_record": None, "psr": None}, "min_track_record", ("lack trades",), ()),
    ({"minimum_track_record": 4001.0}, "min_track_record", (LONGER, BARS, "15.9 years"), ()),
    ({"minimum_track_record": 5041.0}, "min_track_record", ("too little for its",), (LONGER,)),
    ({"minimum_track_record": 5041.0, "psr": 0.9}, "min_psr", ("too little for its",), (LONGER,)),
    ({"dsr": 0.1, "sharpe_per_period": -0.01}, "min_dsr", ("earns nothing",), (LONGER,)),
    ({"dsr": 0.9}, "min_dsr", (LONGER,), ("as many trials",)),
    ({"dsr": 0.9, "n_trials": 9}, "min_dsr", (LONGER, "as many trials"), ()),
    ({"dsr": 0.9, "track_record": 2016.0}, "min_dsr", (LONGER, "8 years (2016", BARS), ("luck",)),
    (
        {"dsr": 0.9, "n_trials": 9, "track_record": 4500.2},
        "min_dsr",
        ("as many trials", LONGER, "period, 17.9 years (4501 periods) out of sample", BARS),
        ("change",),
    ),
    (
        {"dsr": 0.53, "n_trials": 24, "track_record": 252_000.0},
        "min_dsr",
        ("as many trials", "only 1,000 years out of sample", "change the idea", "few variants"),
        (LONGER,),
    ),
    (
        {"dsr": 0.4, "n_trials": 24, "track_record": math.inf},
        "min_dsr",
        ("as many trials", "no length out of sample", "change the idea"),
        (LONGER,),
    ),
    ({"dsr": None, "n_trials": 9}, "min_dsr", ("fewer than two", BACKTEST), ("lack trades",)),
    ({"dsr": None, "n_trials": 9, "luck_sharpe": 0.1}, "min_dsr", ("lack trades",), ()),
    ({"n_trials": 10}, "max_pbo", ("at least 10 trials", "`tradeworthy backtest spx 3`"), ()),
    ({"n_trials": 10, "pbo": 0.6}, "max_pbo", (BARS, "no formula", "few variants"), ()),
    (
        {"artifact_sharpe": None, "bars_after_train_end": False},
        "artifact_sharpe",
        ("`tradeworthy train FILE --model spx --data BARS --until DAY`", BARS),
        (),
    ),
    ({"artifact_sharpe": None, "bars_after_train_end": True}, "artifact_sharpe", ("lack",), ()),
    ({"break_even_cost_bps": -1.0}, "cost_stress_multiplier", ("earns",), ("less often",)),
    ({"break_even_cost_bps": 9.9}, "cost_stress_multiplier", ("less often",), ()),
    (
        {"aligned": False, "ways_out": ("put it back", "activate it")},
        "aligned",
        ("put it back; activate it",),
        (),
    ),
    (
        {"drift_rows": DriftRows(1, 20, 1, 4000, 200, 250, 1.0)},
        "drift_rows",
        ("raise drift.current_sessions to 20, then", BACKTEST),
        ("tradeworthy train",),
    ),
    (
        {"drift_rows": DriftRows(16, 20, 8, 4000, 200, 250, 2.0)},
        "drift_rows",
        ("to 10,",),
        ("reference",),
    ),
    (
        {"drift_rows": DriftRows(20, 20, 10, 4000, 200, 60, 2.0)},
        "drift_rows",
        ("raise drift.reference_sessions to 100, then", BACKTEST),
        ("drift.current_sessions",),
    ),
    (
        {"drift_rows": DriftRows(1, 20, 1, 4000, 200, 30, 1.0)},
        "drift_rows",
        ("drift.current_sessions to 20 and drift.reference_sessions to 200, then", BACKTEST),
        (),
    ),
    ({"drift_rows": None}, "drift_rows", ("`tradeworthy train",), ("raise",)),
    ({"drift_severity": "SEVERE"}, "drift", ("up to the present: `tradeworthy train FILE",), ()),
    ({"cost_bps": 1.0}, "backtest_costs", (f"{BACKTEST} without cost options",), ()),
    ({"git_commit": None, "git_dirty": None}, "git_clean", ("one git repository",), ()),
    ({"git_dirty": True}, "git_clean", ("commit every file", "run the script again"), ()),
    ({"days_since_validation": 181.0}, "validation_fresh", ("tradeworthy train",), ()),
    (
        {"days_since_validation": 181.0, "renewed_by_backtest": True},
        "validation_fresh",
        (BACKTEST,),
        ("train",),
    ),
    (
        {"artifact_loads": False, "fault": "install lightgbm", "lacks_library": True},
        "artifact_loads",
        ("install lightgbm",),
        ("tradeworthy train",),
    ),
    ({"artifact_loads": False, "fault": "odd"}, "artifact_loads", ("tradeworthy train",), ()),
    ({"answers": False}, "parity", ("what `artifact_loads` says",), ("tradeworthy train",)),
    ({"training_data_rebuilt": False}, "training_data", (BACKTEST,), ()),
    (
        {"training_data_rebuilt": False, "tested_on_its_source": True},
        "training_data",
        ("tradeworthy train",),
        ("tradeworthy backtest",),
    ),
    ({"approvers": ()}, "approvals", ("`tradeworthy approve spx 3`",), ()),
    ({"quarantined": True}, "not_quarantined", ("`tradeworthy lift-quarantine spx 3",), ()),
]


@pytest.mark.parametrize(("changes", "gate", "says", "does_not_say"), ADVICE)
def test_the_advice_is_that_for_what_was_found(
    changes: dict[str, Any], gate: str, says: tuple[str, ...], does_not_say: tuple[str, ...]
) -> None:
    verdict = judge_promotion(Stage.PRODUCTION, but(**changes), POLICY)
    (advice,) = (result.advice for result in verdict.failures if result.gate == gate)
    assert [text for text in says if text not in advice] == []
    assert [text for text in does_not_say if text in advice] == []


def test_a_drift_that_has_no_verdict_for_want_of_rows_says_so_and_does_not_advise_to_retrain() -> (
    None
):
    facts = but(drift_severity=None, drift_rows=DriftRows(1, 20, 1, 4000, 200, 250, 1.0))
    rows, drift = judge_promotion(Stage.PRODUCTION, facts, POLICY).failures
    assert (rows.gate, drift.gate) == ("drift_rows", "drift")
    assert "drift.current_sessions: 1 holds 1 row, 20 are needed" in rows.reason
    assert "drift.current_sessions: 1 holds 1 row, 20 are needed" in drift.reason
    assert rows.advice == drift.advice
    assert (rows.observed, rows.threshold) == (1, 20)
    (early,) = judge_promotion(Stage.VALIDATED, facts, POLICY).failures
    assert early == rows


def test_drift_windows_are_counted_by_the_median_session_whatever_the_last_one_holds() -> None:
    plenty = DriftRows(40, 20, 1, 4000, 200, 30, 390.0)
    assert judge_promotion(Stage.PRODUCTION, but(drift_rows=plenty), POLICY).failures == ()
    (rich,) = judge_promotion(
        Stage.PRODUCTION, but(drift_rows=DriftRows(390, 20, 1, 4000, 200, 250, 2.0)), POLICY
    ).failures
    assert "at 2 rows a session, the median of the data, drift.current_sessions" in rich.reason
    (poor,) = judge_promotion(
        Stage.PRODUCTION, but(drift_rows=DriftRows(5, 20, 1, 4000, 200, 30, 390.0)), POLICY
    ).failures
    assert "the last 1 whole sessions of the data hold 5 rows, 20 are needed" in poor.reason
    assert "tradeworthy datasets add" in (poor.advice or "")


def test_a_file_outside_every_repository_is_named() -> None:
    facts = but(git_commit=None, git_dirty=None, unclean=("record.py",))
    (clean,) = judge_promotion(Stage.VALIDATED, facts, POLICY).failures
    assert clean.reason == "no git repository is known around record.py"
    assert "the script if one records the run" in (clean.advice or "")


def test_without_a_backtest_every_gate_that_reads_one_advises_to_run_it() -> None:
    facts = Facts(*(type(f)() for f in KNOWN), candidate=("spx", 3))
    reading = {g.name for c in CONCERNS.values() if c.from_backtest for g in c.gates}
    results = judge_promotion(Stage.PRODUCTION, facts, POLICY).failures
    advised = {result.gate for result in results if result.advice == BACKTEST}
    assert advised == reading
    assert len(reading) == 23


def test_a_lonely_trial_is_one_trial() -> None:
    for trials, counted in ((1, "1 trial;"), (2, "2 trials;")):
        verdict = judge_promotion(Stage.VALIDATED, but(n_trials=trials), POLICY)
        (pbo,) = (result for result in verdict.gates if result.gate == "max_pbo")
        assert pbo.reason.startswith(counted)


def test_every_gate_of_a_promotion_has_a_failing_case() -> None:
    promoting = {gate.name for gate in GATES if Stage.PRODUCTION in gate.targets}
    shown = {gate for _, gate in FAILING} | {"policy_judges", "min_evaluation_observations"}
    assert shown == promoting


def test_a_clock_that_is_a_little_behind_is_forgiven() -> None:
    assert judge_promotion(Stage.STAGING, but(days_since_validation=-1.0), POLICY).passed


def test_what_differs_is_reported_with_the_reason() -> None:
    for facts, target, gate in (
        (but(aligned=False, alignment_differences=("WINDOW 20 -> 21",)), Stage.STAGING, "aligned"),
        (but(evaluation_differences=("WINDOW 20 -> 21",)), Stage.VALIDATED, "evaluation"),
        (but(data_guard_failures=("WINDOW 20 -> 21",)), Stage.VALIDATED, "data_guards"),
        (but(git_dirty=True, unclean=("WINDOW 20 -> 21",)), Stage.VALIDATED, "git_clean"),
        (but(git_dirty=None, unclean=("WINDOW 20 -> 21",)), Stage.VALIDATED, "git_clean"),
        (
            but(look_ahead_passed=False, features_ahead=("WINDOW 20 -> 21",)),
            Stage.VALIDATED,
            "look_ahead",
        ),
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
    for name in (*METRICS, "psr"):
        facts = but(**{name: None})
        assert len(failed(judge_promotion(Stage.VALIDATED, facts, POLICY))) == 1


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
    assert gates_before(target) == names


def test_production_asks_for_everything_before_it_and_two_gates_more() -> None:
    earlier = {name for target in TARGETS[:3] for name in gates_before(target)}
    assert gates_before(Stage.PRODUCTION) == earlier | {"drift", "approvals"}
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


def test_a_track_record_is_a_whole_number_with_the_years_that_it_means() -> None:
    facts = but(evaluation_observations=4104, minimum_track_record=30436.4)
    (result,) = judge_promotion(Stage.VALIDATED, facts, POLICY).failures
    assert result.reason == (
        "track record in observations is 4104, at least 30437 is required, 121 years at 252 a year"
    )
    assert result.threshold == 30437
    many = but(evaluation_observations=5_660_001)
    reasons = [gate.reason for gate in judge_promotion(Stage.VALIDATED, many, POLICY).gates]
    assert "evaluation observations is 5660001, at least 252 is required" in reasons


def test_psr_is_given_the_years_that_its_own_bound_takes() -> None:
    """1.645 and 2.326 are the quantiles of .95, which the track record is at, and of .99."""
    policy = policy_of("default: {min_sharpe: 0, min_psr: 0.99}")
    facts = but(psr=0.98, minimum_track_record=1900.0)
    (result,) = judge_promotion(Stage.VALIDATED, facts, policy).failures
    needed = math.ceil(1 + 1899 * (2.3263478740 / 1.6448536270) ** 2)
    assert f"{needed / 252:.3g} years ({needed} periods) out of sample" in str(result.advice)


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


def test_two_approvals_are_two_people() -> None:
    policy = policy_of("default: {min_sharpe: 0, required_approvals: 2}")
    for approvers, enough in ((("bob",), False), (("bob", "bob"), False), (("bob", "eve"), True)):
        assert judge_promotion(Stage.PRODUCTION, but(approvers=approvers), policy).passed is enough


def test_retirement_asks_for_a_reason_alone() -> None:
    assert judge_promotion(Stage.RETIRED, Facts(ReasonFacts("superseded")), POLICY).passed
    for reason in (None, "", "  ", "\u200b"):
        assert not judge_promotion(Stage.RETIRED, Facts(ReasonFacts(reason)), POLICY).passed


def test_a_rollback_checks_safety_again_and_nothing_that_takes_time() -> None:
    ready = (
        ArtifactFileFacts(artifact_digests_match=True),
        ArtifactLoadFacts(artifact_loads=True),
        AlignmentFacts(aligned=True),
        QuarantineFacts(quarantined=False),
        ApprovalFacts(author="ada", trainer="ada", approvers=("bob",)),
    )
    verdict = judge_rollback(Facts(*ready), POLICY)
    assert verdict.passed
    assert [result.gate for result in verdict.gates] == [
        "artifact_digests",
        "artifact_loads",
        "aligned",
        "not_quarantined",
        "approvals",
    ]
    for unsafe in (
        {"artifact_digests_match": None},
        {"artifact_loads": None},
        {"aligned": False},
        {"quarantined": True},
        {"approvers": ()},
    ):
        assert not judge_rollback(facts_of(ready, dict(unsafe)), POLICY).passed


def test_a_verdict_is_canonical_json_and_holds_everything() -> None:
    verdict = judge_promotion(Stage.PRODUCTION, GOOD, POLICY)
    body = json.loads(verdict.to_json())
    assert body["passed"] is True
    assert body["policy_digest"] == POLICY.digest
    assert body["ledger_position"] == 3
    assert body["basis"] == BASIS.as_dict()
    assert [gate["gate"] for gate in body["gates"]] == [result.gate for result in verdict.gates]
    again = judge_promotion(Stage.PRODUCTION, but(), get_policy_for_model("spx"))
    assert (again.to_json(), again.digest) == (verdict.to_json(), verdict.digest)
    other = judge_promotion(Stage.PRODUCTION, Facts(*KNOWN, ledger_position=4), POLICY)
    assert other.digest != verdict.digest


NUMBERS = st.one_of(st.none(), st.floats())
YES_NO_UNKNOWN = st.sampled_from([None, True, False])
PEOPLE = st.sampled_from([None, "ada", "bob"])
FACTS = st.tuples(
    st.builds(ManifestFacts, st.sampled_from([None, (), ("config",)])),
    st.builds(ValidationFieldFacts, st.sampled_from([None, ()])),
    st.builds(ArtifactFileFacts, YES_NO_UNKNOWN),
    st.builds(GitTreeFacts, st.sampled_from([None, "c" * 40]), YES_NO_UNKNOWN),
    st.builds(EvaluationFacts, cost_bps=NUMBERS),
    st.builds(
        PerformanceFacts,
        **dict.fromkeys(METRICS, NUMBERS),
        artifact_sharpe=NUMBERS,
        fold_sharpes=st.one_of(st.none(), st.lists(NUMBERS, max_size=3).map(tuple)),
    ),
    st.builds(
        SignificanceFacts,
        evaluation_observations=st.one_of(st.none(), st.integers(0, 10**4)),
        minimum_track_record=NUMBERS,
        psr=NUMBERS,
    ),
    st.builds(OverfittingFacts, st.one_of(st.none(), st.integers(0, 20)), NUMBERS, NUMBERS),
    st.builds(ParityFacts, NUMBERS, NUMBERS),
    st.builds(DriftFacts, st.sampled_from([None, "NORMAL", "MODERATE", "SEVERE", "CLOSED"])),
    st.builds(QuarantineFacts, YES_NO_UNKNOWN),
    st.builds(
        ApprovalFacts,
        st.sampled_from([None, "ada"]),
        PEOPLE,
        st.lists(st.sampled_from(["ada", "bob", "eve"]), max_size=3).map(tuple),
    ),
).map(lambda known: Facts(*known))


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
