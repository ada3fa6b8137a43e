"""Data guards: every fault is planted in clean bars and found, and crashes are left alone."""

import math
import os
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.errors import DatasetInvalid
from tradeworthy.market_data.data_guards import GUARDS, run_data_guards
from tradeworthy.market_data.symbol_bars import DataFinding

PRICES = ("open", "high", "low", "close")


def guards_pass(findings: tuple[DataFinding, ...]) -> bool:
    """Tell whether no finding is a failure."""
    return all(finding.severity != "fail" for finding in findings)


def clean_bars(
    seed: int = 0, n_bars: int = 600, volatility: float = 0.012, volume: bool = True
) -> pl.DataFrame:
    """Weekday bars of a random walk that a careful vendor might have delivered."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, volatility, n_bars)))
    start = np.append(100.0, close[:-1]) * np.exp(rng.normal(0, volatility / 3, n_bars))
    wiggle = np.exp(np.abs(rng.normal(0, volatility / 3, n_bars)))
    days = [date(2015, 1, 1) + timedelta(days=k) for k in range(2 * n_bars)]
    days = [day for day in days if day.weekday() < 5][:n_bars]
    columns = {
        "date": days,
        "symbol": ["X"] * n_bars,
        "open": start,
        "high": np.maximum(start, close) * wiggle,
        "low": np.minimum(start, close) / wiggle,
        "close": close,
    }
    if volume:
        columns["volume"] = rng.lognormal(12, 0.4, n_bars).round()
    return pl.DataFrame(columns)


def scaled_before(
    frame: pl.DataFrame, at: int, factor: float, shares: bool = False
) -> pl.DataFrame:
    """Multiply the prices of the bars before ``at``, the mark of an adjustment left out."""
    early = pl.int_range(pl.len()) < at
    frame = frame.with_columns(
        pl.when(early).then(pl.col(PRICES) * factor).otherwise(pl.col(PRICES))
    )
    if shares:
        volume = pl.col("volume")
        frame = frame.with_columns(pl.when(early).then(volume / factor).otherwise(volume))
    return frame


def edited(frame: pl.DataFrame, at: int, length: int = 1, **columns: pl.Expr) -> pl.DataFrame:
    """Replace columns at some bars by expressions."""
    chosen = pl.int_range(pl.len()).is_between(at, at + length - 1)
    return frame.with_columns(
        pl.when(chosen).then(value).otherwise(pl.col(name)).alias(name)
        for name, value in columns.items()
    )


def found(frame: pl.DataFrame, severity: str = "fail") -> set[tuple[str, str | None]]:
    return {(f.guard, f.date) for f in run_data_guards(frame) if f.severity == severity}


def day(frame: pl.DataFrame, at: int) -> str:
    return str(frame["date"][at])


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("volatility", [0.002, 0.012, 0.05])
def test_clean_bars_pass(seed: int, volatility: float) -> None:
    assert run_data_guards(clean_bars(seed, volatility=volatility)) == ()


@pytest.mark.parametrize(
    "factor",
    [1.5, 2, 3, 4, 7, 10, 20, 0.5, 1 / 8, 1 / 20, 1 / 50, 60, 1 / 70, 100, 1 / 200, 350, 1 / 1000],
)
@pytest.mark.parametrize("shares", [True, False])
@pytest.mark.parametrize("volume", [True, False])
def test_unadjusted_splits_are_found(factor: float, shares: bool, volume: bool) -> None:
    if shares and not volume:
        shares = False
    for seed, at in ((1, 5), (2, 300), (3, 590)):
        bars = scaled_before(clean_bars(seed, volume=volume), at, factor, shares)
        assert found(bars) == {("unadjusted_splits", day(bars, at))}


@pytest.mark.parametrize("factor", [1.25, 4 / 3, 1 / 1.5])
def test_small_splits_are_warned_of(factor: float) -> None:
    bars = scaled_before(clean_bars(4), 200, factor)
    assert found(bars) == set()
    assert ("unadjusted_splits", day(bars, 200)) in found(bars, "warn")


@pytest.mark.parametrize("fall", [0.795, 0.9, 0.7, 0.5, 0.34])
def test_a_crash_within_the_day_is_no_split(fall: float) -> None:
    # 1987: the index opened near the last close and lost a fifth by the evening.
    bars = scaled_before(clean_bars(5), 300, 1 / fall)
    last = bars["close"][299]
    bars = edited(bars, 300, open=pl.lit(last * 0.99), high=pl.lit(last))
    assert found(bars) == set()


def test_bad_news_overnight_in_heavy_trading_is_no_split() -> None:
    bars = scaled_before(clean_bars(6), 300, 2.05)
    bars = edited(bars, 300, volume=pl.col("volume") * 30)
    assert found(bars) == set()
    assert ("overnight_jumps", day(bars, 300)) in found(bars, "warn")


def test_a_gap_that_is_no_ratio_is_no_split() -> None:
    bars = scaled_before(clean_bars(7), 300, 1.72)
    assert found(bars) == set()
    assert ("overnight_jumps", day(bars, 300)) in found(bars, "warn")


def test_a_wild_series_may_jump_by_half_overnight() -> None:
    # As the volatility indices do: moves that would be splits elsewhere are its daily bread.
    for factor in (1.5, 1 / 1.5):
        bars = scaled_before(clean_bars(8, volatility=0.07), 300, factor)
        assert run_data_guards(bars) == ()


@pytest.mark.parametrize("factor", [10.0, 0.1, 100.0, 1.3, 0.5])
def test_a_bad_print_is_found(factor: float) -> None:
    bars = clean_bars(9)
    wrong_close = edited(
        bars,
        200,
        close=pl.col("close") * factor,
        high=pl.max_horizontal("high", pl.col("close") * factor),
        low=pl.min_horizontal("low", pl.col("close") * factor),
    )
    assert ("price_spikes", day(bars, 200)) in found(wrong_close)
    wrong_open = edited(
        bars,
        200,
        open=pl.col("open") * factor,
        high=pl.max_horizontal("high", pl.col("open") * factor),
        low=pl.min_horizontal("low", pl.col("open") * factor),
    )
    # Only what comes back all but exactly is a print; the open returns to its own bar's close.
    assert ("price_spikes", day(bars, 200)) in found(wrong_open)


def test_a_rebound_that_is_lost_again_in_a_panic_is_no_bad_print() -> None:
    # A bank in March 2020: up by 18% and down by 15%, among days that moved as much.
    panic = [-0.146, 0.075, -0.048, -0.233, 0.166, -0.162, 0.065, -0.11, 0.012, -0.058]
    bars = clean_bars(26)
    level = np.ones(bars.height)
    level[300:310] = np.exp(np.cumsum(panic))
    level[310:] = level[309]
    bars = bars.with_columns(pl.col(PRICES) * pl.Series(level))
    before = pl.col("close").shift(1).fill_null(pl.col("open"))
    bars = edited(bars, 300, length=10, open=before)
    bars = bars.with_columns(high=pl.max_horizontal(*PRICES), low=pl.min_horizontal(*PRICES))
    assert found(bars) == set()


def test_two_bad_prints_in_a_week_do_not_hide_each_other() -> None:
    bars = clean_bars(27)
    for at in (200, 203):
        bars = edited(bars, at, close=pl.col("close") * 2, high=pl.col("high") * 3)
    [finding] = [f for f in run_data_guards(bars) if f.guard == "price_spikes"]
    assert finding.date == day(bars, 200)
    assert finding.message.startswith("2 bar(s)")


@pytest.mark.parametrize("length", [5, 23, 30, 400])
def test_holes_are_found(length: int) -> None:
    bars = clean_bars(10)
    holed = pl.concat([bars.head(100), bars.slice(100 + length)])
    severity = "fail" if length > 20 else "warn"
    assert ("gaps", day(bars, 100 + length)) in found(holed, severity)
    assert any(guard == "gaps" for guard, _ in found(holed)) == (length > 20)


def test_long_weekends_are_no_holes() -> None:
    bars = clean_bars(11).filter(pl.col("date").dt.weekday() < 4)
    assert run_data_guards(bars) == ()


@pytest.mark.parametrize(
    ("price", "money"), [(20.0, 1.0), (0.05, 1.0), (1.05, 5000.0), (1.05, 1 / 5000)]
)
def test_a_ticker_that_another_company_took_over_is_found(price: float, money: float) -> None:
    bars = clean_bars(12)
    bars = scaled_before(bars, 300, 1 / price)
    bars = edited(bars, 300, length=300, volume=pl.col("volume") * money / price)
    reused = pl.concat([bars.head(250), bars.slice(300)])
    assert found(reused) == {(name, day(bars, 300)) for name in ("gaps", "ticker_reuse")}


def test_a_hole_in_one_instrument_is_no_reuse() -> None:
    bars = clean_bars(13)
    holed = pl.concat([bars.head(100), bars.slice(400)])
    assert found(holed) == {("gaps", day(bars, 400))}


def spread_out(frame: pl.DataFrame, days: float) -> pl.DataFrame:
    """The same bars with longer steps between them, such as those of months or years."""
    start = frame["date"][0]
    dates = [start + timedelta(days=round(days * k)) for k in range(frame.height)]
    return frame.with_columns(date=pl.Series(dates))


@pytest.mark.parametrize("days", [7, 30.4375, 91.3125, 365.25])
def test_long_bars_are_judged_by_their_own_step(days: float) -> None:
    bars = spread_out(clean_bars(24, n_bars=80, volatility=0.03), days)
    assert run_data_guards(bars) == ()
    for at in range(30, 34):  # months of 30 and of 31 days
        split = scaled_before(bars, at, 2)
        assert found(split) == {("unadjusted_splits", day(bars, at))}
    holed = pl.concat([bars.head(40), bars.slice(52)])
    assert found(holed) == {("gaps", day(bars, 52))}
    reused = pl.concat([scaled_before(bars, 52, 1 / 30).head(40), bars.slice(52)])
    assert found(reused) == {(name, day(bars, 52)) for name in ("gaps", "ticker_reuse")}


def test_bars_that_all_share_their_date_can_be_judged() -> None:
    bars = clean_bars(25, n_bars=4)
    days = [date(2020, 1, 1)] * 3 + [date(2020, 6, 1)]
    assert {guard for guard, _ in found(bars.with_columns(date=pl.Series(days)))} == {
        "duplicates",
        "gaps",
    }


def test_stale_opens_are_warned_of() -> None:
    bars = clean_bars(14).with_columns(open=pl.col("close").shift(1, fill_value=100.0))
    bars = bars.with_columns(high=pl.max_horizontal(*PRICES), low=pl.min_horizontal(*PRICES))
    assert found(bars) == set()
    [finding] = run_data_guards(bars)
    assert (finding.guard, finding.severity) == ("stale_opens", "warn")
    assert "100%" in finding.message


def test_a_run_of_stale_opens_is_warned_of() -> None:
    bars = clean_bars(15)
    bars = edited(bars, 100, length=12, open=pl.col("close").shift(1))
    bars = bars.with_columns(high=pl.max_horizontal(*PRICES), low=pl.min_horizontal(*PRICES))
    assert ("stale_opens", day(bars, 100)) in found(bars, "warn")


@pytest.mark.parametrize(
    ("length", "severity"), [(5, "warn"), (19, "warn"), (20, "fail"), (30, "fail")]
)
def test_a_frozen_feed_is_found(length: int, severity: str) -> None:
    bars = clean_bars(16)
    price = pl.lit(bars["close"][99])
    bars = edited(bars, 100, length, open=price, high=price, low=price, close=price)
    assert ("frozen_prices", day(bars, 100)) in found(bars, severity)


def test_four_equal_bars_are_no_frozen_feed() -> None:
    bars = clean_bars(16)
    price = pl.lit(bars["close"][99])
    bars = edited(bars, 100, 4, open=price, high=price, low=price, close=price)
    assert "frozen_prices" not in {guard for guard, _ in found(bars, "warn") | found(bars)}


@pytest.mark.parametrize(("length", "severity"), [(1, "warn"), (19, "warn"), (20, "fail")])
def test_bars_without_volume_are_found(length: int, severity: str) -> None:
    bars = edited(clean_bars(17), 100, length, volume=pl.lit(0.0))
    assert {("zero_volume", day(bars, 100))} == found(bars, severity)


def test_volume_that_was_never_recorded_is_one_warning() -> None:
    [finding] = run_data_guards(clean_bars(18).with_columns(volume=pl.lit(0)))
    assert (finding.guard, finding.severity) == ("zero_volume", "warn")


@pytest.mark.parametrize("value", [0.0, -3.0, math.nan, math.inf])
@pytest.mark.parametrize("column", PRICES)
def test_prices_that_are_none_are_found(value: float, column: str) -> None:
    bars = edited(clean_bars(19), 100, **{column: pl.lit(value)})
    assert ("bad_prices", day(bars, 100)) in found(bars)


@pytest.mark.parametrize(
    "wrong", [{"high": pl.col("low")}, {"low": pl.col("high")}, {"open": pl.col("high") * 1.01}]
)
def test_prices_out_of_order_are_found(wrong: dict[str, pl.Expr]) -> None:
    bars = edited(clean_bars(20), 100, **wrong)
    assert found(bars) == {("price_order", day(bars, 100))}


def test_duplicates_are_found() -> None:
    bars = clean_bars(21)
    twice = pl.concat([bars, bars.slice(100, 1)])
    assert ("duplicates", day(bars, 100)) in found(twice)


def test_each_symbol_is_judged_by_itself() -> None:
    sound, broken = clean_bars(22), scaled_before(clean_bars(23), 300, 2)
    both = pl.concat([sound, broken.with_columns(symbol=pl.lit("A"))])
    findings = run_data_guards(both)
    assert {finding.symbol for finding in findings} == {"A"}
    assert not guards_pass(findings)
    assert guards_pass(run_data_guards(sound))


def test_what_is_no_bar_table_is_refused() -> None:
    with pytest.raises(DatasetInvalid):
        run_data_guards(clean_bars().clear())


@given(st.integers(1, 12), st.integers(0, 100))
@settings(max_examples=30)
def test_short_series_can_be_judged(n_bars: int, seed: int) -> None:
    findings = run_data_guards(clean_bars(seed, n_bars))
    assert guards_pass(findings)


def test_guards_have_names_and_say_why() -> None:
    assert len({guard.__name__ for guard in GUARDS}) == len(GUARDS)
    assert all(guard.__doc__ for guard in GUARDS)


FOLDER = os.environ.get("TRADEWORTHY_MARKET_DATA")

if FOLDER:  # real markets, where they are at hand

    def real(name: str, symbol: str | None = None) -> tuple[DataFinding, ...]:
        frame = pl.read_csv(Path(FOLDER) / name, try_parse_dates=True)
        return run_data_guards(frame, symbol=symbol)

    def test_real_traps_are_found() -> None:
        fails = {
            (f.symbol, f.date, f.guard)
            for f in real("lean_us_equity_daily_raw.csv")
            if f.severity == "fail"
        }
        for symbol, when in (
            ("AAPL", "2014-06-09"),
            ("AAPL", "2020-08-31"),
            ("AIG", "2009-07-01"),
            ("USO", "2020-04-29"),
        ):
            assert (symbol, when, "unadjusted_splits") in fails
        for symbol, when in (
            ("WM", "2009-08-05"),
            ("FB", "2012-05-18"),
            ("USO", "2006-04-10"),
            ("BNO", "2010-06-02"),
        ):
            assert (symbol, when, "ticker_reuse") in fails
        assert ("QQQ", "2011-03-23", "gaps") in fails
        assert ("QQQ", "2011-03-23", "ticker_reuse") not in fails
        crash = {when for _, when, guard in fails if guard == "unadjusted_splits"}
        assert not any(when.startswith(("2008-09", "2008-10", "2020-03")) for when in crash)

    def adjusted_shares() -> pl.DataFrame:
        """The Lean bars with their factor files applied: a factor holds up to its date."""
        bars = pl.read_csv(Path(FOLDER) / "lean_us_equity_daily_raw.csv", try_parse_dates=True)
        factors = pl.read_csv(Path(FOLDER) / "lean_us_equity_factor_files.csv").select(
            "symbol",
            pl.col("date").cast(pl.String).str.to_date("%Y%m%d"),
            "split_factor",
            factor=pl.col("price_factor") * pl.col("split_factor"),
        )
        pieces = []
        for [symbol], group in bars.group_by("symbol", maintain_order=True):
            mine = factors.filter(pl.col("symbol") == symbol).sort("date").drop("symbol")
            pieces.append(group.sort("date").join_asof(mine, on="date", strategy="forward"))
        joined = pl.concat(pieces).with_columns(pl.col("factor", "split_factor").fill_null(1.0))
        return joined.with_columns(
            pl.col(PRICES) * pl.col("factor"), pl.col("volume") / pl.col("split_factor")
        )

    def test_adjusted_shares_show_no_split_but_those_their_factor_files_leave_out() -> None:
        splits = {
            (f.symbol, f.date)
            for f in run_data_guards(adjusted_shares())
            if f.guard == "unadjusted_splits"
        }
        # Both are true. GOOG's file begins a week before the 2:1 split of 2014; the factor of the
        # shares until then stands in GOOGL's. WM's is that of Waste Management (its reference
        # prices say so), while the bars of 2001 are those of Washington Mutual, split 3:2.
        assert splits == {("GOOG", "2014-04-03"), ("WM", "2001-05-16")}

    def test_real_indices_are_left_alone() -> None:
        [finding] = real("sp500_daily_2000_2020.csv", "SPX")
        assert (finding.guard, finding.severity) == ("stale_opens", "warn")
        fails = {f.guard for f in real("vix_daily_1990_2026.csv", "VIX") if f.severity == "fail"}
        assert fails == {"price_order", "price_spikes"}  # its vendor's own errors
        assert guards_pass(real("gbpusd_1h_ejtrader.csv", "GBPUSD"))
