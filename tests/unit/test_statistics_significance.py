"""Significance of a Sharpe ratio: published figures, limits and laws."""

import math
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeworthy.errors import InvalidInput
from tradeworthy.statistics.significance import (
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    lo_annualisation_factor,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
)

RECORD = {"sharpe": 0.458, "n_observations": 24, "skewness": -2.448, "kurtosis": 10.164}
DSR_RECORD = {"n_observations": 1250, "skewness": -3.0, "kurtosis": 10.0}


def test_hedge_fund_record_of_bailey_and_lopez_de_prado_2012() -> None:
    assert probabilistic_sharpe_ratio(**RECORD) == pytest.approx(0.913, abs=5e-4)


def test_the_same_record_by_the_variance_of_2025() -> None:
    value = probabilistic_sharpe_ratio(**RECORD, method="2025")
    assert math.floor(value * 1000) / 1000 == 0.987


def test_monthly_track_record_of_2012() -> None:
    months = minimum_track_record_length(2 / math.sqrt(12), benchmark=1 / math.sqrt(12))
    assert months / 12 == pytest.approx(3.24, abs=5e-3)


def test_deflated_sharpe_of_2014() -> None:
    variance = 0.5 / 250
    assert expected_maximum_sharpe(100, variance) == pytest.approx(0.1132, abs=5e-5)
    value = deflated_sharpe_ratio(
        2.5 / math.sqrt(250), **DSR_RECORD, n_trials=100, trial_sharpe_variance=variance
    )
    assert value == pytest.approx(0.9004, abs=5e-5)


def test_deflated_sharpe_with_46_trials_of_2014() -> None:
    # The paper's closing example: had there been 46 trials, the result would be 95%.
    value = deflated_sharpe_ratio(
        2.5 / math.sqrt(250), **DSR_RECORD, n_trials=46, trial_sharpe_variance=0.5 / 250
    )
    assert value == pytest.approx(0.9505, abs=5e-4)


@pytest.mark.parametrize(
    ("periods", "skewness", "kurtosis", "annual", "benchmark", "years"),
    [
        (250, 0.0, 3.0, 2.0, 1.0, 2.73),
        (52, 0.0, 3.0, 2.0, 1.0, 2.83),
        (12, 0.0, 3.0, 2.0, 1.0, 3.24),
        (12, -0.72, 5.78, 3.0, 2.5, 27.35),
    ],
)
def test_track_records_of_2012(
    periods: int, skewness: float, kurtosis: float, annual: float, benchmark: float, years: float
) -> None:
    root = math.sqrt(periods)
    length = minimum_track_record_length(annual / root, skewness, kurtosis, benchmark / root)
    assert length / periods == pytest.approx(years, abs=5e-3)


def test_the_numeric_example_of_2025() -> None:
    sharpe, moments = 0.036 / 0.079, (-2.448, 10.164)
    for benchmark, value in ((0.0, 0.987), (0.1, 0.939)):
        psr = probabilistic_sharpe_ratio(sharpe, 24, *moments, benchmark, method="2025")
        assert psr == pytest.approx(value, abs=5e-4)
    for confidence, benchmark, months in (
        (0.95, 0.0, 13.029),
        (0.9, 0.0, 7.909),
        (0.9, 0.1, 16.456),
    ):
        length = minimum_track_record_length(sharpe, *moments, benchmark, confidence, method="2025")
        assert length == pytest.approx(months, abs=5e-4)
    # The best of 10 trials whose Sharpe ratios have the variance 0.1.
    assert expected_maximum_sharpe(10, 0.1) == pytest.approx(0.498, abs=5e-4)
    deflated = deflated_sharpe_ratio(
        sharpe, 24, *moments, n_trials=10, trial_sharpe_variance=0.1, method="2025"
    )
    assert deflated == pytest.approx(0.451, abs=5e-4)


def test_the_numeric_example_of_2025_with_autocorrelation() -> None:
    record = {"skewness": -2.448, "kurtosis": 10.164, "method": "2025", "autocorrelation": 0.2}
    sharpe = 0.036 / 0.079
    for benchmark, value, months in ((0.0, 0.966, 11.863), (0.1, 0.900, 23.899)):
        psr = probabilistic_sharpe_ratio(sharpe, 24, benchmark=benchmark, **record)
        assert psr == pytest.approx(value, abs=5e-4)
        length = minimum_track_record_length(sharpe, benchmark=benchmark, confidence=0.9, **record)
        assert length == pytest.approx(months, abs=5e-4)
    deflated = deflated_sharpe_ratio(sharpe, 24, n_trials=10, trial_sharpe_variance=0.1, **record)
    assert deflated == pytest.approx(0.457, abs=5e-4)


@pytest.mark.parametrize("rho", [0.9, 0.5, 0.2, 0.0, -0.2, -0.6])
@pytest.mark.parametrize("size", [1, 2, 3, 12, 48, 250])
def test_annualisation_factors_of_lo_2002(rho: float, size: int) -> None:
    # Equation 21, the closed form for a first-order process.
    tail = 1 - (1 - rho**size) / (size * (1 - rho))
    expected = math.sqrt(size) / math.sqrt(1 + 2 * rho / (1 - rho) * tail)
    assert lo_annualisation_factor(size, rho) == pytest.approx(expected, rel=1e-12)


def test_lo_2002_yearly_factor_from_months() -> None:
    assert lo_annualisation_factor(12, 0.2) == pytest.approx(2.88, abs=5e-3)
    lags = [0.2**k for k in range(1, 12)]
    assert lo_annualisation_factor(12, lags) == pytest.approx(lo_annualisation_factor(12, 0.2))


def test_one_trial_is_no_selection() -> None:
    assert expected_maximum_sharpe(1, 0.3) == 0.0
    for variance in (0.0, 5.0):
        deflated = deflated_sharpe_ratio(**RECORD, n_trials=1, trial_sharpe_variance=variance)
        assert deflated == probabilistic_sharpe_ratio(**RECORD)


def test_expected_maximum_is_near_that_of_simulated_normals() -> None:
    rng = np.random.default_rng(7)
    for n_trials in (10, 50, 200):
        simulated = rng.normal(0, 0.1, size=(20_000, n_trials)).max(axis=1).mean()
        assert expected_maximum_sharpe(n_trials, 0.01) == pytest.approx(simulated, rel=0.03)


def test_a_great_many_trials_keep_their_precision() -> None:
    values = [expected_maximum_sharpe(10**power, 1.0) for power in range(1, 15)]
    assert values == sorted(values)
    assert 7.5 < values[-1] < 8.5


@given(st.floats(-0.5, 0.5), st.integers(2, 5000), st.floats(-0.5, 0.5))
def test_psr_is_a_probability_that_falls_with_the_benchmark(
    sharpe: float, size: int, benchmark: float
) -> None:
    value = probabilistic_sharpe_ratio(sharpe, size, benchmark=benchmark)
    assert 0.0 <= value <= 1.0
    assert value >= probabilistic_sharpe_ratio(sharpe, size, benchmark=benchmark + 0.1)
    assert value >= 0.5 if sharpe >= benchmark else value <= 0.5


@given(
    st.floats(0.02, 0.5), st.floats(-2, 2), st.floats(5.5, 20), st.sampled_from(["2012", "2025"])
)
def test_track_record_is_what_psr_needs(
    sharpe: float, skew: float, kurt: float, method: Literal["2012", "2025"]
) -> None:
    length = minimum_track_record_length(sharpe, skew, kurt, confidence=0.95, method=method)
    reached = probabilistic_sharpe_ratio(
        sharpe, max(math.ceil(length), 2), skew, kurt, method=method
    )
    assert reached >= 0.95 - 1e-9
    if length > 3:
        assert (
            probabilistic_sharpe_ratio(sharpe, math.floor(length - 1e-9), skew, kurt, method=method)
            <= 0.95 + 1e-9
        )


@given(st.integers(2, 1000), st.floats(1e-6, 1.0))
def test_more_trials_deflate_more(n_trials: int, variance: float) -> None:
    few = expected_maximum_sharpe(n_trials, variance)
    assert 0.0 < few < expected_maximum_sharpe(n_trials + 1, variance)


@given(st.integers(1, 250), st.floats(-0.9, 0.9))
def test_positive_autocorrelation_lowers_the_factor(periods: int, rho: float) -> None:
    factor = lo_annualisation_factor(periods, rho)
    assert lo_annualisation_factor(periods, 0.0) == pytest.approx(math.sqrt(periods))
    if periods > 1 and abs(rho) > 1e-6:
        assert (factor < math.sqrt(periods)) == (rho > 0)


def test_autocorrelation_widens_the_2025_variance() -> None:
    plain = probabilistic_sharpe_ratio(0.1, 250, method="2025")
    dependent = probabilistic_sharpe_ratio(0.1, 250, method="2025", autocorrelation=0.3)
    # z scales by sqrt((1 - r) / (1 + r)) at a benchmark of zero
    assert dependent < plain
    assert dependent == pytest.approx(
        probabilistic_sharpe_ratio(0.1 * math.sqrt(0.7 / 1.3), 250, method="2025")
    )


def test_a_sharpe_below_its_benchmark_never_has_record_enough() -> None:
    assert minimum_track_record_length(0.1, benchmark=0.1) == math.inf
    assert minimum_track_record_length(-0.1) == math.inf


@pytest.mark.parametrize(
    "change",
    [
        {"sharpe": math.nan},
        {"sharpe": math.inf},
        {"skewness": math.nan},
        {"kurtosis": math.nan},
        {"kurtosis": 0.5},
        {"skewness": 4.0},
        {"n_observations": 1},
        {"n_observations": 24.5},
        {"n_observations": True},
        {"n_observations": math.nan},
        {"n_observations": math.inf},
        {"benchmark": math.nan},
        {"method": "1999"},
        {"autocorrelation": 0.2},
        {"autocorrelation": 1.0, "method": "2025"},
        {"autocorrelation": 1.5, "method": "2025"},
        {"autocorrelation": -1.0, "method": "2025"},
    ],
)
def test_what_is_not_known_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        probabilistic_sharpe_ratio(**{**RECORD, **change})


@pytest.mark.parametrize(
    ("n_trials", "variance"),
    [
        (0, 1.0),
        (1.5, 1.0),
        (math.nan, 1.0),
        (math.inf, 1.0),
        (2, -1.0),
        (2, math.nan),
        (2, math.inf),
        (-3, 1.0),
    ],
)
def test_impossible_searches_are_refused(n_trials: float, variance: float) -> None:
    with pytest.raises(InvalidInput):
        expected_maximum_sharpe(n_trials, variance)


@pytest.mark.parametrize("confidence", [0.4, 1.0, math.nan])
def test_confidence_must_make_sense(confidence: float) -> None:
    with pytest.raises(InvalidInput):
        minimum_track_record_length(0.1, confidence=confidence)


@pytest.mark.parametrize(
    "rho", [1.0, -1.0, 2.0, math.nan, math.inf, [0.1, math.nan], [-0.99] * 11, [[0.1], [0.2]]]
)
@pytest.mark.parametrize("periods", [12, 5000])
def test_impossible_autocorrelation_is_refused(rho: float | list[Any], periods: int) -> None:
    with pytest.raises(InvalidInput):
        lo_annualisation_factor(periods, rho)


def test_numbers_of_numpy_are_numbers() -> None:
    assert lo_annualisation_factor(np.int64(12), np.float32(0.5)) == lo_annualisation_factor(
        12, 0.5
    )
    assert lo_annualisation_factor(12, np.array([0.1, 0.2])) == lo_annualisation_factor(
        12, [0.1, 0.2]
    )
    assert expected_maximum_sharpe(np.int64(7), np.float64(0.1)) == expected_maximum_sharpe(7, 0.1)
    assert probabilistic_sharpe_ratio(np.float64(0.1), np.int64(50)) == probabilistic_sharpe_ratio(
        0.1, 50
    )


def test_no_variance_is_refused() -> None:
    # A distribution on two points has kurtosis 1 + skewness^2; at SR = 2 / skewness nothing varies.
    with pytest.raises(InvalidInput, match="no positive variance"):
        probabilistic_sharpe_ratio(1.0, 100, skewness=2.0, kurtosis=5.0)
