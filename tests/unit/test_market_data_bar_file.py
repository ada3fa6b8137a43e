"""Market data files: what people have is read, what is damaged is refused, nothing crashes."""

import gzip
import io
import random
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from tradeworthy.errors import DatasetInvalid
from tradeworthy.market_data.bars import PRICES
from tradeworthy.market_data.files.bar_file import parse_bars, read_bars

HEAD = "Date,Open,High,Low,Close,Volume"
TEXT = f"{HEAD}\n2020-01-02,1,2,1,2,100\n2020-01-03,2,3,2,3,200\n"


def parsed_date(written: str) -> date | datetime:
    return parse_bars(f"{HEAD}\n{written},1,2,1,2,100\n".encode(), symbol="X")["date"][0]


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        gzip.compress(TEXT.encode(), mtime=0),
        (TEXT + "\n\n").encode(),
        (TEXT + ",,,,,\n").encode(),
        TEXT.replace("1,2,1,2", '"1","2","1","2"').encode(),
    ],
    ids=["plain", "crlf", "bom", "gzip", "blank lines", "empty row", "quoted"],
)
def test_the_same_bars_in_many_coats(data: bytes) -> None:
    bars = parse_bars(data, symbol="X")
    assert bars["date"].to_list() == [date(2020, 1, 2), date(2020, 1, 3)]
    assert bars["close"].to_list() == [2.0, 3.0]
    assert bars["symbol"].to_list() == ["X", "X"]


@pytest.mark.parametrize("written", ["2020-01-31", "1/31/2020", "01/31/2020", "20200131"])
def test_days(written: str) -> None:
    assert parsed_date(written) == date(2020, 1, 31)


@pytest.mark.parametrize(
    "written",
    [
        "2020-01-31 15:30:00",
        "2020-01-31T15:30:00",
        "2020-01-31 15:30:00.000",
        "2020-01-31 15:30",
        "2020-01-31T15:30",
    ],
)
def test_times(written: str) -> None:
    assert parsed_date(written) == datetime(2020, 1, 31, 15, 30)  # noqa: DTZ001


@pytest.mark.parametrize(
    "written",
    [
        "2020-01-31T15:30:00Z",
        "2020-01-31 15:30:00+00:00",
        "2020-01-31 10:30:00-05:00",
        "2020-01-31T17:30:00.000+0200",
    ],
)
def test_times_with_an_offset_become_utc(written: str) -> None:
    assert parsed_date(written) == datetime(2020, 1, 31, 15, 30)  # noqa: DTZ001


def test_a_time_zone_becomes_utc_and_is_forgotten() -> None:
    opening = datetime(2020, 7, 1, 13, 30, tzinfo=UTC)
    frame = pl.DataFrame({"date": [opening], **{name: [1.0] for name in PRICES}})
    buffer = io.BytesIO()
    frame.with_columns(pl.col("date").dt.convert_time_zone("America/New_York")).write_parquet(
        buffer
    )
    read = parse_bars(buffer.getvalue(), symbol="X")["date"]
    assert read[0] == datetime(2020, 7, 1, 13, 30)  # noqa: DTZ001


@pytest.mark.parametrize(
    "written", ["31/01/2020", "31.01.2020", "1577923200", "0000-01-02", "soon", "2020-13-01"]
)
def test_dates_that_can_be_read_two_ways_or_none_are_refused(written: str) -> None:
    with pytest.raises(DatasetInvalid, match="date"):
        parsed_date(written)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEAD.encode(),
        b"PAR1 and nothing more",
        bytes(range(256)),
        gzip.compress(TEXT.encode(), mtime=0)[:30],
        TEXT.encode("utf-16"),
        TEXT.replace("Open", "Opening").encode(),
        TEXT.replace("1,2,1,2,100", "1,2,1,,100").encode(),
        TEXT.replace("1,2,1,2,100", '1,2,1,2,"1,000"').encode(),
        (TEXT + "2020-01-06,1,2,1,2,100,7,8,9\n").encode(),
    ],
)
def test_what_is_no_file_of_bars_is_refused(data: bytes) -> None:
    with pytest.raises(DatasetInvalid):
        parse_bars(data, symbol="X")


@pytest.mark.slow
def test_a_damaged_parquet_file_is_refused_or_read_and_never_a_crash() -> None:
    # A damaged file may make the reader panic, which is no Exception.
    buffer = io.BytesIO()
    parse_bars(TEXT.encode(), symbol="X").write_parquet(buffer)
    sound = buffer.getvalue()
    dice = random.Random(3)
    refused = 0
    for place in range(4, len(sound)):
        damaged = bytearray(sound)
        damaged[place] ^= 1 << dice.randrange(8)
        if place % 3 == 0:
            del damaged[place : place + dice.randint(1, 5)]
        try:
            parse_bars(bytes(damaged), symbol="X")
        except DatasetInvalid:
            refused += 1
    assert refused > 100


def test_a_file_names_its_instrument(tmp_path: Path) -> None:
    path = tmp_path / "spx.daily.csv"
    path.write_text(TEXT)
    assert read_bars(path)["symbol"].to_list() == ["SPX", "SPX"]
    assert read_bars(str(path), symbol="Y")["symbol"].to_list() == ["Y", "Y"]
    named = tmp_path / "book.parquet"
    frame = pl.read_csv(io.StringIO(TEXT), try_parse_dates=True).with_columns(symbol=pl.lit("Z"))
    frame.write_parquet(named)
    assert read_bars(named)["symbol"].to_list() == ["Z", "Z"]
    with pytest.raises(DatasetInvalid, match="cannot read"):
        read_bars(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("data", "reported"),
    [
        (TEXT.replace(",", ";"), "there is date;open;high;low;close;volume"),
        (TEXT.replace("2020-01-02", "2.1.2020"), "date holds '2.1.2020'"),
        (TEXT.replace("2020-01-02", "1/2/20"), "date holds '1/2/20'"),
        (TEXT.replace("1,2,1,2,100", "1,2,1,N/A,100"), "close holds 'N/A'"),
        (TEXT.replace("1,2,1,2,100", '"1,455.2",2,1,2,100'), "open holds '1,455.2'"),
        (TEXT + "2020-01-06,1,2,1,2,100,7\n", "as many values in every other"),
    ],
)
def test_a_refusal_quotes_what_is_not_understood(data: str, reported: str) -> None:
    with pytest.raises(DatasetInvalid) as refused:
        parse_bars(data.encode(), symbol="X")
    assert reported in refused.value.message
    assert "\n" not in refused.value.message


def test_years_of_two_digits_are_of_no_century() -> None:
    with pytest.raises(DatasetInvalid, match="date holds"):
        parse_bars(TEXT.replace("2020-01-0", "1/3/1").encode(), symbol="X")


@pytest.mark.parametrize("called", ["Datetime", "timestamp", "TIME"])
def test_a_time_by_another_name(called: str) -> None:
    assert parse_bars(TEXT.replace("Date", called).encode(), symbol="X").height == 2


def test_a_ticker_is_a_symbol() -> None:
    rows = TEXT.replace("Volume", "Ticker").replace(",100", ",A").replace(",200", ",B")
    assert parse_bars(rows.encode(), symbol="X")["symbol"].to_list() == ["A", "B"]


def test_missing_columns_are_listed_with_those_that_there_are() -> None:
    with pytest.raises(DatasetInvalid) as caught:
        parse_bars(b"date,close\n2020-01-02,1\n", symbol="X")
    assert caught.value.message == (
        "bars need the column(s) open, high, low; there is date, close: add what is missing, or "
        "rename the columns that hold it"
    )
    with pytest.raises(DatasetInvalid, match="name the columns in the first line"):
        parse_bars(b"2020-01-02,1,2,1,2\n2020-01-03,1,2,1,2\n", symbol="X")
