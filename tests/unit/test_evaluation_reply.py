"""The answer of an evaluation's process is read with no trust in who wrote it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tradeworthy.base.digests import canonical_json
from tradeworthy.errors import InvalidInput, ModelNotFound, StrategyInvalid, TradeworthyError
from tradeworthy.evaluation.reply import read_reply
from tradeworthy.evidence.evaluation_settings import EvaluationSettings
from tradeworthy.evidence.evidence import Evidence
from tradeworthy.evidence.findings import (
    FeatureSight,
    FoldPeriod,
    GuardFinding,
    LookAheadFindings,
)

EVIDENCE = Evidence(
    feature_graph_hash="a" * 64,
    entry_point_hash="b" * 64,
    signal_rule_hash="c" * 64,
    dataset_hash="d" * 64,
    training_data_rebuilt=True,
    result_digest="e" * 64,
    returns=(0.01, 0.0, -0.02),
    metrics={"sharpe": 1.5, "n_observations": 3, "calmar": None},
    fold_sharpes=(1.0, None),
    folds=(FoldPeriod("2020-01-01", "2020-06-30", 250),),
    artifact_metrics=None,
    data_findings=(
        GuardFinding("gap", "AAA", "2020-01-02", "warn", "3 bars are missing"),
        GuardFinding("split", "BBB", "2020-01-03", "fail", "halved overnight"),
    ),
    look_ahead=LookAheadFindings(
        passed=True, bars=300, seed=7, features={"x": FeatureSight(True, 0, 20, {"cut": True})}
    ),
    drift={"status": "OK", "severity": "NORMAL", "features": [{"name": "x"}]},
    settings=EvaluationSettings(
        commission_bps=1,
        slippage_bps=0.5,
        execution="next_open",
        folds=2,
        min_train=250,
        purge=1,
        embargo=0,
        periods_per_year=252,
        current_sessions=20,
        reference_sessions=250,
    ),
)


def test_evidence_is_read_back_as_it_was_written() -> None:
    text = json.dumps({"evidence": EVIDENCE.to_json()}).encode()
    assert read_reply(text) == EVIDENCE
    assert read_reply(text).to_json() == EVIDENCE.to_json()
    stored = Evidence.from_json(json.loads(canonical_json(EVIDENCE.to_json())))
    assert stored == EVIDENCE
    assert stored.digest == EVIDENCE.digest
    assert stored.data_guard_failures == ("split",)


def test_an_error_comes_as_what_it_is() -> None:
    problem = {"code": "model_not_found", "message": "no model 'm'", "details": {"model": "m"}}
    with pytest.raises(ModelNotFound, match="no model 'm'") as caught:
        read_reply(json.dumps({"error": problem}).encode())
    assert caught.value.details == {"model": "m"}


BROKEN = {
    "nothing": (b"", "is not JSON"),
    "half": (b'{"evidence": {"scheme"', "is not JSON"),
    "no UTF-8": (b"\xff", "is not UTF-8"),
    "a key twice": (b'{"evidence": {"scheme": 1, "scheme": 2}}', "the key 'scheme' twice"),
    "NaN": (b'{"evidence": {"returns": [NaN]}}', "holds NaN"),
    "beyond a double": (b'{"evidence": {"returns": [1e999]}}', "holds 1e999"),
    "deep": (b'{"evidence": ' + b"[" * 100_000, "nested more than 100 levels"),
    "deep and whole": (b"[" * 500 + b"]" * 500, "nested more than 100 levels"),
    "no object": (b"[]", "neither evidence nor an error"),
    "null": (b"null", "neither evidence nor an error"),
    "neither": (b"{}", "neither evidence nor an error"),
    "both": (b'{"evidence": {}, "error": {}}', "neither evidence nor an error"),
    "more than evidence": (b'{"evidence": {}, "x": 1}', "neither evidence nor an error"),
    "an error of words": (b'{"error": "no"}', "neither evidence nor an error"),
    "an error without details": (
        b'{"error": {"code": "internal_error", "message": "no"}}',
        "neither evidence nor an error",
    ),
    "an error of numbers": (
        b'{"error": {"code": 1, "message": "no", "details": {}}}',
        "neither evidence nor an error",
    ),
    "no evidence": (b'{"evidence": null}', "not evidence of scheme"),
    "another scheme": (b'{"evidence": {"scheme": "evidence/v9"}}', "not evidence of scheme"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_no_answer_is_refused(how: str) -> None:
    text, message = BROKEN[how]
    with pytest.raises(StrategyInvalid, match=message):
        read_reply(text)


WRONG: list[tuple[str, Any]] = [
    ("surprise", 1),
    ("dataset_hash", 5),
    ("dataset_hash", None),
    ("training_data_rebuilt", "true"),
    ("training_data_rebuilt", 1),
    ("returns", None),
    ("returns", ["0.1"]),
    ("returns", [None]),
    ("returns", [True]),
    ("returns", "0.1"),
    ("metrics", {"sharpe": "9"}),
    ("metrics", {"sharpe": True}),
    ("metrics", {"sharpe": [1.0]}),
    ("metrics", []),
    ("fold_sharpes", ["1"]),
    ("folds", [{"first": "2020-01-01", "last": "2020-06-30"}]),
    ("folds", [{"first": "2020-01-01", "last": "2020-06-30", "trained_on": 2.5}]),
    ("folds", [{"first": "2020-01-01", "last": "2020-06-30", "trained_on": 2, "x": 1}]),
    ("artifact_metrics", {"sharpe": "9"}),
    ("data_findings", [{"guard": "gap"}]),
    ("data_findings", {}),
    ("look_ahead", {"passed": True}),
    ("look_ahead", {"passed": "yes", "bars": 1, "seed": 1, "features": {}}),
    ("look_ahead", {"passed": True, "bars": 1, "seed": 1, "features": {"x": {"passed": True}}}),
    ("drift", {}),
    ("drift", {"status": "OK"}),
    ("drift", {"status": "FINE", "severity": "NORMAL"}),
    ("drift", {"status": "OK", "severity": "CALM"}),
    ("drift", {"status": "OK", "severity": ["NORMAL"]}),
    ("settings", {}),
    ("settings", EVIDENCE.to_json()["settings"] | {"folds": "2"}),  # type: ignore[operator]
    ("settings", EVIDENCE.to_json()["settings"] | {"x": 2}),  # type: ignore[operator]
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_field_of_another_type_is_refused(name: str, value: Any) -> None:
    body = EVIDENCE.to_json() | {name: value}
    with pytest.raises(StrategyInvalid, match=f"not evidence: {name}"):
        read_reply(json.dumps({"evidence": body}).encode())
    with pytest.raises(InvalidInput, match="run the backtest again"):
        Evidence.from_json(body)


@pytest.mark.parametrize("name", sorted(EVIDENCE.to_json()))
def test_a_missing_field_is_refused(name: str) -> None:
    body = EVIDENCE.to_json()
    del body[name]
    with pytest.raises(StrategyInvalid, match=name):
        read_reply(json.dumps({"evidence": body}).encode())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_nan_stands_in_evidence(value: float) -> None:
    for spoilt in (
        replace(EVIDENCE, returns=(value,)),
        replace(EVIDENCE, metrics={"sharpe": value}),
        replace(EVIDENCE, fold_sharpes=(value,)),
        replace(EVIDENCE, settings=replace(EVIDENCE.settings, slippage_bps=value)),
    ):
        with pytest.raises(TradeworthyError):
            Evidence.from_json(spoilt.to_json())
        with pytest.raises(StrategyInvalid, match="which is no number"):
            read_reply(json.dumps({"evidence": spoilt.to_json()}).encode())
