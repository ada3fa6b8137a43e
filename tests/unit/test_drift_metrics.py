"""The five metrics: golden answers, laws, and what they say of constants and non-finite values."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tradeworthy.drift.drift_detection import (
    LARGEST_SHIFT,
    DriftMetrics,
    Floors,
    Severity,
    bounded,
    classify_severity,
    ks_statistic,
    mean_shift,
    population_stability_index,
    psi_from_counts,
    tail_shift,
    variance_shift,
)
from tradeworthy.errors import InvalidInput

GOLDEN = json.loads((Path(__file__).parents[1] / "answers/drift_metrics.json").read_text())["cases"]
NAN, INF = float("nan"), float("inf")
Metric: TypeAlias = Callable[[npt.ArrayLike, npt.ArrayLike], float]
ALL: tuple[Metric, ...] = (
    population_stability_index,
    ks_statistic,
    mean_shift,
    variance_shift,
    tail_shift,
)

# Halves of small integers: exact in binary, with ties, so that laws hold without tolerance.
exact = st.integers(-40, 40).map(lambda i: i / 2.0)
samples = st.lists(exact, min_size=2, max_size=60).map(np.array)
wild = arrays(
    np.float64,
    st.integers(2, 40),
    elements=st.floats(width=64, allow_nan=True, allow_infinity=True),
)


@pytest.mark.parametrize("case", GOLDEN)
def test_metrics_equal_the_golden_answers(case: dict) -> None:
    pair = case["reference"], case["current"]
    assert ks_statistic(*pair) == pytest.approx(case["ks"], abs=1e-15)
    assert population_stability_index(*pair) == pytest.approx(case["psi"], rel=1e-12)
    assert mean_shift(*pair) == pytest.approx(case["mean"], rel=1e-9)
    assert variance_shift(*pair) == pytest.approx(case["variance"], rel=1e-9)


@settings(deadline=None)
@given(samples, samples)
def test_metrics_are_finite_and_bounded(reference: np.ndarray, current: np.ndarray) -> None:
    for metric in ALL:
        assert 0.0 <= metric(reference, current) <= LARGEST_SHIFT
    assert ks_statistic(reference, current) <= 1.0


@settings(deadline=None)
@given(samples)
def test_a_sample_has_not_drifted_from_itself(values: np.ndarray) -> None:
    assert [metric(values, values) for metric in ALL] == [0.0] * 5


@settings(deadline=None)
@given(samples, samples, st.randoms())
def test_order_of_rows_does_not_matter(
    reference: np.ndarray, current: np.ndarray, random: Random
) -> None:
    first, second = list(reference), list(current)
    random.shuffle(first)
    random.shuffle(second)
    for metric in ALL:
        assert metric(first, second) == pytest.approx(
            metric(reference, current), rel=1e-9, abs=1e-9
        )


@settings(deadline=None)
@given(samples, samples, st.sampled_from([0.25, 2.0, 64.0]), st.integers(-64, 64))
def test_scale_and_origin_do_not_matter(
    reference: np.ndarray, current: np.ndarray, scale: float, origin: int
) -> None:
    for metric in ALL:
        moved = metric(reference * scale + origin, current * scale + origin)
        assert moved == pytest.approx(metric(reference, current), rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(samples, samples)
def test_ks_is_symmetric_and_blind_to_sign(reference: np.ndarray, current: np.ndarray) -> None:
    assert ks_statistic(reference, current) == ks_statistic(current, reference)
    assert ks_statistic(-reference, -current) == pytest.approx(ks_statistic(reference, current))


@settings(deadline=None)
@given(samples, samples)
def test_ks_is_the_largest_gap_of_the_distribution_functions(
    reference: np.ndarray, current: np.ndarray
) -> None:
    points = np.concatenate([reference, current])
    gaps = [abs((reference <= x).mean() - (current <= x).mean()) for x in points]
    assert ks_statistic(reference, current) == pytest.approx(max(gaps), abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=20))
def test_psi_of_counts_is_symmetric_and_nonnegative(pairs: list[tuple[int, int]]) -> None:
    first, second = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    assert psi_from_counts(first, second) >= 0.0
    assert psi_from_counts(first, second) == pytest.approx(float(psi_from_counts(second, first)))
    padded = (np.append(side, 0.0) for side in (first, second))
    assert psi_from_counts(*padded) == pytest.approx(float(psi_from_counts(first, second)))


@settings(deadline=None)
@given(wild, wild)
def test_wild_values_give_an_answer_or_are_refused(
    reference: np.ndarray, current: np.ndarray
) -> None:
    for metric in ALL:
        try:
            assert 0.0 <= metric(reference, current) < INF
        except InvalidInput:
            assert not (
                np.isfinite(bounded(reference)).sum() > 1 < np.isfinite(bounded(current)).sum()
            )


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("pair", [([], [1.0, 2.0]), ([1.0, 2.0], []), ([], [])])
def test_empty_samples_are_refused(metric: Metric, pair: tuple[list[float], list[float]]) -> None:
    with pytest.raises(InvalidInput):
        metric(*pair)


@pytest.mark.parametrize("metric", ALL[1:])
def test_nothing_but_nan_is_refused(metric: Metric) -> None:
    with pytest.raises(InvalidInput):
        metric([1.0, 2.0], [NAN, NAN])


@pytest.mark.parametrize("column", [["a", "b"], [[1.0, 2.0]], 3.0])
def test_what_is_no_column_of_numbers_is_refused(column: object) -> None:
    with pytest.raises(InvalidInput):
        ks_statistic(column, [1.0])


def test_constants_have_stated_answers() -> None:
    three, four, spread = [3.0] * 30, [4.0] * 30, [3.0, 4.0] * 15
    assert [metric(three, three) for metric in ALL] == [0.0] * 5
    assert mean_shift(three, four) == LARGEST_SHIFT
    assert variance_shift(three, spread) == LARGEST_SHIFT == variance_shift(spread, four)
    assert variance_shift(three, four) == 0.0
    assert ks_statistic(three, four) == 1.0
    assert population_stability_index(three, four) > 5.0
    assert tail_shift(three, four) == pytest.approx(math.log(61))


def test_rounding_is_not_a_spread() -> None:
    tenths, third = [0.1 + 0.2] * 50, [0.3] * 50
    assert mean_shift(tenths, third) == 0.0
    assert variance_shift([*tenths, 0.3], third) == 0.0


def test_special_values_have_bins_of_their_own() -> None:
    usual = np.arange(200.0)
    for special in (NAN, INF, -INF):
        spoiled = np.where(usual < 60, special, usual)
        assert population_stability_index(spoiled, spoiled) == 0.0
        assert population_stability_index(np.roll(usual, 7), spoiled) > 1.0
    kinds = [np.where(usual < 60, special, usual) for special in (NAN, INF, -INF)]
    assert population_stability_index(kinds[0], kinds[1]) > 1.0
    assert population_stability_index(kinds[1], kinds[2]) > 1.0


def test_an_atom_has_a_bin_of_its_own() -> None:
    reference = np.concatenate([np.zeros(300), np.linspace(0.1, 7.0, 700)])
    moved = np.where(reference == 0.0, -1e-9, reference)
    assert population_stability_index(reference, moved) > 1.0


def test_missing_values_do_not_move_the_other_metrics() -> None:
    reference, current = np.arange(50.0), np.arange(10.0, 40.0)
    holed = np.insert(current, [3, 9], NAN)
    for metric in ALL[1:]:
        assert metric(reference, holed) == metric(reference, current)


def test_infinities_are_ordered_and_stand_in_the_tail() -> None:
    reference = np.arange(100.0)
    current = np.append(reference[:50], [INF] * 50)
    assert ks_statistic(reference, current) == 0.5
    assert mean_shift(reference, current) == mean_shift(reference, reference[:50])
    assert tail_shift(reference, current) > math.log(10)


def test_extreme_magnitudes_do_not_overflow() -> None:
    values = np.arange(-50.0, 50.0)
    for scale in (1e138, 1e-130):
        assert mean_shift(values * scale, (values + 10) * scale) == pytest.approx(
            mean_shift(values, values + 10)
        )
    assert tail_shift(values, values * 1e300) > 2.0


def test_small_samples_of_the_same_law_have_a_large_index() -> None:
    """Why a cut-off of .25 means nothing at 24 rows: the null mean is about .3 there."""
    rng = np.random.default_rng(3)
    index = [
        population_stability_index(rng.normal(size=720), rng.normal(size=24)) for _ in range(300)
    ]
    assert 0.25 < np.mean(index) < 0.35


def test_severity_is_ordered() -> None:
    assert Severity.NORMAL < Severity.MODERATE < Severity.SEVERE
    assert max(Severity.SEVERE, Severity.NORMAL) is Severity.SEVERE
    assert min(Severity.SEVERE, Severity.NORMAL) is Severity.NORMAL


metrics = st.builds(DriftMetrics, *[st.floats(0, 3)] * 5)


@settings(deadline=None)
@given(metrics, st.floats(0, 1))
def test_severity_needs_a_large_and_a_surprising_shift(found: DriftMetrics, p: float) -> None:
    floors = Floors()
    severe = p <= 0.01 and any(
        x >= y
        for x, y in zip(found.values(), (0.25, 0.2, 0.5, math.log(2), math.log(3)), strict=True)
    )
    moderate = p <= 0.05 and any(
        x >= y
        for x, y in zip(found.values(), (0.1, 0.1, 0.25, math.log(1.5), math.log(2)), strict=True)
    )
    rank = 2 if severe else int(moderate)
    assert classify_severity(found, p).rank == classify_severity(found, p, floors).rank == rank


@settings(deadline=None)
@given(metrics, st.floats(0, 1), st.floats(0, 1))
def test_a_smaller_p_is_never_milder(found: DriftMetrics, first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert classify_severity(found, low) >= classify_severity(found, high)


@pytest.mark.parametrize("p", [NAN, -0.1, 1.1, INF])
def test_an_impossible_p_is_refused(p: float) -> None:
    with pytest.raises(InvalidInput):
        classify_severity(DriftMetrics(0, 0, 0, 0, 0), p)


@pytest.mark.parametrize("value", [NAN, INF, -1.0])
def test_an_unknown_metric_is_refused(value: float) -> None:
    with pytest.raises(InvalidInput):
        DriftMetrics(0.1, value, 0.0, 0.0, 0.0)


def test_floors_must_rise() -> None:
    with pytest.raises(InvalidInput):
        Floors(moderate=Floors().severe, severe=Floors().moderate)
