"""Null distributions against scipy and against simulation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom, binomtest, ks_2samp

from tradeworthy.drift.calibration import tail_probabilities
from tradeworthy.drift.calibration.drift_calibration import discoveries
from tradeworthy.drift.calibration.independent_null import (
    joint_p_value,
    ks_p_value,
    mean_p_value,
    null_quantiles,
    p_values,
    psi_p_value,
    tail_p_value,
    variance_p_value,
)
from tradeworthy.drift.drift_detection import (
    METRICS,
    DriftMetrics,
    ks_statistic,
    mean_shift,
    population_stability_index,
    tail_shift,
    variance_shift,
)
from tradeworthy.errors import InvalidInput

GOLDEN = json.loads((Path(__file__).parents[1] / "answers/drift_distributions.json").read_text())
NAMES = (
    "chi_square_tail",
    "beta_cumulative",
    "student_two_sided",
    "log_f_two_sided",
    "kolmogorov_tail",
)


@pytest.mark.parametrize("name", NAMES)
def test_distributions_equal_the_golden_answers(name: str) -> None:
    for *arguments, answer in GOLDEN[name]:
        got = getattr(tail_probabilities, name)(*arguments)
        assert got == pytest.approx(answer, rel=1e-8, abs=1e-13), arguments


def test_discoveries_equal_the_golden_answer() -> None:
    golden = GOLDEN["discoveries"]
    assert discoveries(np.array(golden["p_values"])).tolist() == golden["survive"]


@pytest.mark.parametrize(("n", "m"), [(200, 20), (1000, 24)])
def test_tail_null_is_beta_binomial(n: int, m: int) -> None:
    outside = 2 * int(0.025 * n)
    expected = outside / n * m
    counts = np.arange(m + 1)
    mass = betabinom.pmf(counts, m, outside + 2, n - outside - 1)
    shifts = np.abs(np.log((counts + 0.5) / (expected + 0.5)))
    for shift in (0.3, 1.0, 2.0):
        assert tail_p_value(shift, n, m) == pytest.approx(mass[shifts >= shift].sum(), rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(200, 20), (300, 50)])
def test_ks_null_is_close_to_the_exact_one(n: int, m: int) -> None:
    rng = np.random.default_rng(4)
    for shift in (0.0, 0.3, 0.6):
        reference, current = rng.normal(size=n), rng.normal(size=m) + shift
        exact = ks_2samp(reference, current, method="exact")
        assert ks_p_value(exact.statistic, n, m) == pytest.approx(exact.pvalue, abs=0.02)


P_VALUES = (psi_p_value, ks_p_value, mean_p_value, variance_p_value, tail_p_value)


@settings(deadline=None)
@given(st.floats(0, 5), st.floats(0, 5), st.integers(200, 5000), st.integers(20, 500))
def test_p_values_fall_from_one(first: float, second: float, n: int, m: int) -> None:
    low, high = sorted((first, second))
    for p_value in P_VALUES:
        assert p_value(0.0, n, m) == pytest.approx(1.0)
        assert 1.0 >= p_value(low, n, m) >= p_value(high, n, m) - 1e-9 >= -1e-9


@settings(deadline=None, max_examples=30)
@given(st.integers(200, 5000), st.integers(20, 500), st.sampled_from([0.9, 0.95, 0.99]))
def test_quantiles_invert_p_values(n: int, m: int, level: float) -> None:
    quantiles = dict(zip(METRICS, null_quantiles(n, m, 10, level).values(), strict=True))
    for name, p_value in zip(METRICS, P_VALUES, strict=True):
        assert p_value(quantiles[name] + 1e-9, n, m) <= 1.0 - level + 1e-6
        assert p_value(max(quantiles[name] * 0.98 - 1e-9, 0.0), n, m) > 1.0 - level
    assert null_quantiles(n, m, 10, level) is null_quantiles(n, m, 10, level)


def test_more_rows_make_a_tighter_null() -> None:
    small, large = null_quantiles(720, 24), null_quantiles(11_700, 390)
    assert all(a > b for a, b in zip(small.values(), large.values(), strict=True))
    assert small.psi > 0.25 > large.psi


def test_heavier_tails_make_a_wider_variance_null() -> None:
    p = [variance_p_value(0.3, 1000, 100, kurtosis) for kurtosis in (1.8, 3.0, 6.0, 20.0)]
    assert p == sorted(p)


def test_the_joint_p_is_a_bound() -> None:
    found = DriftMetrics(0.05, 0.06, 0.12, 0.1, 0.2)
    assert joint_p_value(found, 11_700, 390) == min(
        1.0, 5 * min(p_values(found, 11_700, 390).values())
    )


@pytest.mark.parametrize("sizes", [(0, 20), (200, 3)])
def test_too_few_rows_have_no_null(sizes: tuple[int, int]) -> None:
    for p_value in P_VALUES:
        with pytest.raises(InvalidInput):
            p_value(0.1, *sizes)


def check_level(n: int, m: int, trials: int, seed: int) -> None:
    """Under the null P(p <= a) must not exceed a; PSI's approximation is allowed a factor 1.3."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(trials):
        r, c = rng.normal(size=n), rng.normal(size=m)
        found = DriftMetrics(
            population_stability_index(r, c),
            ks_statistic(r, c),
            mean_shift(r, c),
            variance_shift(r, c),
            tail_shift(r, c),
        )
        rows.append(list(p_values(found, n, m).values()))
    table = np.array(rows)
    for name, column in zip(METRICS, table.T, strict=True):
        for level in (0.05, 0.01):
            hits = int((column <= level).sum())
            bounds = binomtest(hits, trials).proportion_ci(0.999)
            print(
                f"null {name} {n}/{m} {level}: {hits / trials:.4f}"
                f" {bounds.low:.4f}-{bounds.high:.4f}"
            )
            assert bounds.low <= level * (1.3 if name == "psi" else 1.0)
            if name in ("ks", "mean", "variance"):
                assert bounds.high >= level * 0.9


@pytest.mark.parametrize(("n", "m"), [(200, 20), (720, 24)])
def test_nulls_hold_their_level(n: int, m: int) -> None:
    check_level(n, m, 800, 21)


@pytest.mark.acceptance
@pytest.mark.parametrize(("n", "m"), [(200, 20), (250, 20), (720, 24), (2000, 300), (11_700, 390)])
def test_nulls_hold_their_level_over_many_draws(n: int, m: int) -> None:
    check_level(n, m, 4000, 22)
