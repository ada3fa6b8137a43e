"""Every malformed request is refused with row and field; every well-formed one is read exactly."""

import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeworthy.errors import InvalidInput, PayloadTooLarge, TradeworthyError
from tradeworthy.serving.decoder import Decoder, make_decoder, parse_time

HASH = "a" * 64
DECODER = make_decoder(("class", "größe"), max_rows=3, max_bytes=100_000)


def refusal(body: bytes | str, decoder: Decoder = DECODER) -> TradeworthyError:
    with pytest.raises(TradeworthyError) as caught:
        decoder.decode(body if isinstance(body, bytes) else body.encode())
    return caught.value


def test_rows_are_read_in_the_order_of_the_inputs() -> None:
    body = '{"rows": [{"größe": 2, "class": -1.5}, {"class": 0, "größe": 1e-300}]}'
    request = DECODER.decode(body.encode())
    assert request.rows.dtype == np.float64
    assert request.rows.tolist() == [[-1.5, 2.0], [0.0, 1e-300]]
    assert (request.feature_graph_hash, request.event_time) == (None, None)


def test_hash_and_time_are_read() -> None:
    body = (
        f'{{"feature_graph_hash": "{HASH}", "event_time": "2024-01-31T16:00:00.5-05:00",'
        ' "rows": [{"class": 1, "größe": 2}]}'
    )
    request = DECODER.decode(body.encode())
    moment = datetime(2024, 1, 31, 21, 0, 0, 500_000, tzinfo=UTC)
    assert request.feature_graph_hash == HASH
    assert request.event_time == int(moment.timestamp() * 2) * 500_000_000


def test_escapes_mean_what_they_stand_for() -> None:
    body = rb'{"rows": [{"class": 1, "gr\u00f6\u00dfe": 2}], "event_time": "2024\u002d01-01"}'
    request = DECODER.decode(body)
    assert request.rows.tolist() == [[1.0, 2.0]]
    assert request.event_time == parse_time("2024-01-01", "event_time")


def in_row(value: object) -> str:
    return f'{{"rows": [{{"class": 1, "größe": 2}}, {{"class": 1, "größe": {value}}}]}}'


@pytest.mark.parametrize(
    "value",
    [
        *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400, "1" + "0" * 6000),
        *("null", "true", "false", '"2.5"', '""', "[1]", "{}", '{"größe": 1}'),
    ],
)
def test_value_that_is_no_finite_number_names_row_and_field(value: str) -> None:
    error = refusal(in_row(value))
    assert isinstance(error, InvalidInput)
    assert error.details == {"row": 1, "field": "größe"}
    assert "row 1" in error.message
    assert "größe" in error.message


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("{}", "class"),
        ('{"class": 1}', "größe"),
        ('{"größe": 1}', "class"),
        ('{"class": 1, "größe": 2, "extra": 3}', "extra"),
        ('{"class": 1, "größe": 2, "": 3}', ""),
        ('{"class": 1, "größe": 2, "class": 1}', "class"),
        (r'{"class": 1, "größe": 2, "cla\u0073s": 5}', "class"),
        (r'{"class": 1, "größe": 2, "gr\u00f6ße": 5}', "größe"),
    ],
)
def test_missing_extra_and_repeated_keys_name_row_and_field(row: str, field: str) -> None:
    error = refusal(f'{{"rows": [{{"class": 1, "größe": 2}}, {row}]}}')
    assert error.code == "invalid_input"
    assert error.details == {"row": 1, "field": field}


@pytest.mark.parametrize("row", ["[1, 2]", "1", "null", '"x"', "[]", "true"])
def test_row_of_another_form_names_the_row(row: str) -> None:
    error = refusal(f'{{"rows": [{row}]}}')
    assert error.code == "invalid_input"
    assert error.details == {"row": 0, "inputs": ["class", "größe"]}


GOOD = '"rows": [{"class": 1, "größe": 2}]'


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("{}", "rows"),
        ('{"rows": []}', "rows"),
        ('{"rows": null}', "rows"),
        ('{"rows": {"class": 1, "größe": 2}}', "rows"),
        ('{"rows": "class"}', "rows"),
        (f'{{{GOOD}, "model": 1}}', "model"),
        (f"{{{GOOD}, {GOOD}}}", "rows"),
        (f'{{{GOOD}, "entities": ["A"]}}', "entities"),
        (f'{{{GOOD}, "as_of": "2024-01-01"}}', "as_of"),
        (f'{{{GOOD}, "feature_graph_hash": null}}', "feature_graph_hash"),
        (f'{{{GOOD}, "feature_graph_hash": 5}}', "feature_graph_hash"),
        (f'{{{GOOD}, "feature_graph_hash": ""}}', "feature_graph_hash"),
        (f'{{{GOOD}, "feature_graph_hash": "{HASH}a"}}', "feature_graph_hash"),
        (f'{{{GOOD}, "event_time": 5}}', "event_time"),
        (f'{{{GOOD}, "event_time": ""}}', "event_time"),
        (f'{{{GOOD}, "event_time": "2024-01-31T16:00:00"}}', "event_time"),
        (f'{{{GOOD}, "event_time": "a", "event_time": "2024-01-01"}}', "event_time"),
        # Escaped colons of one text must not hide the colon of a second key.
        (
            f'{{{GOOD}, "feature_graph_hash": "a\\u003a", "feature_graph_hash": "a:"}}',
            "feature_graph_hash",
        ),
        ('{"entities": ["A"]}', "entities"),
        ('{"event_time": "2024-01-01"}', "rows"),
    ],
)
def test_wrong_top_level_names_the_field(body: bytes | str, field: str) -> None:
    error = refusal(body)
    assert error.code == "invalid_input"
    assert error.details["field"] == field


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"{", b"nul", b"null", b"[]", b"5", b'"rows"', b'{"rows"', b"{'rows': []}"),
        b"\xef\xbb\xbf" + in_row(1).encode(),
        in_row(1).encode("utf-16"),
        in_row(1).encode() + b"x",
        in_row(1).encode() + b"\x00",
        in_row("01").encode(),
        in_row("+1").encode(),
        in_row(".5").encode(),
        in_row("0x10").encode(),
        in_row("1,").encode(),
        in_row(1).encode("latin-1"),
        b'{"rows": [{"class": 1, "gr\xff": 2}]}',
        f'{{{GOOD}, "event_time": "'.encode() + b'\xff"}',
        f'{{{GOOD}, "event_time": "\\ud800"}}'.encode(),
        f'{{{GOOD}, "event_time": "\n"}}'.encode(),
        b"[" * 50_000,
        b'{"rows": ' + b"[" * 50_000,
        b'{"rows": [' + b'{"class": ' * 5_000,
        b'{"x": ' + b"[" * 40_000 + b"]" * 40_000 + b"}",
    ],
)
def test_what_is_not_a_request_is_refused(body: bytes) -> None:
    error = refusal(body)
    assert error.code == "invalid_input"
    assert len(error.message) < 300


def test_limits() -> None:
    assert refusal(b" " * 100_001).details == {"max_bytes": 100_000}
    rows = ", ".join(['{"class": 1, "größe": 2}'] * 4)
    for body in (f'{{"rows": [{rows}]}}', f'{{"rows": [{rows}, 5]}}'):
        error = refusal(body)
        assert isinstance(error, PayloadTooLarge)
        assert error.details["max_rows"] == 3


def test_range_of_the_model_is_kept() -> None:
    largest = float(np.finfo(np.float32).max)
    decoder = make_decoder(("x",), 3, 1000, largest)
    assert decoder.decode(f'{{"rows": [{{"x": {largest!r}}}]}}'.encode()).rows[0, 0] == largest
    for value in (math.nextafter(largest, math.inf), -1e39):
        error = refusal(f'{{"rows": [{{"x": {value!r}}}]}}', decoder)
        assert error.details == {"row": 0, "field": "x"}


@pytest.mark.parametrize(
    ("inputs", "rows", "size"),
    [
        *(((), 1, 1), (("a", "a"), 1, 1), (("a",), 0, 1), (("a",), 1, 0)),
        *((('"',), 1, 1), (("\\",), 1, 1), (("a\n",), 1, 1), (("\ud800",), 1, 1)),
    ],
)
def test_decoder_of_nothing_is_refused(inputs: tuple[str, ...], rows: int, size: int) -> None:
    with pytest.raises(InvalidInput):
        make_decoder(inputs, rows, size)


names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=r'"\\', min_codepoint=32),
    max_size=8,
)
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60)


@given(
    inputs=st.lists(names, min_size=1, max_size=5, unique=True),
    data=st.data(),
    ascii_only=st.booleans(),
)
def test_any_names_and_finite_numbers_are_read_exactly(
    inputs: list[str], data: st.DataObject, ascii_only: bool
) -> None:
    width = len(inputs)
    table = data.draw(
        st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=1, max_size=4)
    )
    order = data.draw(st.permutations(inputs))
    rows = [dict(zip(inputs, values, strict=True)) for values in table]
    body = json.dumps(
        {"rows": [{name: row[name] for name in order} for row in rows]}, ensure_ascii=ascii_only
    )
    request = make_decoder(tuple(inputs), 10, 100_000).decode(body.encode())
    assert request.rows.tolist() == [[float(value) for value in values] for values in table]


@pytest.mark.parametrize(
    "name", ["class", "None", "f0", "input_0", "rows", "__class__", "a:b", " "]
)
def test_names_that_mean_something_in_python_are_just_names(name: str) -> None:
    decoder = make_decoder((name, "other"), 3, 1000)
    body = json.dumps({"rows": [{name: 1, "other": 2}]}).encode()
    assert decoder.decode(body).rows.tolist() == [[1.0, 2.0]]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["rows", "class", "größe", "event_time", "entities", "as_of", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_answered_or_refused(value: object) -> None:
    try:
        request = DECODER.decode(json.dumps(value).encode())
    except (InvalidInput, PayloadTooLarge):
        return
    assert np.isfinite(request.rows).all()


@given(place=st.integers(0, len(in_row(1).encode()) - 1), byte=st.integers(0, 255))
def test_one_changed_byte_never_raises_anything_else(place: int, byte: int) -> None:
    body = bytearray(in_row(1).encode())
    body[place] = byte
    try:
        request = DECODER.decode(bytes(body))
    except InvalidInput:
        return
    expected = json.loads(bytes(body))
    assert request.rows[:, 0].tolist() == [row["class"] for row in expected["rows"]]


@given(copies=st.lists(st.sampled_from(["class", "größe"]), max_size=3), data=st.data())
def test_repeated_keys_are_always_refused(copies: list[str], data: st.DataObject) -> None:
    keys = data.draw(st.permutations(["class", "größe", *copies]))
    row = ", ".join(f'"{key}": {index}' for index, key in enumerate(keys))
    body = f'{{"rows": [{{{row}}}], "event_time": "2024-01-01T00:00:00Z"}}'.encode()
    if copies:
        assert "twice" in refusal(body).message
    else:
        assert DECODER.decode(body).rows.shape == (1, 2)


def test_many_keys_take_no_quadratic_time() -> None:
    # A comparison of every key with every other would take minutes.
    body = b'{"rows": [{' + b",".join(b'"k%d":1' % i for i in range(200_000)) + b',"k0":1}]}'
    error = refusal(body, make_decoder(("class",), 3, 10_000_000))
    assert error.details == {"row": 0, "field": "k0"}


@given(st.integers(-8_000_000_000_000_000, 7_000_000_000_000_000))
def test_times_are_read_to_the_microsecond(microseconds: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    whole = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    assert parse_time(moment.date().isoformat(), "t") == round(whole.timestamp()) * 10**9
    assert parse_time(moment.isoformat(), "t") == microseconds * 1000


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2024", "2024-13-01", "2024-02-30", "20240131", "2024-W01-1", "0000-01-01"),
        *("2024-01-31T16:00", "2024-01-31T25:00Z", "2024-01-31T16:00:61Z", "2024-01-31Z"),
        *("2024-01-31T16:00:00.1234567890Z", "1600-01-01", "2300-01-01", "٢٠٢٤-01-01"),
        *("2024-01-31T16:00+25:00", "2024-01-31T16:00+05", "1706659200", "2024-01-31 "),
    ],
)
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_time(text, "event_time")
    assert caught.value.details == {"field": "event_time"}
