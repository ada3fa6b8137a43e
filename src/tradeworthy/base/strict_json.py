"""JSON read strictly: one reader for request bodies, manifests, answers and stored documents.

What decoders disagree about is refused, so that no two readers of one text see two contents (RFC
7493 asks for the same).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from functools import partial
from typing import Any, NoReturn

from tradeworthy.errors import InvalidInput, TradeworthyError

# Far beyond any text that means something; what goes through the content may be recursive.
DEEPEST = 100
_SHORT, _LONGEST = 300, 310


def read_json(
    text: bytes | str,
    *,
    what: str = "the body",
    refusal: type[TradeworthyError] = InvalidInput,
) -> Any:
    """Return what a JSON text says.

    Parameters
    ----------
    text
        One JSON value; bytes are UTF-8 without a byte order mark.
    what
        What the text is, for the message.
    refusal
        The error that refuses it.

    Raises
    ------
    TradeworthyError
        As ``refusal``: for a text that is not JSON, and for keys that stand twice, NaN, infinities,
        numbers beyond the range of a double, halves of surrogate pairs, and nesting beyond
        `DEEPEST`.

    Examples
    --------
    >>> read_json(b'{"version": 4}')
    {'version': 4}
    >>> read_json(b'{"version": 4, "version": 5}')
    Traceback (most recent call last):
    ...
    tradeworthy.errors.InvalidInput: the body has the key 'version' twice
    """
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        content = _decoder.decode(decoded)
        half_pairs = "\\u" in decoded or not decoded.isascii()
        if _check_depth(content, texts=half_pairs):
            # Only a number that overflowed is infinite by now: this names it.
            _naming_decoder.decode(decoded)
    except UnicodeDecodeError as error:
        raise refusal(f"{what} is not UTF-8 at byte {error.start}") from None
    except _Refused as refused:
        raise refusal(f"{what} {refused.reason}", **refused.details) from None
    except RecursionError:
        raise refusal(f"{what} {_TOO_DEEP}") from None
    except ValueError as error:
        raise refusal(f"{what} is not JSON: {error}") from None
    return content


_TOO_DEEP = f"is nested more than {DEEPEST} levels deep"


class _Refused(Exception):
    """Why a text is refused that a lenient decoder takes."""

    def __init__(self, reason: str, **details: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = details


def _single_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                shown = key[:80].encode(errors="replace").decode()
                raise _Refused(f"has the key {shown!r} twice", field=shown)
            seen.add(key)
    return content


def _refuse_number(text: str) -> NoReturn:
    raise _Refused(f"holds {text[:40]}, which is no number that JSON can hold")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse_number(text)


def _whole(text: str) -> int:
    # Longer ones are beyond the range of a double, and to read them takes quadratic time.
    if len(text) > _SHORT and (len(text) > _LONGEST or not math.isfinite(float(text))):
        _refuse_number(text)
    return int(text)


_strict_decoder = partial(
    json.JSONDecoder,
    object_pairs_hook=_single_keys,
    parse_constant=_refuse_number,
    parse_int=_whole,
)
_decoder = _strict_decoder()
_naming_decoder = _strict_decoder(parse_float=_finite)


def _check_depth(content: Any, *, texts: bool) -> bool:
    """Go through the content level by level; tell whether a number in it is infinite.

    Its texts are looked at only if one may be half a pair.
    """
    level, infinite = [content], False
    for _ in range(DEEPEST + 1):
        kinds = set(map(type, level))
        if float in kinds:
            infinite = infinite or math.inf in level or -math.inf in level
        if texts:
            _check_texts(level)
        if kinds.isdisjoint((dict, list)):
            return infinite
        containers = [each for each in level if isinstance(each, (dict, list))]
        level = [inner for each in containers for inner in _inside(each, keys=texts)]
    raise _Refused(_TOO_DEEP)


def _inside(container: dict[str, Any] | list[Any], *, keys: bool) -> Iterable[Any]:
    if isinstance(container, list):
        return container
    return [*container, *container.values()] if keys else container.values()


def _check_texts(values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError:
                raise _Refused("has a text with half of a surrogate pair") from None
