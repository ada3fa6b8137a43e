"""The feature table: per entity, in time order, errors named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tradeworthy.errors import FeatureDependencyMissing, InvalidInput, StrategyInvalid
from tradeworthy.features.compute.feature_table import compute_features
from tradeworthy.features.feature_definition import FeatureDefinition, make_declaration
from tradeworthy.features.feature_graph import FeatureGraph
from tradeworthy.features.logic import make_logic

DAYS = [dt.date(2024, 1, day) for day in (1, 2, 3)]
BARS = pl.DataFrame(
    {
        "symbol": ["B"] * 3 + ["A"] * 3,
        "date": DAYS * 2,
        "close": [1.0, 2.0, 4.0, 10.0, 20.0, 5.0],
        "volume": [1, 2, 3, 4, 5, 6],
    }
)


def made(
    name: str, arguments: tuple[str, ...], function: Callable[..., Any], **options: Any
) -> FeatureDefinition:
    options.setdefault("version", 1)
    return FeatureDefinition(
        make_declaration(name, **options), arguments, make_logic((), ()), function
    )


def graph(*definitions: FeatureDefinition) -> FeatureGraph:
    return FeatureGraph.from_definitions(definitions)


RATIO = made("ratio", ("close",), lambda close: close / close.shift(1))
DOUBLE = made("double", ("ratio",), lambda ratio, /: 2 * ratio)


def test_features_are_computed_per_entity_in_order() -> None:
    made_of = FeatureGraph.from_definitions([DOUBLE, RATIO], source_columns=BARS.columns)
    table = compute_features(made_of, BARS, ["double", "ratio", "volume"])
    expected = pl.DataFrame(
        {
            "date": DAYS * 2,
            "symbol": ["B"] * 3 + ["A"] * 3,
            "double": [None, 4.0, 4.0, None, 4.0, 0.5],
            "ratio": [None, 2.0, 2.0, None, 2.0, 0.25],
            "volume": [1, 2, 3, 4, 5, 6],
        }
    )
    assert_frame_equal(table, expected)


def test_interleaved_entities_are_no_disorder() -> None:
    mixed = BARS.sort("date", "symbol")
    table = compute_features(graph(RATIO), mixed, ["ratio"]).sort("symbol", "date")
    assert_frame_equal(
        table, compute_features(graph(RATIO), BARS, ["ratio"]).sort("symbol", "date")
    )


def test_a_single_series_needs_no_entity() -> None:
    table = compute_features(graph(RATIO), BARS.head(3), ["ratio"], entity=None)
    assert table.columns == ["date", "ratio"]
    assert table["ratio"].to_list() == [None, 2.0, 2.0]


CROSS_SECTIONS: dict[str, tuple[Callable[..., Any], list[float | None]]] = {
    "rank": (lambda close: close.rank().over("date"), [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]),
    "share": (
        lambda close: close / close.sum().over("date"),
        [1 / 11, 1 / 11, 4 / 9, 10 / 11, 10 / 11, 5 / 9],
    ),
    "both": (
        lambda close: close.mean().over("date") - close.shift(1).over("symbol"),
        [None, 10.0, 2.5, None, 1.0, -15.5],
    ),
}


@pytest.mark.parametrize("name", CROSS_SECTIONS)
def test_windows_over_the_time_look_across_entities(name: str) -> None:
    function, expected = CROSS_SECTIONS[name]
    made_of = graph(made(name, ("close",), function))
    table = compute_features(made_of, BARS, [name])
    assert table[name].to_list() == pytest.approx(expected)
    mixed = compute_features(made_of, BARS.sort("date", "symbol"), [name])
    assert_frame_equal(mixed.sort("symbol", "date"), table.sort("symbol", "date"))


def test_a_cross_section_takes_other_features() -> None:
    rank = made("rank", ("ratio",), lambda ratio: ratio.rank().over("date"))
    table = compute_features(graph(RATIO, rank), BARS, ["rank"])
    assert table["rank"].to_list() == [None, 1.5, 2.0, None, 1.5, 1.0]


@pytest.mark.parametrize(
    "function",
    [
        lambda close: close.shift(1).rank().over("date"),
        lambda close: close.rank().over("date").shift(1),
        lambda close: close.first().over("date"),
        lambda close: close.mean().over("date") / close.cum_sum(),
        lambda close: close.cum_sum().over("symbol").rank().over("date"),
        lambda close: close.mean().over("date") + close.cum_sum().over("volume"),
    ],
)
def test_a_cross_section_does_not_mix_with_the_order_of_rows(function: Callable[..., Any]) -> None:
    for bars in (BARS, BARS.sort("date", "symbol")):
        with pytest.raises(StrategyInvalid, match="feature of its own"):
            compute_features(graph(made("mixed", ("close",), function)), bars, ["mixed"])


def test_two_versions_of_a_feature_stand_side_by_side() -> None:
    second = made("ratio", ("close",), lambda close: close, version=2)
    table = compute_features(graph(RATIO, second), BARS, ["ratio@1", "ratio@2"])
    assert table.columns == ["date", "symbol", "ratio@1", "ratio@2"]
    assert table["ratio@2"].to_list() == BARS["close"].to_list()


@pytest.mark.parametrize(
    ("bars", "message"),
    [
        (BARS.reverse(), "strict time order"),
        (pl.concat([BARS, BARS.tail(1)]), "strict time order"),
        (BARS.drop("close"), "no column 'close'"),
        (BARS.drop("date"), "no column 'date'"),
        (BARS.drop("symbol"), "no column 'symbol'"),
        (BARS.with_columns(ratio=1.0), "ratio"),
        (BARS.with_columns(date=pl.lit(None, pl.Date)), "missing"),
    ],
)
def test_bars_that_break_the_rules_are_refused(bars: pl.DataFrame, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        compute_features(graph(RATIO), bars, ["ratio"])


def test_an_input_that_is_a_missing_column_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no column 'close'"):
        compute_features(graph(RATIO), BARS.drop("close"), ["close"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@feature\ndef nxt(rett):\n    return rett", "nxt@1 {} depends on 'rett', .*mean 'ret'"),
        ("@feature\ndef nxt(closs):\n    return closs", "nxt@1 {} depends on 'closs', .*'close'"),
        (
            "@feature(name='m_{n}', each={'n': (2,)})\ndef m(close, n, k):\n    return close * k",
            "m_2@1 {} depends on 'k', .*give it values in each=",
        ),
    ],
)
def test_a_misspelt_dependency_is_named_with_its_feature_and_line(
    text: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "misspelt.py"
    ret = "from tradeworthy import feature\n@feature\ndef ret(close):\n    return close.diff()\n"
    file.write_text(f"{ret}{text}\n")
    wrong = FeatureGraph.from_module(file)
    with pytest.raises(InvalidInput, match=message.format(r"\(misspelt.py, line 6\)")):
        compute_features(wrong, BARS, wrong.inputs)


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (lambda close: 3, {}, "gives int"),
        (lambda close: close.no_such_method(), {}, "AttributeError"),
        (
            lambda close: __import__("no_such_module"),
            {},
            "install it: `pip install no_such_module`",
        ),
        (lambda close: pl.col("nowhere"), {}, "cannot be computed"),
        (lambda close: close.cast(pl.String), {}, "gives String"),
        (lambda close: close, {"semantics": {"dtype": "Float32"}}, "declares dtype Float32"),
        (lambda close: close.head(2), {}, "cannot be computed"),
    ],
)
def test_features_that_fail_are_named(
    function: Callable[..., Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(StrategyInvalid, match=message) as error:
        compute_features(graph(made("bad", ("close",), function, **options)), BARS, ["bad"])
    assert error.value.details["feature"] == "bad"


def test_source_alone_cannot_be_computed() -> None:
    found = FeatureGraph.read_source(
        "from tradeworthy import feature\n@feature()\ndef a(close):\n    return close\n"
    )
    with pytest.raises(StrategyInvalid, match="load its file"):
        compute_features(found, BARS, ["a"])
    with pytest.raises(FeatureDependencyMissing):
        compute_features(found, BARS, ["b"])
