"""Scans and reports: statuses, evidence, both anchors, and verdicts that can be recomputed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.drift.calibration.drift_calibration import Windows
from tradeworthy.drift.data_quality import QualityFinding, QualityFloors
from tradeworthy.drift.drift_detection import DriftMetrics, Floors, Severity, ks_statistic
from tradeworthy.drift.drift_report import (
    DriftReport,
    Status,
    model_severity,
    recompute,
)
from tradeworthy.drift.feature_drift import Comparison, FeatureDrift
from tradeworthy.drift.profiles.drift_profile import atom_bins, freeze_edges, profile
from tradeworthy.drift.profiles.profile_scan import scan_profiles
from tradeworthy.drift.profiles.profile_stack import profile_sessions, stack_metrics, stack_profiles
from tradeworthy.drift.profiles.training_profile import training_profile
from tradeworthy.drift.scan.drift_scan import Rows, candidate_drift, scan_features
from tradeworthy.errors import InvalidInput

KEY = {"model": "m", "version": 3, "slot": "2026-01-05T10:00:00Z"}
NAN, INF = float("nan"), float("inf")
SMALL, LARGE = 31, 231
BARS = 40


def columns(sessions: int = SMALL, seed: int = 1, names: str = "ab") -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=sessions * BARS) for name in names}


def scan(data: dict, sessions: int = SMALL, **more: object) -> DriftReport:
    ids = np.repeat(np.arange(sessions), BARS)
    more = {"importances": sorted(data)} | more
    report = scan_features(Rows(data, ids), **KEY, **more)
    text = json.dumps(report.to_json(), allow_nan=False)
    again = DriftReport.from_json(json.loads(text))
    assert again == report
    assert again.digest == report.digest
    assert recompute(json.loads(text)) is report.severity
    return report


def feature(report: DriftReport, name: str = "a") -> FeatureDrift:
    return next(one for one in report.features if one.feature == name)


def test_no_drift_is_normal() -> None:
    report = scan(columns())
    assert (report.status, report.severity) == (Status.OK, Severity.NORMAL)
    assert report.current_sessions == (30,)
    assert report.reference_sessions == tuple(range(30))
    assert (report.current_rows, report.reference_rows) == (BARS, 30 * BARS)
    (comparison,) = feature(report).comparisons
    assert (comparison.method, comparison.windows, comparison.capped) == ("leave_out", 30, True)
    assert comparison.null.psi > 0.2  # 40 rows: the classic .25 is next to nothing


def test_enough_history_is_ranked_by_replay() -> None:
    data = columns(LARGE)
    data["a"][-BARS:] += 1.5
    report = scan(data, LARGE)
    (comparison,) = feature(report).comparisons
    assert (comparison.method, comparison.windows, comparison.capped) == ("replay", 200, False)
    assert comparison.p_value == 1 / 201
    assert feature(report).severity is report.severity is Severity.SEVERE
    assert feature(report, "b").severity is Severity.NORMAL


def test_daily_windows_are_ranked_by_replay_once_twenty_lie_apart() -> None:
    daily = Windows(20, 250)
    rng = np.random.default_rng(8)
    for sessions, method in ((270, "leave_out"), (600, "leave_out"), (690, "replay")):
        values = rng.normal(size=sessions)
        report = scan_features(
            Rows({"a": values}, np.arange(sessions)), **KEY, importances=["a"], windows=daily
        )
        assert feature(report).comparisons[0].method == method
        assert len(report.current_sessions) == 20
        assert len(report.reference_sessions) == 250


def test_a_short_history_keeps_severe_for_the_far_beyond() -> None:
    rng = np.random.default_rng(4)
    level = np.repeat(rng.normal(size=SMALL), BARS)  # sessions differ by nature
    usual = level + rng.normal(size=level.size) * 0.1
    mild, huge = usual.copy(), usual.copy()
    mild[-BARS:] = 2.6 + rng.normal(size=BARS) * 0.1
    huge[-BARS:] = 60.0
    assert feature(scan({"a": mild})).severity < Severity.SEVERE
    assert feature(scan({"a": huge})).severity is Severity.SEVERE


def test_the_exact_ks_distance_decides_at_a_floor() -> None:
    data = columns(LARGE, names="a")
    data["a"][-BARS:] += 0.4
    values = data["a"]
    exact = ks_statistic(values[-31 * BARS : -BARS], values[-BARS:])
    for floor in (exact - 1e-9, exact + 1e-9):
        floors = Floors(
            DriftMetrics(90.0, floor, 90.0, 90.0, 90.0), DriftMetrics(99.0, 0.9, 99.0, 99.0, 99.0)
        )
        found = feature(scan(data, LARGE, floors=floors))
        assert found.comparisons[0].metrics.ks == exact
        assert (found.floors_met == ("ks",)) is (floor < exact)


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda v: np.full_like(v, NAN), "all_null"),
        (lambda v: np.full_like(v, 0.7), "constant"),
    ],
)
def test_dead_feeds_are_severe(spoil: Callable[[np.ndarray], np.ndarray], kind: str) -> None:
    data = columns(names="abcdefghij")
    data["a"][-BARS:] = spoil(data["a"][-BARS:])
    report = scan(data)
    assert kind in [one.kind for one in feature(report).findings]
    assert report.severity is Severity.SEVERE


def test_a_missing_or_retyped_column_is_severe() -> None:
    data = columns(names="abcdefghij")
    report = scan(data, importances=[*data, "k"])
    assert [one.kind for one in feature(report, "k").findings] == ["missing_column"]
    assert report.severity is Severity.SEVERE
    typed = data | {"a": np.array(["1.0"] * data["a"].size)}
    assert [one.kind for one in feature(scan(typed)).findings] == ["type_change"]


def test_an_indicator_may_rest_for_a_day() -> None:
    rng = np.random.default_rng(6)
    rests = np.repeat(rng.random(SMALL) < 0.5, BARS)
    flag = np.where(rests, 0.0, (rng.random(rests.size) < 0.5) * 1.0)
    flag[-BARS:] = 0.0
    rested = feature(scan({"a": flag}))
    assert "constant" not in [one.kind for one in rested.findings]
    assert rested.severity is Severity.NORMAL
    always = (rng.random(rests.size) < 0.5) * 1.0
    always[-BARS:] = 0.0
    assert feature(scan({"a": always})).findings[0].kind == "constant"


@pytest.mark.parametrize(("bad", "kind"), [(NAN, "missing"), (INF, "infinite")])
def test_bad_rows_raise_severity_by_their_rate(bad: float, kind: str) -> None:
    data = columns(LARGE, names="a")
    for count, least in ((1, Severity.MODERATE), (4, Severity.SEVERE)):
        spoiled = data["a"].copy()
        spoiled[-BARS : -BARS + count] = bad
        (finding,) = feature(scan({"a": spoiled}, LARGE)).findings
        assert (finding.kind, finding.observed) == (kind, count / BARS)
        assert finding.severity(QualityFloors(), capped=False) is least


def test_usual_gaps_are_no_finding() -> None:
    rng = np.random.default_rng(2)
    data = columns(LARGE, names="a")
    data["a"][rng.random(LARGE * BARS) < 0.2] = NAN
    assert feature(scan(data, LARGE)).severity is Severity.NORMAL


def test_a_stuck_feed_is_a_finding() -> None:
    data = columns(LARGE, names="a")
    data["a"][-30:] = data["a"][-30]
    kinds = {one.kind: one for one in feature(scan(data, LARGE)).findings}
    assert kinds["repeated"].severity(QualityFloors(), capped=False) is Severity.SEVERE


def test_closed_no_data_and_insufficient_are_never_normal() -> None:
    data, ids = columns(), np.repeat(np.arange(SMALL), BARS)
    rows = Rows(data, ids)
    weights = {"importances": ["a", "b"]}
    closed = scan_features(rows, **KEY, **weights, market_open=False)
    assert (closed.status, closed.severity) == (Status.CLOSED, None)
    empty = scan_features(rows, **KEY, **weights, calendar=list(range(SMALL + 1)))
    assert (empty.status, empty.severity) == (Status.NO_DATA, Severity.SEVERE)
    assert empty.current_sessions == (SMALL,)
    nothing = Rows({"a": np.empty(0), "b": np.empty(0)}, np.empty(0, dtype=int))
    assert scan_features(nothing, **KEY, **weights).status is Status.NO_DATA
    for cut in (slice(None, 30 * BARS + 19), slice(26 * BARS, None)):
        few = Rows({name: data[name][cut] for name in data}, ids[cut])
        report = scan_features(few, **KEY, **weights)
        assert (report.status, report.severity) == (Status.INSUFFICIENT, None)
    for report in (closed, empty):
        assert recompute(report.to_json()) is report.severity


def test_rows_at_the_least_counts_are_judged() -> None:
    rng = np.random.default_rng(0)
    ids = np.repeat(np.arange(11), 20)
    report = scan_features(Rows({"a": rng.normal(size=220)}, ids), **KEY, importances=["a"])
    assert (report.current_rows, report.reference_rows) == (20, 200)
    assert report.status is Status.OK


def test_a_feature_without_values_to_compare_is_unknown() -> None:
    data = columns()
    data["a"][:] = NAN
    report = scan(data)
    assert (report.status, report.severity) == (Status.INSUFFICIENT, None)
    assert feature(report).severity is None


@pytest.mark.parametrize(
    "ids",
    [
        np.repeat([f"2026-01-{day:02d}" for day in range(1, 32)], BARS),
        np.repeat(np.arange("2026-01-01", "2026-02-01", dtype="datetime64[D]"), BARS),
    ],
)
def test_sessions_may_be_dates(ids: np.ndarray) -> None:
    report = scan_features(Rows(columns(), ids), **KEY, importances=["a"])
    assert report.current_sessions == ("2026-01-31",)
    assert report.reference_sessions[0] == "2026-01-01"


@pytest.mark.parametrize(
    ("ids", "more"),
    [
        (np.repeat(np.arange(SMALL), BARS)[::-1], {}),
        (np.arange(SMALL), {}),
        (np.arange(SMALL * BARS) / 2, {}),
        (np.repeat(np.arange(SMALL), BARS), {"calendar": [0, 30]}),
        (np.repeat(np.arange(SMALL), BARS), {"importances": {}}),
        (np.repeat(np.arange(SMALL), BARS), {"importances": {"a": 0.0}}),
        (np.repeat(np.arange(SMALL), BARS), {"importances": {"a": NAN}}),
        (np.repeat(np.arange(SMALL), BARS), {"slot": "today"}),
    ],
)
def test_what_cannot_be_understood_is_refused(ids: np.ndarray, more: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        scan_features(Rows(columns(), ids), **(KEY | {"importances": ["a"]} | more))


def test_older_history_than_usable_changes_nothing() -> None:
    windows = Windows(1, 5, 20, 100)
    data = columns(300, names="a")
    long = scan(data, 300, windows=windows)
    kept = windows.history_sessions + 1
    short = scan_features(
        Rows({"a": data["a"][-kept * BARS :]}, np.repeat(np.arange(300 - kept, 300), BARS)),
        **KEY,
        importances=["a"],
        windows=windows,
    )
    assert feature(long) == feature(short)


def test_the_training_anchor_sees_what_a_rolling_reference_forgot() -> None:
    rng = np.random.default_rng(12)
    trained = training_profile(
        rng.normal(size=120 * BARS), np.repeat(np.arange(120), BARS), Windows()
    )
    moved = {"a": rng.normal(size=LARGE * BARS) + 1.5}  # it moved long ago
    assert scan(moved, LARGE).severity is Severity.NORMAL
    report = scan(moved, LARGE, training={"a": trained})
    rolling, training = feature(report).comparisons
    assert (rolling.anchor, training.anchor) == ("rolling", "training")
    assert rolling.severity(Floors()) is Severity.NORMAL
    assert training.severity(Floors()) is report.severity is Severity.SEVERE


def test_candidates_are_judged_against_their_training() -> None:
    rng = np.random.default_rng(13)
    ids = np.repeat(np.arange(120), BARS)
    trained = {n: training_profile(rng.normal(size=ids.size), ids, Windows()) for n in "ab"}
    still = {n: rng.normal(size=BARS) for n in "ab"}
    assert candidate_drift(trained, still, **KEY).severity is Severity.NORMAL
    moved = still | {"a": still["a"] + 2.0}
    verdict = candidate_drift(trained, moved, **KEY)
    assert verdict.severity is Severity.SEVERE
    assert recompute(verdict.to_json()) is Severity.SEVERE
    assert candidate_drift(trained, {"a": still["a"]}, **KEY).severity is Severity.SEVERE
    dead = still | {"a": np.full(BARS, NAN)}
    assert candidate_drift(trained, dead, **KEY).severity is Severity.SEVERE
    few = {n: still[n][:19] for n in still}
    assert candidate_drift(trained, few, **KEY).severity is None
    assert candidate_drift(trained, {}, **KEY).status is Status.NO_DATA
    bare = {n: replace(trained[n], null=(), effective=0.0) for n in trained}
    capped = candidate_drift(bare, {n: still[n] + 2.0 for n in still}, **KEY)
    assert capped.severity is Severity.MODERATE
    assert capped.features[0].comparisons[0].method == "independent"


def evidence(name: str, severity: Severity | None, p: float, weight: float = 1.0) -> FeatureDrift:
    zero = DriftMetrics(0, 0, 0, 0, 0)
    one = Comparison("rolling", zero, 0.0, zero, p, p, "replay", 250, 250.0, False, 900, 90, "e")
    return FeatureDrift(name, weight, (one,), (), False, severity)


def test_the_model_verdict_weighs_features() -> None:
    def verdict(*features: FeatureDrift) -> Severity | None:
        return model_severity(features)

    quiet = [evidence(f"q{i}", Severity.NORMAL, 0.5) for i in range(20)]
    assert verdict(*quiet) is Severity.NORMAL
    assert verdict() is None
    assert verdict(*quiet, evidence("x", Severity.SEVERE, 0.01)) is Severity.NORMAL
    assert verdict(*quiet, evidence("x", Severity.SEVERE, 1e-4)) is Severity.SEVERE
    assert verdict(*quiet, evidence("x", Severity.MODERATE, 1e-4)) is Severity.MODERATE
    minor = evidence("x", Severity.SEVERE, 1e-4, weight=0.5)
    assert verdict(*quiet, minor) is Severity.MODERATE
    three = [evidence(f"x{i}", Severity.SEVERE, 0.3) for i in range(3)]
    assert verdict(*three, *quiet[:7]) is Severity.SEVERE
    assert verdict(*three, *quiet[:8]) is Severity.MODERATE
    assert verdict(evidence("x", Severity.MODERATE, 0.04)) is Severity.MODERATE
    assert verdict(*quiet, evidence("x", None, 1.0)) is None
    dead = replace(minor, comparisons=(), findings=(QualityFinding("all_null"),))
    assert verdict(*quiet, dead) is Severity.SEVERE
    assert verdict(*quiet, dead, evidence("x", None, 1.0)) is Severity.SEVERE
    assert verdict(*quiet, replace(dead, importance=0.0)) is Severity.MODERATE


def test_stored_verdicts_are_not_believed() -> None:
    data = columns(LARGE)
    data["a"][-BARS:] += 1.5
    stored = scan(data, LARGE).to_json()
    stored["severity"] = "NORMAL"
    for one in stored["features"]:
        one["severity"] = "NORMAL"
    assert recompute(stored) is Severity.SEVERE
    stored["features"][0]["comparisons"][0]["p_value"] = 0.5
    stored["features"][0]["comparisons"][0]["p_tail"] = 0.5
    assert recompute(stored) is Severity.NORMAL


@pytest.mark.parametrize(
    "change",
    [
        {"scheme": "x"},
        {"status": "FINE"},
        {"features": [{}]},
        {"floors": {}, "windows": {"current_sessions": 0}},
        {"surplus": 1},
        {"features": None},
    ],
)
def test_broken_reports_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        DriftReport.from_json(scan(columns()).to_json() | change)


def test_a_report_with_an_infinity_is_not_written() -> None:
    report = DriftReport(**KEY, status=Status.OK, severity=Severity.NORMAL)
    with pytest.raises(InvalidInput):
        replace(report, features=(evidence("x", Severity.NORMAL, math.inf),)).to_json()


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_any_columns_make_a_report_that_recomputes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sessions = int(rng.choice([3, 7, SMALL, 140]))  # one for each way to rank
    data = columns(sessions, seed=seed, names="abc")
    draw = rng.normal(size=(3, 50 * BARS))
    trained = {
        name: training_profile(one, np.repeat(np.arange(50), BARS), Windows())
        for name, one in zip(data, draw, strict=True)
        if rng.random() < 0.5
    }
    for name in data:
        values = data[name] * 10.0 ** rng.integers(-160, 160)
        for special in (NAN, INF, -INF, 0.0):
            share = rng.choice([0.0, 0.0, 0.1, 1.0])
            start = rng.choice([0, values.size - BARS])
            values[start:][rng.random(values.size - start) < share] = special
        data[name] = values
    report = scan(data, sessions, training=trained, windows=Windows(1, 30, 20, 80))
    assert (report.severity is None) == (report.status is Status.INSUFFICIENT)


def test_stored_profiles_give_the_metrics_of_the_rows() -> None:
    rng = np.random.default_rng(14)
    starts = np.arange(LARGE) * BARS
    reference, current, atoms, past = [], [], [], []
    data = {f"x{i}": rng.normal(size=LARGE * BARS) for i in range(4)}
    data["x1"][-BARS:] += 1.5
    report = scan(data, LARGE)
    for values in data.values():
        edges = freeze_edges(values[:-BARS])
        reference.append(profile(values[-31 * BARS : -BARS], edges))
        current.append(profile(values[-BARS:], edges))
        atoms.append(atom_bins(edges))
        sessions = profile_sessions(values, starts, edges)
        windows = np.array([[e - 30 <= s < e for s in range(LARGE)] for e in range(30, LARGE - 1)])
        before = sessions.summed(windows)
        past.append(stack_metrics(before, sessions[30:-1], atoms[-1]))
    found = scan_profiles(
        stack_profiles(reference), stack_profiles(current), np.array(atoms), np.array(past), 200.0
    )
    for i, one in enumerate(report.features):
        (comparison,) = one.comparisons
        assert found.p_value[i] == comparison.p_value
        assert found.p_tail[i] == pytest.approx(comparison.p_tail)
        assert found.metrics[i, 2] == pytest.approx(comparison.metrics.mean)
        assert found.severity[i] >= one.severity.rank
    assert found.severity.tolist() == [0, 2, 0, 0]
    with pytest.raises(InvalidInput):
        scan_profiles(
            stack_profiles(reference),
            stack_profiles(current),
            np.array(atoms),
            np.array(past)[:, :99],
            99.0,
        )


@pytest.mark.parametrize("floors", [(0.0, 0.1, 2), (0.2, 0.1, 2), (0.1, 1.2, 2), (0.1, 0.2, 0.5)])
def test_bad_rate_floors_are_refused(floors: tuple[float, ...]) -> None:
    with pytest.raises(InvalidInput):
        QualityFloors(*floors)


def test_a_rate_without_its_numbers_is_refused() -> None:
    with pytest.raises(InvalidInput):
        QualityFinding("missing").severity(QualityFloors(), capped=True)


def test_rates_are_severe_by_rank_with_history_and_by_size_without() -> None:
    usual = QualityFinding("missing", 0.15, 0.05, p_value=0.5, windows=250, largest_past=0.01)
    assert usual.severity(QualityFloors(), capped=False) is Severity.NORMAL
    assert usual.severity(QualityFloors(), capped=True) is Severity.SEVERE
    grown = replace(usual, p_value=0.004, largest_past=0.09)
    assert grown.severity(QualityFloors(), capped=False) is Severity.SEVERE
    assert grown.severity(QualityFloors(), capped=True) is Severity.MODERATE
