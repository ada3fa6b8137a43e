"""Autocorrelation: against its definition, and against the Sharpe ratio of whole years."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tradeworthy.errors import InvalidInput
from tradeworthy.statistics.autocorrelation import (
    autocorrelation_adjusted_sharpe_ratio,
    autocorrelations,
)
from tradeworthy.statistics.performance import sharpe_ratio


def ar1(rho: float, size: int = 200_000) -> np.ndarray:
    """Returns with first-order autocorrelation ``rho`` and a Sharpe ratio of 0.05 per period."""
    shocks = np.random.default_rng(11).normal(0, 0.01, size)
    series = np.empty(size)
    series[0] = shocks[0]
    for t in range(1, size):
        series[t] = rho * series[t - 1] + math.sqrt(1 - rho**2) * shocks[t]
    return series + 0.0005


def test_autocorrelations_of_a_first_order_process() -> None:
    assert autocorrelations(ar1(0.6), 3) == pytest.approx([0.6, 0.36, 0.216], abs=0.01)


@given(st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=60), st.integers(0, 5))
def test_autocorrelations_are_what_their_definition_says(series: list[float], n_lags: int) -> None:
    assume(n_lags < len(series))
    mean, total = np.mean(series), np.var(series) * len(series)
    found = autocorrelations(series, n_lags)
    assume(total > 1e-12)
    for lag in range(1, n_lags + 1):
        sums = sum(
            (now - mean) * (then - mean) for now, then in zip(series[lag:], series, strict=False)
        )
        assert found[lag - 1] == pytest.approx(sums / total, abs=1e-6)
    assert np.all(np.abs(found) <= 1.0)


@pytest.mark.parametrize("rho", [-0.4, 0.0, 0.5])
def test_the_adjusted_sharpe_ratio_is_that_of_a_years_returns(rho: float) -> None:
    series = ar1(rho)
    years = series[: len(series) // 12 * 12].reshape(-1, 12).sum(axis=1)
    adjusted = autocorrelation_adjusted_sharpe_ratio(series, 11, 12)
    assert adjusted == pytest.approx(years.mean() / years.std(ddof=1), rel=0.03)
    assert autocorrelation_adjusted_sharpe_ratio(series, 0, 12) == pytest.approx(
        sharpe_ratio(series, 12)
    )


def test_autocorrelation_of_next_to_nothing() -> None:
    assert math.isnan(autocorrelation_adjusted_sharpe_ratio([0.1, 0.1, 0.1], 1))
    assert math.isnan(autocorrelation_adjusted_sharpe_ratio([0.1], 0))
    assert np.isnan(autocorrelations([0.1, 0.1, 0.1], 2)).all()
    for n_lags in (3, -1):
        with pytest.raises(InvalidInput, match="lags"):
            autocorrelations([0.1, 0.2, 0.1], n_lags)
