"""From the bytes of a predict request to rows, by a decoder made for one model's inputs.

The fast path is one msgspec decode into a type generated from the inputs. When that refuses a
body, or cannot vouch that no key stands twice, the body is read again by the standard library,
key by key, to name row and field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any, Final, NoReturn, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import astuple

from tradeworthy.errors import InvalidInput, PayloadTooLarge

FloatArray: TypeAlias = npt.NDArray[np.float64]
Text: TypeAlias = str | msgspec.UnsetType

FLOAT64_MAX: Final = float(np.finfo(np.float64).max)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d))?",
    re.ASCII,
)
_UNSPEAKABLE: Final = re.compile(r'["\\\x00-\x1f\ud800-\udfff]')
_HASH_DIGITS: Final = 64
_TEXTS: Final = ("feature_graph_hash", "event_time")
_NANOSECONDS: Final = range(-(2**63) + 1, 2**63)


class DecodedRequest(msgspec.Struct, frozen=True, gc=False):
    """A decoded request: rows that the client computed.

    Attributes
    ----------
    rows
        float64 ``[n, k]`` in the order of the model's inputs.
    feature_graph_hash
        Hash of the code that computed the rows, as sent.
    event_time
        Nanoseconds since 1970 in UTC that the rows speak of; None means now.
    """

    rows: FloatArray
    feature_graph_hash: str | None
    event_time: int | None


class Decoder:
    """Decode requests of one model. Immutable and safe to share between threads.

    Attributes
    ----------
    inputs
        Feature names in the model's order.
    max_rows, max_bytes
        Limits; beyond them the answer is 413.
    """

    __slots__ = ("_decode", "_width", "inputs", "largest", "max_bytes", "max_rows")

    def __init__(
        self, inputs: tuple[str, ...], max_rows: int, max_bytes: int, largest: float
    ) -> None:
        self.inputs = inputs
        self.max_rows = max_rows
        self.max_bytes = max_bytes
        self.largest = largest
        self._width = len(inputs)
        self._decode = msgspec.json.Decoder(_body_type(inputs, largest)).decode

    def decode(self, body: bytes) -> DecodedRequest:
        """Decode ``body``.

        Raises
        ------
        InvalidInput
            For anything but one JSON object with rows, every number finite, every input present
            exactly once and nothing else; names row and field.
        PayloadTooLarge
            Beyond `max_bytes` or `max_rows`.
        """
        if len(body) > self.max_bytes:
            raise too_many_bytes(self.max_bytes)
        try:
            parsed = self._decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._refuse_faults(body)
            raise InvalidInput(f"the body is not understood: {error}") from None
        if not self._keys_are_single(body, parsed):
            self._refuse_faults(body)
        sent_hash = _given(parsed.feature_graph_hash)
        # Its digits are compared with the bound hash's, so that another text is another code's.
        if sent_hash is not None and len(sent_hash) != _HASH_DIGITS:
            _refuse("feature_graph_hash is not 64 hexadecimal digits", "feature_graph_hash")
        if len(parsed.rows) > self.max_rows:
            raise _too_many_rows(len(parsed.rows), self.max_rows)
        event_time = _time(parsed.event_time, "event_time")
        return DecodedRequest(self._array(parsed.rows), sent_hash, event_time)

    def _array(self, rows: Sequence[Any]) -> FloatArray:
        count = len(rows) * self._width
        flat = np.fromiter(chain.from_iterable(map(astuple, rows)), np.float64, count)
        return flat.reshape(len(rows), self._width)

    def _keys_are_single(self, body: bytes, parsed: Any) -> bool:
        """Tell whether the body's colons are just those of its distinct keys and its texts.

        JSON decoders keep the last of two equal keys. Every key costs one colon outside of
        texts, so a second one shows in the count; a backslash could hide a colon of a text.
        """
        expected = 1 + len(parsed.rows) * self._width
        for text in (parsed.feature_graph_hash, parsed.event_time):
            if text is not msgspec.UNSET:
                expected += 1 + text.count(":")
        return body.count(b":") == expected and b"\\" not in body

    def _refuse_faults(self, body: bytes) -> None:
        content = _read(body)
        _check_top(content)
        _check_rows(content["rows"], self.max_rows)
        for index, row in enumerate(content["rows"]):
            _check_row(index, row, self.inputs, self.largest)


def make_decoder(
    inputs: tuple[str, ...],
    max_rows: int,
    max_bytes: int,
    largest: float = FLOAT64_MAX,
) -> Decoder:
    """Make the decoder of a model with these inputs.

    Parameters
    ----------
    inputs
        Feature names in the model's order: any texts without quotes, backslashes and control
        characters, each once.
    max_rows
        Rows a request, at least 1.
    max_bytes
        Bytes a body, at least 1.
    largest
        Greatest magnitude the model's number type holds; float64's by default.

    Raises
    ------
    InvalidInput
        For no inputs, a repeated or unusable name, or limits below 1.

    Examples
    --------
    >>> decoder = make_decoder(("momentum", "volatility"), max_rows=100, max_bytes=10_000)
    >>> body = b'{"rows": [{"volatility": 0.2, "momentum": 1}], "event_time": "2024-01-31"}'
    >>> request = decoder.decode(body)
    >>> request.rows, request.event_time
    (array([[1. , 0.2]]), 1706659200000000000)
    """
    if not inputs or len(set(inputs)) != len(inputs):
        raise InvalidInput("a model needs inputs, each named once", inputs=list(inputs))
    bad = next((name for name in inputs if _UNSPEAKABLE.search(name)), None)
    if bad is not None:
        raise InvalidInput(
            f"the input name {bad!r} has a quote, a backslash or a control character; rename it"
        )
    if max_rows < 1 or max_bytes < 1:
        raise InvalidInput("max_rows and max_bytes must be at least 1")
    return Decoder(inputs, max_rows, max_bytes, largest)


def too_many_bytes(limit: int) -> PayloadTooLarge:
    """Build the error of a body beyond ``limit`` bytes."""
    return PayloadTooLarge(
        f"the body is larger than {limit} bytes; send fewer rows a request", max_bytes=limit
    )


@lru_cache(maxsize=1024)  # the rows of one bar carry one time
def parse_time(text: str, field: str) -> int:
    """Read a date or a time with an offset as nanoseconds since 1970 in UTC.

    A date means its midnight in UTC.

    Raises
    ------
    InvalidInput
        For another form, a time without an offset, and years outside 1678 to 2261.

    Examples
    --------
    >>> parse_time("1970-01-01T01:00:00.000000007+01:00", "event_time")
    7
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise _bad_time(text, field)
    date, clock, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{clock or '00:00'}{(offset or 'Z').upper()}")
        seconds = (moment - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        raise _bad_time(text, field) from None
    nanoseconds = seconds * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
    if nanoseconds not in _NANOSECONDS:
        raise _bad_time(text, field)
    return nanoseconds


def _given(text: Text) -> str | None:
    return None if isinstance(text, msgspec.UnsetType) else text


def _time(text: Text, field: str) -> int | None:
    return None if isinstance(text, msgspec.UnsetType) else parse_time(text, field)


def _bad_time(text: str, field: str) -> InvalidInput:
    return InvalidInput(
        f"{field}: {text[:40]!r} is neither a date nor an ISO 8601 time with an offset, such as "
        "2024-01-31 or 2024-01-31T16:00:00-05:00",
        field=field,
    )


def _body_type(inputs: tuple[str, ...], largest: float) -> type[Any]:
    """Make the struct of a body; feature names are any text, so fields have plain names."""
    number = Annotated[float, msgspec.Meta(ge=-largest, le=largest)]
    fields = [(f"input_{index}", number) for index in range(len(inputs))]
    row = msgspec.defstruct(
        "Row",
        fields,
        rename={field: name for (field, _), name in zip(fields, inputs, strict=True)},
        forbid_unknown_fields=True,
        frozen=True,
        gc=False,
    )
    row_list = Annotated[list[row], msgspec.Meta(min_length=1)]  # type: ignore[valid-type]
    return msgspec.defstruct(
        "Body",
        [
            ("rows", row_list),
            *((name, Text, msgspec.UNSET) for name in _TEXTS),
        ],
        forbid_unknown_fields=True,
        gc=False,
    )


class _Object(dict[str, Any]):
    """A JSON object that remembers a key that stood twice."""

    repeated: str | None = None


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    content = _Object(pairs)
    if len(content) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                content.repeated = name
            seen.add(name)
    return content


def _read(body: bytes) -> Any:
    try:
        # Every number becomes a float, a long integer an infinite one.
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=float,
            parse_constant=_Constant,
        )
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the body is not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise InvalidInput("the body is nested too deeply") from None
    except ValueError as error:
        raise InvalidInput(f"the body is not JSON: {error}") from None


class _Constant(str):
    """NaN, Infinity or -Infinity, as it stood in the body."""


def _check_top(content: Any) -> None:
    if not isinstance(content, _Object):
        raise InvalidInput(f"the body is {_kind(content)}, not an object with rows")
    _refuse_repeated(content, "the body")
    known = {"rows", *_TEXTS}
    for field in content:
        if field not in known:
            _refuse(f"the body has the unknown field {field[:80]!r}", field)
    if "rows" not in content:
        _refuse("the body has no rows: send one object of inputs for each", "rows")
    for field in _TEXTS:
        if field in content and type(content[field]) is not str:
            _refuse(f"{field} is {_kind(content[field])}, not a text", field)


def _check_rows(rows: Any, limit: int) -> None:
    if not isinstance(rows, list):
        _refuse(f"rows is {_kind(rows)}, not an array", "rows")
    if not rows:
        _refuse("rows is empty", "rows")
    if len(rows) > limit:
        raise _too_many_rows(len(rows), limit)


def _check_row(index: int, row: Any, inputs: tuple[str, ...], largest: float) -> None:
    if not isinstance(row, _Object):
        raise InvalidInput(
            f"row {index} is {_kind(row)}, not an object with the model's {len(inputs)} inputs",
            row=index,
            inputs=list(inputs),
        )
    _refuse_repeated(row, f"row {index}", index)
    for name in inputs:
        if name not in row:
            _refuse(f"row {index} lacks {name!r}", name, index)
    if len(row) != len(inputs):
        extra = next(name for name in row if name not in set(inputs))
        _refuse(f"row {index} has {extra[:80]!r}, which is no input of the model", extra, index)
    for name in inputs:
        value = row[name]
        if type(value) is not float:
            _refuse(f"row {index}, {name!r} is {_kind(value)}, not a number", name, index)
        if not abs(value) <= largest:
            problem = f"is beyond the model's range, a magnitude of {largest:.9g}"
            _refuse(f"row {index}, {name!r} {problem}", name, index)


def _refuse_repeated(content: _Object, where: str, row: int | None = None) -> None:
    if content.repeated is not None:
        name = content.repeated
        _refuse(f"{where} has {name[:80]!r} twice", name, row)


def _refuse(message: str, field: str, row: int | None = None) -> NoReturn:
    if row is None:
        raise InvalidInput(message, field=field)
    raise InvalidInput(message, row=row, field=field)


def _too_many_rows(count: int, limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"{count} rows are more than {limit}; send several requests", rows=count, max_rows=limit
    )


def _kind(value: Any) -> str:
    if isinstance(value, _Constant):
        return f"{value}, which JSON does not have"
    kinds = {
        dict: "an object",
        list: "an array",
        str: "a text",
        float: "a number",
        bool: "a boolean",
    }
    if isinstance(value, str) and not value:
        return "an empty text"
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), "null")
