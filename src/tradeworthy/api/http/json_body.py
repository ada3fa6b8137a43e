"""The JSON body of a request, read strictly: UTF-8, no key twice, no NaN, not nested for ever."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from fastapi import Request

from tradeworthy.errors import InvalidInput

# Far beyond any body that means something; what reads it may be recursive.
DEEPEST = 100
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class JsonRequest(Request):
    """A request whose body was read and understood already.

    Parameters
    ----------
    request
        The request as it came.
    body
        Its body.
    content
        What the body says.
    """

    def __init__(self, request: Request, body: bytes, content: Any) -> None:
        super().__init__(request.scope)
        self._bytes = body
        self._content = content

    async def body(self) -> bytes:
        """Return the body as it came."""
        return self._bytes

    async def json(self) -> Any:
        """Return what the body says."""
        return self._content


def read_json(body: bytes) -> Any:
    """Return what a JSON body says.

    Raises
    ------
    InvalidInput
        For anything but one JSON text in UTF-8 without a byte order mark, and for what JSON
        decoders disagree about: keys that stand twice, NaN, numbers beyond the range of a double,
        halves of surrogate pairs, and nesting beyond `DEEPEST`.

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
        content = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_single_keys,
            parse_constant=_refuse_number,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the body is not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise InvalidInput(f"the body is not JSON: {error}") from None
    _check_texts_and_depth(content, texts=_SURROGATE.search(body) is not None)
    return content


def _single_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise InvalidInput(f"the body has the key {key[:80]!r} twice", field=key[:80])
            seen.add(key)
    return content


def _refuse_number(text: str) -> NoReturn:
    raise InvalidInput(f"the body holds {text[:40]}, which is no number that JSON can hold")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse_number(text)


def _too_deep() -> InvalidInput:
    return InvalidInput(f"the body is nested more than {DEEPEST} levels deep")


def _check_texts_and_depth(content: Any, *, texts: bool) -> None:
    """Go through the body level by level; through its texts only if one may be half a pair."""
    level = [content]
    for _ in range(DEEPEST + 1):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += each.values()
                if texts:
                    below += each
            elif isinstance(each, list):
                below += each
            elif texts and isinstance(each, str):
                _check_text(each)
        if not below:
            return
        level = below
    raise _too_deep()


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("the body has a text with half of a surrogate pair") from None
