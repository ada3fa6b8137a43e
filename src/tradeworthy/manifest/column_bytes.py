"""Canonical bytes of a block of a column: the same values, the same bytes, whatever the layout.

A block becomes a sequence of parts: a validity bitmap (empty when nothing is null), then the
payload of its type. Null payloads are zeroed, text is lengths and bytes rather than offsets, NaN
has one bit pattern, -0 is +0, dictionaries are their values. Everything is little-endian.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from tradeworthy.errors import DatasetInvalid

Bytes: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8]]"

_FIXED: dict[type[pl.DataType], str] = {
    pl.Boolean: "bool",
    pl.Int8: "int8",
    pl.Int16: "int16",
    pl.Int32: "int32",
    pl.Int64: "int64",
    pl.UInt8: "uint8",
    pl.UInt16: "uint16",
    pl.UInt32: "uint32",
    pl.UInt64: "uint64",
    pl.Float16: "float16",
    pl.Float32: "float32",
    pl.Float64: "float64",
    pl.Date: "date",
    pl.Time: "time[ns]",
}
_AS_TEXT: dict[type[pl.DataType], str] = {
    pl.String: "string",
    pl.Categorical: "string",
    pl.Enum: "string",
    pl.Int128: "int128",
    pl.UInt128: "uint128",
}

# One zone under its names in the time zone database; writers differ in which they put down.
_UTC = frozenset(
    {
        *("UTC", "UCT", "Zulu", "Universal"),
        *("Etc/UTC", "Etc/UCT", "Etc/Zulu", "Etc/Universal"),
    }
)


def logical_type(dtype: pl.DataType, column: str = "") -> str:
    """Name the logical type of ``dtype``, which goes into the digest of ``column``.

    Widths, time units, time zones and decimal scales are part of the type, since a feature may
    compute with them; encodings (dictionary, categorical, large, view) are not. Struct fields are
    sorted by name, as the columns of a table are.

    Raises
    ------
    DatasetInvalid
        For a type without canonical form (object, map, extension), naming column and type.

    Examples
    --------
    >>> import polars as pl
    >>> logical_type(pl.List(pl.Categorical())), logical_type(pl.Datetime("us", "UTC"))
    ('list<string>', "datetime[us,'UTC']")
    """
    kind = type(dtype)
    name = _FIXED.get(kind) or _AS_TEXT.get(kind) or _parametric_type(dtype, column)
    if name is None:
        raise DatasetInvalid(
            f"column {column!r} has type {dtype}, which has no canonical form; "
            "cast it to numbers, text, dates, lists or structs, or leave it out",
            column=column,
            dtype=str(dtype),
        )
    return name


def _parametric_type(dtype: pl.DataType, column: str) -> str | None:
    match dtype:
        case pl.Null() | pl.Binary():
            return type(dtype).__name__.lower()
        case pl.Datetime():
            zone = "UTC" if dtype.time_zone in _UTC else dtype.time_zone
            return f"datetime[{dtype.time_unit},{zone!r}]"
        case pl.Duration():
            return f"duration[{dtype.time_unit}]"
        case pl.Decimal():
            return f"decimal[{dtype.precision},{dtype.scale}]"
        case pl.List():
            return f"list<{logical_type(_resolved(dtype.inner), column)}>"
        case pl.Array():
            return f"array[{dtype.size}]<{logical_type(_resolved(dtype.inner), column)}>"
        case pl.Struct():
            fields = sorted(
                (f.name, logical_type(_resolved(f.dtype), column)) for f in dtype.fields
            )
            return f"struct<{','.join(f'{name!r}:{inner}' for name, inner in fields)}>"
        case _:
            return None


def _resolved(dtype: Any) -> pl.DataType:
    resolved: pl.DataType = dtype() if isinstance(dtype, type) else dtype
    return resolved


def encoded_blocks(series: pl.Series, rows: int) -> Iterator[Iterable[Bytes]]:
    """Yield the canonical parts of each block of ``rows`` logical rows of ``series``.

    Parameters
    ----------
    series
        A column of a type that `logical_type` accepts.
    rows
        Rows of a block; the last block may be shorter.

    Yields
    ------
    iterable of numpy.ndarray
        One-dimensional uint8: validity first, then the payload. How many parts there are is fixed
        by the type alone; with each length-prefixed no two blocks of one type share their bytes.
    """
    contiguous = series.rechunk()
    starts = range(0, len(series), rows)
    if not _is_fixed(series.dtype):
        yield from (_parts(contiguous.slice(start, rows)) for start in starts)
        return
    # One conversion for the whole column: per block it would cost a fifth of the hashing.
    values = _physical_values(contiguous)
    present = contiguous.is_not_null().to_numpy() if contiguous.null_count() else None
    for start in starts:
        block = slice(start, start + rows)
        yield (
            _bitmap(None if present is None else present[block]),
            _little_endian(values[block]),
        )


def _is_fixed(dtype: pl.DataType) -> bool:
    return type(dtype) in _FIXED or isinstance(dtype, pl.Datetime | pl.Duration)


def _parts(block: pl.Series) -> Iterator[Bytes]:
    yield _bitmap(block.is_not_null().to_numpy() if block.null_count() else None)
    dtype = block.dtype
    if isinstance(dtype, pl.Null):
        yield _integers(np.array([len(block)]))
    elif _is_fixed(dtype):
        yield _little_endian(_physical_values(block))
    elif isinstance(dtype, pl.List | pl.Array):
        yield from _list_parts(block)
    elif isinstance(dtype, pl.Struct):
        yield from _struct_parts(block)
    elif isinstance(dtype, pl.Binary):
        yield _integers(block.bin.size().fill_null(0).to_numpy())
        yield _raw(b"".join(block.drop_nulls().to_list()))
    else:
        text = block.cast(pl.String)
        yield _integers(text.str.len_bytes().fill_null(0).to_numpy())
        # One text made by polars: a list of Python's would take five times as long.
        yield _raw((text.str.join("").item() or "").encode())


def _bitmap(present: np.ndarray[Any, Any] | None) -> Bytes:
    if present is None or present.all():
        return np.empty(0, dtype=np.uint8)
    return np.packbits(present, bitorder="little")


def _physical_values(series: pl.Series) -> np.ndarray[Any, Any]:
    physical = series.to_physical()
    if isinstance(physical.dtype, pl.Boolean):
        physical = physical.cast(pl.UInt8)
    if physical.null_count():
        physical = physical.fill_null(0)
    return physical.to_numpy()


def _little_endian(values: np.ndarray[Any, Any]) -> Bytes:
    if values.dtype.kind == "f":
        values = _one_nan_no_negative_zero(values)
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).view(np.uint8)


def _one_nan_no_negative_zero(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # Two reads instead of a copy: the minimum is NaN as soon as one value is, and -0 is the one
    # float whose bits are the smallest signed integer.
    bits = values.view(f"i{values.itemsize}")
    has_nan = bool(values.size) and bool(np.isnan(values.min()))
    has_negative_zero = bool(values.size) and bits.min() == np.iinfo(bits.dtype).min
    if not (has_nan or has_negative_zero):
        return values
    canonical: np.ndarray[Any, Any] = values + values.dtype.type(0)
    canonical[np.isnan(canonical)] = np.nan
    return canonical


def _list_parts(block: pl.Series) -> Iterator[Bytes]:
    as_list = block.arr.to_list() if isinstance(block.dtype, pl.Array) else block
    lengths = as_list.list.len().fill_null(0)
    yield _integers(lengths.to_numpy())
    # Exploding would turn an empty list into a null, so that only filled ones take part.
    yield from _parts(as_list.filter(lengths > 0).explode())


def _struct_parts(block: pl.Series) -> Iterator[Bytes]:
    present = block.filter(block.is_not_null())
    for name in sorted(block.struct.fields):
        yield from _parts(present.struct.field(name))


def _integers(values: np.ndarray[Any, Any]) -> Bytes:
    return np.ascontiguousarray(values, dtype="<u8").view(np.uint8)


def _raw(data: bytes) -> Bytes:
    return np.frombuffer(data, dtype=np.uint8)
