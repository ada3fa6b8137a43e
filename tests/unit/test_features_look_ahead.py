"""The look-ahead test finds what it should, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.errors import InvalidInput
from tradeworthy.features.compute.look_ahead import look_ahead_report

Feature = Callable[[pl.Expr], pl.Expr]


def bars(n: int = 160, symbols: int = 1, seed: int = 3) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    parts = [
        pl.DataFrame(
            {
                "date": np.arange(n),
                "symbol": [f"s{number}"] * n,
                "close": 100 * np.exp(np.cumsum(generator.normal(0, 0.02, n))),
                "volume": generator.integers(1, 10_000, n),
            }
        )
        for number in range(symbols)
    ]
    return pl.concat(parts)


def table(expression: pl.Expr, entity: str | None = None) -> Callable[[pl.DataFrame], pl.DataFrame]:
    value = expression if entity is None else expression.over(entity)
    keys = ["date"] if entity is None else ["date", entity]
    return lambda frame: frame.select(*keys, value.alias("x"))


CLOSE = pl.col("close")
CAUSAL = {
    "identity": (CLOSE, 0),
    "return": (CLOSE.log().diff(), 1),
    "lag": (CLOSE.shift(5), 5),
    "rolling": (CLOSE.log().diff().rolling_std(20), 20),
    "small values": (CLOSE.log().diff().rolling_var(5) * 1e-6, 5),
    "flag": (CLOSE.shift(1) < CLOSE, 1),
    "volume": (pl.col("volume").rolling_mean(4), 3),
}
PEEKING = {
    "next": (CLOSE.shift(-1), 1),
    "three ahead": (CLOSE / CLOSE.shift(-3) - 1, 3),
    "centred": (CLOSE.rolling_mean(5, center=True), 2),
    "backfilled": (CLOSE.rolling_mean(3).shift(-1).fill_null(0.0), 1),
    "future flag": ((CLOSE.shift(-1) > CLOSE).fill_null(value=False), 1),
    "small future": (CLOSE.log().diff().shift(-1) * 1e-9, 1),
}
WHOLE = {
    "normalised": (CLOSE - CLOSE.mean()) / CLOSE.std(),
    "maximum": CLOSE / CLOSE.max(),
    "ranked": CLOSE.rank() / pl.len(),
    "reversed sum": CLOSE.reverse().cum_sum().reverse(),
}


@pytest.mark.parametrize("name", CAUSAL)
def test_causal_features_pass_and_their_lookback_is_found(name: str) -> None:
    expression, lookback = CAUSAL[name]
    report = look_ahead_report(table(expression), bars(), ["x"])
    found = report.features["x"]
    assert (found.passed, found.steps_ahead, found.lookback) == (True, 0, lookback)
    assert set(found.tests) == {"truncate", "perturb", "intervene", "has_values"}


@pytest.mark.parametrize("name", PEEKING)
def test_the_steps_that_a_feature_sees_ahead_are_counted(name: str) -> None:
    expression, steps = PEEKING[name]
    found = look_ahead_report(table(expression), bars(), ["x"]).features["x"]
    assert (found.passed, found.steps_ahead) == (False, steps)


@pytest.mark.parametrize("name", WHOLE)
def test_features_over_the_whole_history_fail(name: str) -> None:
    found = look_ahead_report(table(WHOLE[name]), bars(), ["x"]).features["x"]
    assert not found.passed
    assert found.steps_ahead > 20


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.integers(-6, 12), st.integers(0, 999))
def test_a_shift_is_measured_exactly(shift: int, seed: int) -> None:
    found = look_ahead_report(table(CLOSE.shift(shift)), bars(), ["x"], seed=seed).features["x"]
    assert found.passed == (shift >= 0)
    assert found.steps_ahead == max(-shift, 0)
    if shift >= 0:
        assert found.lookback == shift


def test_labels_may_look_ahead_by_declaration() -> None:
    report = look_ahead_report(table(CLOSE.shift(-1)), bars(), ["x"], labels=["x"])
    assert report.passed
    assert report.features["x"].steps_ahead == 1


def test_a_declared_lookback_must_hold() -> None:
    def passed(lookback: int) -> bool:
        return look_ahead_report(
            table(CLOSE.rolling_mean(10)), bars(), ["x"], declared_lookback={"x": lookback}
        ).passed

    assert (passed(8), passed(9)) == (False, True)


def test_an_endless_memory_is_reported() -> None:
    found = look_ahead_report(table(CLOSE.cum_sum()), bars(), ["x"]).features["x"]
    assert (found.passed, found.lookback) == (True, None)


def test_symbols_that_leak_into_each_other_are_found() -> None:
    assert look_ahead_report(
        table(CLOSE.diff(), "symbol"), bars(symbols=3), ["x"], entity="symbol"
    ).passed
    leaking = look_ahead_report(
        lambda frame: frame.select("date", "symbol", x=CLOSE.diff()),
        bars(symbols=3),
        ["x"],
        entity="symbol",
    ).features["x"]
    assert not leaking.passed


def test_a_feature_without_values_does_not_pass() -> None:
    report = look_ahead_report(table(CLOSE.shift(1000)), bars(), ["x"])
    assert not report.passed
    assert not report.features["x"].tests["has_values"]


def test_reports_are_repeatable_and_json_ready() -> None:
    first = look_ahead_report(table(CLOSE.shift(1)), bars(), ["x"], seed=5)
    assert first == look_ahead_report(table(CLOSE.shift(1)), bars(), ["x"], seed=5)
    assert json.loads(json.dumps(first.to_json()))["features"]["x"]["lookback"] == 1


@pytest.mark.parametrize(
    ("frame", "features", "compute"),
    [
        (bars(19), ["x"], table(CLOSE)),
        (bars(), [], table(CLOSE)),
        (bars(), ["y"], table(CLOSE)),
        (bars().drop("date"), ["x"], table(CLOSE)),
        (pl.concat([bars(), bars()]), ["x"], table(CLOSE)),
        (bars(), ["x"], lambda frame: table(CLOSE)(frame).head(3)),
    ],
)
def test_what_cannot_be_tested_is_refused(
    frame: pl.DataFrame, features: list[str], compute: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    with pytest.raises(InvalidInput):
        look_ahead_report(compute, frame, features)
