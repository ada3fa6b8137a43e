"""Shell: market data files, CSV or Parquet, as bar tables."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl

from tradeworthy.base.foreign_text import shortened
from tradeworthy.errors import DatasetInvalid
from tradeworthy.market_data.bars import bar_table

_PARQUET = b"PAR1"
_ALSO_CALLED = {"date": ("datetime", "timestamp", "time"), "symbol": ("ticker",)}
_DAYS = ("%Y-%m-%d", "%m/%d/%Y", "%Y%m%d")
_TIMES = tuple(
    f"%Y-%m-%d{between}{time}"
    for between in (" ", "T")
    for time in ("%H:%M:%S%.f", "%H:%M", "%H:%M:%S%.f%#z")  # with an offset from UTC at last
)


def read_bars(path: Path | str, *, symbol: str | None = None) -> pl.DataFrame:
    """Read a CSV or Parquet file of bars.

    Parameters
    ----------
    path
        The file.
    symbol
        What its bars are of, where it has no symbol column; the file's name by default.

    Raises
    ------
    DatasetInvalid
        If it cannot be read, or is no bar table.
    """
    place = Path(path)
    try:
        data = place.read_bytes()
    except OSError as error:
        raise DatasetInvalid(f"cannot read {place}: {error.strerror}") from error
    return parse_bars(data, symbol=symbol or place.name.split(".")[0].upper())


def parse_bars(data: bytes, *, symbol: str | None = None) -> pl.DataFrame:
    r"""Read the bytes of a CSV (plain, gzip or zstd) or Parquet file of bars.

    Times with an offset or a time zone become UTC, and are written without one from then on. Where
    no column is called date or symbol, one called datetime, timestamp or time is taken for the
    date, one called ticker for the symbol.

    Raises
    ------
    DatasetInvalid
        If they are neither, or no bar table.

    Examples
    --------
    >>> parse_bars(b"Date,Open,High,Low,Close\n2020-01-02,1,2,1,2\n", symbol="A").height
    1
    """
    try:
        frame = _parse(data)
    except (pl.exceptions.PolarsError, ValueError, OSError) as error:
        reason = shortened(str(error).partition("\n")[0])
        raise DatasetInvalid(
            f"neither CSV nor Parquet: {reason}; a CSV names its columns in the first line and has "
            "as many values in every other"
        ) from error
    except pl.exceptions.PanicException as error:  # what a damaged file may come to, no Exception
        raise DatasetInvalid("a damaged Parquet file; write it anew") from error
    frame = _known_names(frame)
    names = {name.lower(): name for name in frame.columns}
    if "date" in names:
        frame = frame.with_columns(_in_utc(_dates(frame[names["date"]])))
    has_symbol = "symbol" in names
    return bar_table(frame, symbol=None if has_symbol else symbol)


def _known_names(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with its columns called as we call them."""
    names = {name.lower(): name for name in frame.columns}
    for ours, others in _ALSO_CALLED.items():
        found = [names[other] for other in others if other in names]
        if ours not in names and len(found) == 1:
            frame = frame.rename({found[0]: ours})
    return frame


def _parse(data: bytes) -> pl.DataFrame:
    if data.startswith(_PARQUET):
        return pl.read_parquet(io.BytesIO(data))
    frame = pl.read_csv(io.BytesIO(data), infer_schema_length=None)
    return frame.filter(~pl.all_horizontal(pl.all().is_null()))  # blank lines


def _in_utc(dates: pl.Series) -> pl.Series:
    kind = dates.dtype
    if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        return dates.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return dates


def _dates(column: pl.Series) -> pl.Series:
    if column.dtype.is_temporal():
        return column
    text = column.cast(pl.String)
    for pattern in (*_DAYS, *_TIMES):
        kind = pl.Date if pattern in _DAYS else pl.Datetime("us")
        parsed = text.str.strptime(kind, pattern, strict=False)
        if parsed.null_count() == text.null_count() and _has_century(parsed):
            return parsed
    present = text.drop_nulls()
    odd = present.filter(present.str.strptime(pl.Date, _DAYS[0], strict=False).is_null())
    shown = (odd if len(odd) else present)[0]
    raise DatasetInvalid(
        f"date holds {shown[:40]!r}: write all dates as 2020-01-31, 1/31/2020 or "
        "2020-01-31 15:30:00, perhaps with an offset such as -05:00"
    )


def _has_century(dates: pl.Series) -> bool:
    """Tell whether no year has two digits only, which could be any century's."""
    return bool((dates.dt.year() >= 1000).all())
