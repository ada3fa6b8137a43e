"""The primitive encoder: every value typed and length-prefixed, so that no two values collide.

The encoding is plain ASCII text, so that a canonical form can be stored in JSON as it was hashed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from tradeworthy.errors import FeatureLogicRefused

NOTHING = "n"


def atom(kind: str, text: str) -> str:
    """Encode a piece of text under a one-letter type.

    Examples
    --------
    >>> atom("s", "close")
    's5:close'
    """
    return f"{kind}{len(text)}:{text}"


def string(text: str) -> str:
    """Encode a string; escapes keep lone surrogates and non-ASCII text apart and printable."""
    return atom("s", text.encode("unicode_escape").decode("ascii"))


def sequence(parts: Sequence[str]) -> str:
    """Encode an ordered list of encodings.

    Examples
    --------
    >>> sequence([string("a;b")]) == sequence([string("a"), string("b")])
    False
    """
    return f"[{len(parts)}:{''.join(parts)}]"


def form(tag: str, *parts: str) -> str:
    """Encode a tagged tuple of encodings.

    Examples
    --------
    >>> form("Return", scalar(20))
    '(6:Return1:i4:0x14)'
    """
    return f"({len(tag)}:{tag}{len(parts)}:{''.join(parts)})"


def scalar(value: object) -> str:
    """Encode a literal by its exact type: 1, 1.0 and True differ, and so do 0.0 and -0.0.

    Raises
    ------
    FeatureLogicRefused
        For a type outside the closed list of Python's literals.
    """
    simple = {None: NOTHING, True: "T", False: "F", ...: "e"}
    if value is None or value is ... or isinstance(value, bool):
        return simple[value]
    if type(value) is int:
        return atom("i", hex(value))
    if type(value) is float:
        return atom("f", value.hex())
    if type(value) is complex:
        return form("complex", scalar(value.real), scalar(value.imag))
    if type(value) is str:
        return string(value)
    if type(value) is bytes:
        return atom("y", value.hex())
    raise FeatureLogicRefused(
        f"a value of type {type(value).__name__} has no canonical form; "
        "use numbers, strings, dates, tuples, lists, sets or dicts of them",
        reason="unknown_value",
    )


def value_form(value: object, depth: int = 0) -> str:
    """Encode a live value of a closed list of types; sets and dicts are sorted by encoding.

    Raises
    ------
    FeatureLogicRefused
        For any other type, and for values nested deeper than 50 levels.

    Examples
    --------
    >>> value_form({"b", "a"}) == value_form({"a", "b"})
    True
    >>> value_form((1,)) == value_form([1])
    False
    """
    if depth > 50:
        raise FeatureLogicRefused(
            "a value is nested deeper than 50 levels; flatten it", reason="unknown_value"
        )
    kind = type(value)
    if kind in (tuple, list):
        items: Sequence[object] = value  # type: ignore[assignment]
        return form(kind.__name__, *(value_form(item, depth + 1) for item in items))
    if kind in (set, frozenset):
        members: frozenset[object] = value  # type: ignore[assignment]
        return form(kind.__name__, *sorted(value_form(item, depth + 1) for item in members))
    if isinstance(value, dict) and kind is dict:
        pairs = ((value_form(k, depth + 1), value_form(v, depth + 1)) for k, v in value.items())
        return form("dict", *sorted(key + item for key, item in pairs))
    if kind in (dt.date, dt.datetime, dt.time):
        return form(kind.__name__, string(value.isoformat()))  # type: ignore[attr-defined]
    if kind in (dt.timedelta, Decimal):
        return form(kind.__name__, string(repr(value)))
    return scalar(value)
