"""Values that source tells without being run: literals, names of literals, text made of them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from tradeworthy.features.logic.literals import NotLiteral, literal_value

Names = Mapping[str, object]


def static_value(node: ast.expr, names: Names) -> object:
    """Evaluate an expression of literals and known names.

    Parameters
    ----------
    node
        The expression.
    names
        What its names stand for.

    Raises
    ------
    NotLiteral
        If the source alone does not tell its value.

    Examples
    --------
    >>> static_value(ast.parse("f'lag_{n:02}'", mode="eval").body, {"n": 5})
    'lag_05'
    """
    match node:
        case ast.Name(id=name):
            try:
                return names[name]
            except KeyError:
                raise NotLiteral from None
        case ast.JoinedStr(values=values):
            return "".join(_part(each, names) for each in values)
        case ast.Tuple(elts=elements):
            return tuple(static_value(each, names) for each in elements)
        case ast.List(elts=elements):
            return [static_value(each, names) for each in elements]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, second = static_value(left, names), static_value(right, names)
            if isinstance(first, str) and isinstance(second, str):
                return first + second
        case ast.Call(keywords=[]):
            return _called(node, names)
    return literal_value(node)


def _called(call: ast.Call, names: Names) -> object:
    """Evaluate the few calls that only say a value in another way."""
    match call:
        case ast.Call(func=ast.Name(id="str"), args=[value]):
            return _text(static_value(value, names))
        case ast.Call(func=ast.Name(id="range"), args=values):
            return _range([static_value(each, names) for each in values])
        case ast.Call(
            func=ast.Attribute(value=owner, attr="items" | "keys" | "values" as method), args=[]
        ):
            table = static_value(owner, names)
            if isinstance(table, dict):
                return list(getattr(table, method)())
    raise NotLiteral


def iterated(target: ast.expr, values: object, names: Names) -> Sequence[dict[str, object]]:
    """Give the names in every turn of a loop over ``values``.

    Raises
    ------
    NotLiteral
        If the values cannot be gone through in a fixed order, or do not fit the target.

    Examples
    --------
    >>> iterated(ast.parse("n", mode="eval").body, (1, 2), {})
    [{'n': 1}, {'n': 2}]
    """
    if not isinstance(values, list | tuple | dict | range):
        raise NotLiteral
    return [{**names, **_unpacked(target, value)} for value in values]


def _unpacked(target: ast.expr, value: object) -> dict[str, object]:
    match target:
        case ast.Name(id=name):
            return {name: value}
        case ast.Tuple(elts=targets) if isinstance(value, list | tuple) and len(targets) == len(
            value
        ):
            pairs = zip(targets, value, strict=True)
            return {k: v for each, item in pairs for k, v in _unpacked(each, item).items()}
    raise NotLiteral


def _part(node: ast.expr, names: Names) -> str:
    """Format one part of an f-string as Python would."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.FormattedValue(value=inner, conversion=-1, format_spec=None):
            return _text(static_value(inner, names))
        case ast.FormattedValue(value=inner, conversion=-1, format_spec=ast.JoinedStr() as spec):
            value, layout = static_value(inner, names), str(static_value(spec, names))
            if isinstance(value, int | float | str):
                try:
                    return format(value, layout)
                except ValueError:
                    raise NotLiteral from None
    raise NotLiteral


def _text(value: object) -> str:
    if type(value) in (int, float, str, bool):
        return str(value)
    raise NotLiteral


def _range(values: Sequence[object]) -> range:
    whole = [each for each in values if type(each) is int]
    if len(whole) != len(values) or not 1 <= len(whole) <= 3 or whole[2:] == [0]:
        raise NotLiteral
    return range(*whole)
