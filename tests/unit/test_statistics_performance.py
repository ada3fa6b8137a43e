"""Performance figures: against empyrical, and the laws they obey."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tradeworthy.errors import InvalidInput
from tradeworthy.statistics import performance as p

ANSWERS = json.loads(
    (Path(__file__).parents[1] / "answers" / "validation_performance.json").read_text()
)
ANNUALISED = {"sharpe_ratio", "sortino_ratio", "calmar_ratio", "annual_return", "annual_volatility"}
RATIOS = [p.sharpe_ratio, p.sortino_ratio]
EVERY = [
    p.sharpe_ratio,
    p.sharpe_per_period,
    p.sortino_ratio,
    p.max_drawdown,
    p.calmar_ratio,
    p.annual_return,
    p.annual_volatility,
    p.value_at_risk,
    p.expected_shortfall,
    p.hit_rate,
    p.skewness,
    p.kurtosis,
]

returns = st.lists(st.floats(-0.5, 0.5).map(lambda value: round(value, 6)), min_size=2, max_size=60)


@pytest.mark.parametrize("case", ANSWERS["cases"], ids=lambda case: case["name"])
@pytest.mark.parametrize("figure", sorted(ANSWERS["cases"][0]["answers"]))
def test_agrees_with_empyrical(case: dict[str, Any], figure: str) -> None:
    closes = np.array(case["closes"])
    series = closes[1:] / closes[:-1] - 1
    options = {"periods_per_year": case["periods_per_year"]} if figure in ANNUALISED else {}
    answer = getattr(p, figure)(series, **options)
    assert answer == pytest.approx(case["answers"][figure], rel=1e-9)


@pytest.mark.parametrize("figure", EVERY, ids=lambda figure: figure.__name__)
@pytest.mark.parametrize("bad", [[0.1, math.nan], [math.inf, 0.1], [[0.1], [0.2]], ["x"], [None]])
def test_unknown_returns_are_refused(figure: Callable[..., float], bad: list[object]) -> None:
    with pytest.raises(InvalidInput):
        figure(bad)


@pytest.mark.parametrize("figure", EVERY, ids=lambda figure: figure.__name__)
def test_no_return_has_no_figure(figure: Callable[..., float]) -> None:
    assert math.isnan(figure([]))


@pytest.mark.parametrize(
    "figure", [p.sharpe_ratio, p.sortino_ratio, p.annual_volatility, p.calmar_ratio, p.skewness]
)
def test_one_return_has_no_dispersion(figure: Callable[..., float]) -> None:
    assert math.isnan(figure([-0.1]))


@pytest.mark.parametrize("value", [0.1, 0.0001, -0.03, 0.0, 1 / 3, 1234.567])
@pytest.mark.parametrize("size", [2, 3, 7, 1000])
def test_constant_returns_have_no_sharpe_whatever_rounding_says(value: float, size: int) -> None:
    assert math.isnan(p.sharpe_ratio([value] * size))
    assert math.isnan(p.kurtosis([value] * size))
    assert p.annual_volatility([value] * size) == 0.0


def test_constant_growth_of_prices_has_no_sharpe() -> None:
    prices = 100 * 1.0001 ** np.arange(500)
    assert math.isnan(p.sharpe_ratio(prices[1:] / prices[:-1] - 1))


def test_without_a_loss_sortino_and_calmar_are_undefined() -> None:
    assert math.isnan(p.sortino_ratio([0.01, 0.02]))
    assert math.isnan(p.calmar_ratio([0.01, 0.02]))


def test_ruin_is_final() -> None:
    series = [0.5, -1.5, 3.0, 0.2]
    assert p.equity_curve(series).tolist() == [1.5, 0.0, 0.0, 0.0]
    assert p.max_drawdown(series) == 1.0
    assert p.annual_return(series) == -1.0
    assert p.calmar_ratio(series) == -1.0


def test_the_first_loss_counts_from_the_starting_equity() -> None:
    assert p.max_drawdown([-0.25, 0.1]) == pytest.approx(0.25)


def test_ties_at_the_quantile_belong_to_the_tail() -> None:
    series = [-0.02] * 10 + [0.01] * 90
    assert p.value_at_risk(series) == 0.02
    assert p.expected_shortfall(series) == pytest.approx(0.02)


def test_hit_rate_counts_flat_periods() -> None:
    assert p.hit_rate([0.0, 0.0, 0.0, 0.1]) == 0.25


def test_a_masked_return_is_unknown() -> None:
    series = np.ma.masked_array([0.01, 0.02, -0.01], [False, True, False])
    with pytest.raises(InvalidInput, match="return 1 is masked"):
        p.sharpe_ratio(series)
    assert p.sharpe_ratio(np.ma.masked_array([0.01, -0.02])) == p.sharpe_ratio([0.01, -0.02])


def test_series_of_any_kind_and_settings_by_place_or_by_name() -> None:
    series = [0.01, -0.02, 0.03, 0.0]
    for figure in EVERY:
        for kind in (tuple, np.array, pl.Series):
            assert figure(kind(series)) == figure(series)
    for figure in (p.sharpe_ratio, p.sortino_ratio, p.calmar_ratio, p.annual_return):
        assert figure(series, 12) == figure(series, periods_per_year=12)
    assert p.value_at_risk(series, 0.1) == p.value_at_risk(series, level=0.1)
    assert p.expected_shortfall(series, 0.1) == p.expected_shortfall(series, level=0.1)
    with pytest.raises(InvalidInput, match="return 1 is nan"):
        p.sharpe_ratio(pl.Series([0.1, None]))


@pytest.mark.parametrize("periods", [0, -1, math.nan, math.inf])
def test_periods_per_year_must_make_sense(periods: float) -> None:
    with pytest.raises(InvalidInput):
        p.sharpe_ratio([0.1, 0.2], periods_per_year=periods)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, math.nan])
def test_tail_level_must_make_sense(level: float) -> None:
    with pytest.raises(InvalidInput):
        p.value_at_risk([0.1, 0.2], level=level)


@given(returns, st.floats(0.01, 100.0))
def test_ratios_do_not_change_with_scale(series: list[float], factor: float) -> None:
    for ratio in RATIOS:
        before, after = ratio(series), ratio([value * factor for value in series])
        assert after == pytest.approx(before, rel=1e-6, nan_ok=True)


@given(returns)
def test_negation_turns_the_sharpe_ratio_and_skewness(series: list[float]) -> None:
    turned = [-value for value in series]
    for figure in (p.sharpe_ratio, p.skewness):
        assert figure(turned) == pytest.approx(-figure(series), rel=1e-9, abs=1e-12, nan_ok=True)
    assert p.kurtosis(turned) == pytest.approx(p.kurtosis(series), nan_ok=True)


@given(returns, st.randoms(use_true_random=False))
def test_order_matters_to_the_drawdown_only(series: list[float], random: Random) -> None:
    shuffled = list(series)
    random.shuffle(shuffled)
    for figure in EVERY:
        if figure not in {p.max_drawdown, p.calmar_ratio}:
            assert figure(shuffled) == pytest.approx(
                figure(series), rel=1e-7, abs=1e-12, nan_ok=True
            )


@given(returns)
def test_drawdown_bounds(series: list[float]) -> None:
    drawdown = p.max_drawdown(series)
    assert 0.0 <= drawdown <= 1.0
    assert drawdown >= -min(series) - 1e-12 or min(series) > 0
    worst = p.max_drawdown(sorted(series, reverse=True))
    assert drawdown <= worst + 1e-12


@given(returns, st.floats(0.01, 0.99))
def test_the_tail_is_worse_than_its_edge(series: list[float], level: float) -> None:
    shortfall = p.expected_shortfall(series, level=level)
    assert p.value_at_risk(series, level=level) <= shortfall + 1e-12
    assert shortfall <= -min(series) + 1e-12


@given(returns)
def test_moments_are_possible(series: list[float]) -> None:
    skew, kurt = p.skewness(series), p.kurtosis(series)
    assume(not math.isnan(skew))
    assert kurt >= 1.0 + skew**2 - 1e-6 * kurt


@given(returns)
def test_annual_return_compounds_to_the_final_equity(series: list[float]) -> None:
    total = p.equity_curve(series)[-1]
    annual = p.annual_return(series, periods_per_year=len(series))
    assert annual == pytest.approx(total - 1.0, rel=1e-9, abs=1e-12)
