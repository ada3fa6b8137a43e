"""The bar table and its arrays: what is refused, and what is kept as it is."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeworthy.errors import DatasetInvalid
from tradeworthy.market_data.bars import bar_arrays, bar_table


def frame(**columns: Sequence[object]) -> pl.DataFrame:
    rows = {
        "date": [date(2024, 1, 2), date(2024, 1, 3)],
        "symbol": ["A", "A"],
        "open": [10.0, 11.0],
        "high": [12.0, 12.0],
        "low": [9.0, 10.0],
        "close": [11.0, 10.5],
        "volume": [100, 200],
    }
    return pl.DataFrame({**rows, **columns})


def test_names_in_any_case_and_a_symbol_from_outside() -> None:
    mixed = frame().drop("symbol").rename(str.upper)
    table = bar_table(mixed, symbol="SPX")
    assert table.columns == ["date", "symbol", "open", "high", "low", "close", "volume"]
    assert table["symbol"].unique().to_list() == ["SPX"]
    assert table.schema["volume"] == pl.Float64


def test_rows_are_sorted_and_other_columns_dropped() -> None:
    table = bar_table(frame(symbol=["B", "A"], adjclose=[1.0, 2.0]))
    assert table["symbol"].to_list() == ["A", "B"]
    assert "adjclose" not in table.columns


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (frame().drop("open"), "open"),
        (frame().drop("date"), "date"),
        (frame().drop("symbol"), "symbol"),
        (frame().clear(), "no bar"),
        (frame(date=["2024-01-02", "2024-01-03"]), "parse"),
        (frame(symbol=[1, 2]), "text"),
        (frame(close=["1", "2"]), "number"),
        (frame(close=[1.0, None]), "null"),
        (frame(volume=[1.0, None]), "null"),
        (frame(Close=[1.0, 2.0]), "case"),
    ],
)
def test_what_is_no_bar_table_is_refused(bad: pl.DataFrame, complaint: str) -> None:
    with pytest.raises(DatasetInvalid, match=complaint):
        bar_table(bad)


def test_a_second_symbol_is_refused() -> None:
    with pytest.raises(DatasetInvalid, match="already"):
        bar_table(frame(), symbol="X")


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_prices_that_cannot_be_traded_on_are_refused(column: str, value: float) -> None:
    with pytest.raises(DatasetInvalid, match=f"A at 2024-01-03.*{column}"):
        bar_arrays(frame(**{column: [10.0, value]}))
    bar_table(frame(**{column: [10.0, value]}))  # its content is for the guards to judge


def test_negative_volume_is_refused_and_none_is_fine() -> None:
    with pytest.raises(DatasetInvalid, match="volume"):
        bar_arrays(frame(volume=[1.0, -1.0]))
    assert bar_arrays(frame(volume=[0.0, 0.0])).volume.tolist() == [[0.0], [0.0]]
    assert bar_arrays(frame().drop("volume")).volume is None


def test_two_bars_at_one_date_are_refused() -> None:
    with pytest.raises(DatasetInvalid, match="two bars"):
        bar_arrays(frame(date=[date(2024, 1, 2)] * 2))


def test_missing_bars_are_nan_in_every_column() -> None:
    bars = bar_arrays(frame(symbol=["A", "B"]))
    assert bars.shape == (2, 2)
    for matrix in (bars.open, bars.high, bars.low, bars.close, bars.volume):
        assert np.isnan(matrix).tolist() == [[False, True], [True, False]]
        assert not matrix.flags.writeable


def test_time_zones_become_utc() -> None:
    zoned = frame(date=[datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC)])
    moved = zoned.with_columns(pl.col("date").dt.convert_time_zone("America/New_York"))
    assert bar_arrays(moved).dates.tolist() == bar_arrays(frame()).dates.tolist()


def test_a_stretch_of_bars_keeps_everything_aligned() -> None:
    part = bar_arrays(frame()).between(1, 2)
    assert part.shape == (1, 1)
    assert (part.open[0, 0], part.high[0, 0], part.low[0, 0]) == (11.0, 12.0, 10.0)
    assert (part.close[0, 0], part.volume[0, 0]) == (10.5, 200.0)
    assert bar_arrays(frame().drop("volume")).between(0, 1).volume is None


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from("ABC")), min_size=1, unique=True))
def test_every_bar_lands_in_its_cell(keys: list[tuple[int, str]]) -> None:
    day = [date(2024, 1, 1 + number) for number, _ in keys]
    price = [float(100 + number * 10 + ord(name)) for number, name in keys]
    rows = {"date": day, "symbol": [name for _, name in keys]}
    bars = bar_arrays(
        pl.DataFrame({**rows, **dict.fromkeys(("open", "high", "low", "close"), price)})
    )
    assert np.count_nonzero(~np.isnan(bars.close)) == len(keys)
    for number, name in keys:
        row = bars.dates.tolist().index(datetime(2024, 1, 1 + number))  # noqa: DTZ001
        assert bars.close[row, bars.symbols.index(name)] == 100 + number * 10 + ord(name)
