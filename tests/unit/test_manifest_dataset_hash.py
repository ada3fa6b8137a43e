"""The dataset hash: blind to the writer, the chunks and the payloads, and to nothing else."""

from __future__ import annotations

import datetime as dt
import json
import math
import struct
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.errors import DatasetInvalid
from tradeworthy.manifest.dataset_columns import combine_columns
from tradeworthy.manifest.dataset_diff import diff_datasets
from tradeworthy.manifest.dataset_digest import (
    BLOCK_ROWS,
    dataset_digest,
    dataset_hash,
)

ANSWERS = json.loads(
    (Path(__file__).parents[1] / "answers" / "provenance_digests.json").read_text(encoding="utf-8")
)

FLOATS = st.one_of(st.none(), st.floats(), st.sampled_from([0.0, -0.0, math.nan, -math.inf]))
INTEGERS = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))
WORDS = st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=5))
LISTS = st.one_of(st.none(), st.lists(INTEGERS, max_size=3))
RECORDS = st.one_of(st.none(), st.fixed_dictionaries({"x": INTEGERS, "y": WORDS}))


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 30))

    def column(values: st.SearchStrategy, kind: pa.DataType) -> pa.Array:
        return pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), kind)

    return pa.table(
        {
            "f": column(FLOATS, pa.float64()),
            "i": column(INTEGERS, pa.int64()),
            "s": column(WORDS, pa.string()),
            "b": column(st.one_of(st.none(), st.booleans()), pa.bool_()),
            "l": column(LISTS, pa.list_(pa.int64())),
            "r": column(RECORDS, pa.struct([("x", pa.int64()), ("y", pa.string())])),
            "d": column(st.one_of(st.none(), st.dates()), pa.date32()),
            "raw": column(st.one_of(st.none(), st.binary(max_size=4)), pa.binary()),
        }
    )


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(tables(), st.integers(0, 30), st.permutations(list(range(8))))
def test_the_writer_the_chunks_and_the_column_order_leave_no_trace(
    table: pa.Table, cut: int, order: list[int]
) -> None:
    expected = dataset_hash(table)
    chunked = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    frame = pl.DataFrame(table)
    assert dataset_hash(frame) == expected
    assert dataset_hash(chunked) == expected
    assert dataset_hash(chunked.to_reader()) == expected
    assert dataset_hash(table.select([table.column_names[i] for i in order])) == expected
    assert dataset_hash(pl.concat([frame[:cut], frame[cut:]], rechunk=False)) == expected
    assert dataset_hash(pl.concat([frame, frame])[frame.height :]) == expected


@settings(deadline=None)
@given(st.lists(WORDS, max_size=20))
def test_dictionaries_large_and_view_types_are_their_values(words: list[str | None]) -> None:
    plain = pa.array(words, pa.string())
    kinds = [pa.large_string(), pa.string_view()]
    layouts = [plain.cast(kind) for kind in kinds] + [plain.dictionary_encode()]
    expected = dataset_hash(pa.table({"s": plain}))
    assert {dataset_hash(pa.table({"s": layout})) for layout in layouts} == {expected}
    assert dataset_hash(pl.DataFrame({"s": pl.Series(words, dtype=pl.Categorical)})) == expected
    enum = pl.Enum(sorted({word for word in words if word is not None}))
    assert dataset_hash(pl.DataFrame({"s": pl.Series(words, dtype=enum)})) == expected


@settings(deadline=None)
@given(st.lists(st.tuples(INTEGERS, FLOATS), min_size=1, max_size=20), st.data())
def test_any_changed_value_changes_the_hash_and_only_its_column(
    rows: list[tuple[int | None, float | None]], data: st.DataObject
) -> None:
    schema = {"i": pl.Int64, "f": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    place = data.draw(st.integers(0, len(rows) - 1))
    old = rows[place][0]
    new = data.draw(INTEGERS.filter(lambda value: value != old))
    changed = [*rows]
    changed[place] = (new, rows[place][1])
    other = pl.DataFrame(changed, schema=schema, orient="row")
    differences = diff_datasets(dataset_digest(frame), dataset_digest(other))
    assert [difference.column for difference in differences] == ["i"]


def test_the_hash_is_what_the_specification_says_byte_by_byte() -> None:
    frame = pl.DataFrame(
        {
            "b": [1.5, math.nan, -0.0],
            "a": ["x", None, "yz"],
            "n": pl.Series([1, None, -1], dtype=pl.Int32),
        }
    )
    assert dataset_hash(frame) == ANSWERS["dataset_hash"]


def test_nested_values_are_hashed_as_the_specification_says() -> None:
    frame = pl.DataFrame(
        {"l": [[1], [], None, [None, 2]], "r": [{"x": 1}, None, {"x": None}, {"x": 4}]}
    )
    assert dataset_hash(frame) == ANSWERS["nested_dataset_hash"]


def test_a_null_in_one_block_leaves_the_leaves_of_the_others_alone() -> None:
    values = pl.Series("x", np.arange(2 * BLOCK_ROWS))
    holed = values.set(values == 3, None)
    plain, with_null = (dataset_digest(series).columns[0].leaves for series in (values, holed))
    assert plain[1] == with_null[1]
    assert plain[0] != with_null[0]


def test_every_nan_is_one_and_zero_has_no_sign_but_null_is_not_nan() -> None:
    bits = [0x7FF8000000000000, 0x7FF8000000000001, 0xFFF8000000000000, 0x7FFFFFFFFFFFFFFF]
    nans = [np.array([struct.unpack("<d", struct.pack("<Q", b))[0]]) for b in bits]
    assert len({dataset_hash(pl.Series("x", nan)) for nan in nans}) == 1
    for dtype in (pl.Float64, pl.Float32):
        minus = pl.Series("x", [-0.0, 1.0], dtype=dtype)
        assert dataset_hash(minus) == dataset_hash(pl.Series("x", [0.0, 1.0], dtype=dtype))
    assert dataset_hash(pl.Series("x", [math.nan])) != dataset_hash(
        pl.Series("x", [None], dtype=pl.Float64)
    )


def test_null_payloads_do_not_count() -> None:
    validity = pa.py_buffer(b"\x01")
    left, right = (
        pa.Array.from_buffers(
            pa.int64(), 2, [validity, pa.py_buffer(struct.pack("<qq", 5, payload))]
        )
        for payload in (7, 8)
    )
    assert dataset_hash(pa.table({"x": left})) == dataset_hash(pa.table({"x": right}))


TYPED = (
    pl.Series("x", [1], dtype=pl.Int32),
    pl.Series("x", [1], dtype=pl.Int64),
    pl.Series("x", [1], dtype=pl.UInt8),
    pl.Series("x", [1], dtype=pl.Int128),
    pl.Series("x", [1.0], dtype=pl.Float32),
    pl.Series("x", [1.0], dtype=pl.Float64),
    pl.Series("x", [True]),
    pl.Series("x", ["1"]),
    pl.Series("x", [b"1"]),
    pl.Series("x", [None]),
    pl.Series("x", [dt.date(1970, 1, 2)]),
    pl.Series("x", [dt.time(0, 0, 1)]),
    pl.Series("x", [dt.datetime(1970, 1, 2)], dtype=pl.Datetime("us")),  # noqa: DTZ001
    pl.Series("x", [dt.datetime(1970, 1, 2)], dtype=pl.Datetime("ms")),  # noqa: DTZ001
    pl.Series("x", [dt.datetime(1970, 1, 2, tzinfo=dt.UTC)], dtype=pl.Datetime("us", "UTC")),
    pl.Series("x", [dt.timedelta(seconds=1)], dtype=pl.Duration("us")),
    pl.Series("x", [Decimal("1.0")], dtype=pl.Decimal(10, 1)),
    pl.Series("x", [Decimal("1.00")], dtype=pl.Decimal(10, 2)),
    pl.Series("x", [[1]], dtype=pl.List(pl.Int64)),
    pl.Series("x", [[1]], dtype=pl.Array(pl.Int64, 1)),
    pl.Series("x", [{"a": 1}]),
    pl.Series("x", [{"b": 1}]),
)


def test_the_type_is_part_of_the_hash() -> None:
    assert len({dataset_hash(series) for series in TYPED}) == len(TYPED)
    for series in TYPED:
        assert dataset_hash(series) == dataset_hash(series.to_frame())


def test_lists_and_structs_keep_their_nulls_apart() -> None:
    lists = [[[None]], [[]], [None], [[1]]]
    structs = [[{"a": None}], [None]]
    hashes = {dataset_hash(pl.Series("x", v, dtype=pl.List(pl.Int64))) for v in lists}
    hashes |= {
        dataset_hash(pl.Series("x", v, dtype=pl.Struct({"a": pl.Int64}), strict=False))
        for v in structs
    }
    assert len(hashes) == len(lists) + len(structs)


def _values(dtype: pl.DataType) -> list[object]:
    """Every small value of a type, null and the empty among them."""
    if isinstance(dtype, pl.List):
        inner = _values(dtype.inner)  # type: ignore[arg-type]
        return [None, [], *([a] for a in inner), *([a, b] for a in inner for b in inner)]
    if isinstance(dtype, pl.Array):
        inner = _values(dtype.inner)  # type: ignore[arg-type]
        return [None, *([a, b] for a in inner for b in inner)]
    if isinstance(dtype, pl.Struct):
        first, second = (_values(field.dtype) for field in dtype.fields)  # type: ignore[arg-type]
        return [None, *({"b": a, "a": b} for a in first for b in second)]
    smallest = {
        pl.String: ["", "0", "00"],
        pl.Binary: [b"", b"0", b"00"],
        pl.Boolean: [False, True],
        pl.Decimal: [Decimal("0.0"), Decimal("-0.1")],
        pl.Float64: [0.0, math.inf],
    }
    return [None, *smallest.get(type(dtype), [0, 1])]  # type: ignore[misc]


NESTED = [
    pl.List(pl.String()),
    pl.List(pl.Binary()),
    pl.List(pl.Decimal(9, 1)),
    pl.List(pl.List(pl.Boolean())),
    pl.Array(pl.String(), 2),
    pl.List(pl.Array(pl.Boolean(), 2)),
    pl.Array(pl.List(pl.Boolean()), 2),
    pl.Struct({"b": pl.String(), "a": pl.Float64()}),
    pl.List(pl.Struct({"b": pl.Boolean(), "a": pl.Boolean()})),
    pl.Struct({"b": pl.List(pl.Boolean()), "a": pl.Boolean()}),
]


@pytest.mark.parametrize("dtype", NESTED, ids=str)
def test_no_two_small_columns_share_a_hash(dtype: pl.DataType) -> None:
    values = _values(dtype)
    columns = [[value] for value in values]
    columns += [[a, b] for a in values[:12] for b in values[:12]]
    hashes = {dataset_hash(pl.Series("x", rows, dtype=dtype)) for rows in columns}
    assert len(hashes) == len(columns)


def test_columns_and_fields_are_sorted_by_name() -> None:
    digest = dataset_digest(pl.DataFrame({"b": [1], "c": [2], "a": [3]}))
    assert [column.name for column in digest.columns] == ["a", "b", "c"]
    record, turned = pl.Series("r", [{"a": 1, "b": 2}]), pl.Series("r", [{"b": 2, "a": 1}])
    assert dataset_hash(record) == dataset_hash(turned)
    assert dataset_hash(record) != dataset_hash(pl.Series("r", [{"a": 2, "b": 1}]))


def test_utc_is_one_zone_under_all_its_names() -> None:
    noon = dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC)
    names = ["UTC", "Etc/UTC", "Zulu", "Etc/Universal"]
    assert len({_at(noon, name) for name in names}) == 1
    assert len({_at(noon, name) for name in ("UTC", "Europe/London", "Etc/GMT-2")}) == 3


def _at(moment: dt.datetime, zone: str) -> str:
    return dataset_hash(pl.Series("x", [moment]).dt.convert_time_zone(zone))


def test_text_cannot_slide_between_rows_and_rows_cannot_swap() -> None:
    tables_ = [["ab", "c"], ["a", "bc"], ["c", "ab"], ["", "abc"], ["abc", ""], ["abc", None]]
    assert len({dataset_hash(pl.Series("x", values)) for values in tables_}) == len(tables_)


def test_empty_tables_have_hashes_of_their_own() -> None:
    empty = [
        pl.DataFrame(),
        pl.DataFrame({"x": []}, schema={"x": pl.Int64}),
        pl.DataFrame({"x": []}, schema={"x": pl.Int32}),
        pl.DataFrame({"y": []}, schema={"y": pl.Int64}),
        pl.DataFrame(height=3),
    ]
    assert len({dataset_hash(table) for table in empty}) == len(empty)
    assert dataset_digest(empty[1]).columns[0].leaves == ()


def test_a_difference_names_the_column_the_block_and_the_rows() -> None:
    days = np.arange(2 * BLOCK_ROWS + 5)
    changed = days.copy()
    changed[BLOCK_ROWS] += 1
    old = dataset_digest(pl.DataFrame({"day": days, "one": 1, "gone": 0}))
    new = dataset_digest(pl.DataFrame({"day": changed, "one": 1.0, "more": 0}))
    reported = {
        d.column: (d.detail, d.block, d.first_row, d.last_row) for d in diff_datasets(old, new)
    }
    assert reported == {
        "day": ("values differ in block 1", 1, BLOCK_ROWS, 2 * BLOCK_ROWS - 1),
        "one": ("int32 against float64", None, None, None),
        "gone": ("only in the first table", None, None, None),
        "more": ("only in the second table", None, None, None),
    }


def test_a_difference_in_length_names_the_last_rows() -> None:
    long = dataset_digest(pl.DataFrame({"x": np.zeros(BLOCK_ROWS + 3)}))
    short = dataset_digest(pl.DataFrame({"x": np.zeros(BLOCK_ROWS)}))
    (difference,) = diff_datasets(long, short)
    assert difference.detail == "block 1 only in the first table"
    assert (difference.first_row, difference.last_row) == (BLOCK_ROWS, BLOCK_ROWS + 2)
    assert diff_datasets(dataset_digest(pl.DataFrame()), dataset_digest(pl.DataFrame(height=2)))
    assert diff_datasets(long, long) == ()


def test_the_columns_alone_give_the_hash() -> None:
    digest = dataset_digest(pl.DataFrame({"b": [1], "a": ["x"]}))
    columns = [(c.name, c.dtype, c.digest) for c in reversed(digest.columns)]
    assert combine_columns(1, columns) == digest.hash
    assert combine_columns(2, columns) != digest.hash


class Unreadable:
    """A table whose connection has gone."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        raise RuntimeError("no more rows")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pl.DataFrame({"who": pl.Series([object()], dtype=pl.Object)}), "column 'who' has type"),
        (pa.table({"m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))}), "column 'm'"),
        (pa.table([[1], [2]], names=["a", "a"]), "cannot be read through Arrow"),
        (pa.table({"r": pa.RunEndEncodedArray.from_arrays([2], [7])}), "through Arrow"),
        (Unreadable(), "through Arrow: RuntimeError: no more rows"),
        (
            pa.table({"price": pa.array([Decimal("1.50")], pa.decimal32(9, 2))}),
            "column 'price' cannot be read",
        ),
        (pl.LazyFrame({"a": [1]}), "call .collect"),
        ([[1, 2]], "list is not a table"),
        (None, "NoneType is not a table"),
    ],
)
def test_what_has_no_canonical_form_is_refused_by_name(table: object, message: str) -> None:
    with pytest.raises(DatasetInvalid, match=message) as caught:
        dataset_hash(table)  # type: ignore[arg-type]
    assert caught.value.code == "dataset_invalid"


def test_an_arrow_array_is_a_table_of_one_column() -> None:
    assert dataset_hash(pa.chunked_array([[1, 2], [3]])) == dataset_hash(pl.Series([1, 2, 3]))
