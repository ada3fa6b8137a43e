"""Literals: folding of constant arithmetic and evaluation of displays without running code."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

_MAX_BITS = 4096
_MAX_TEXT = 65_536


class NotLiteral(Exception):
    """The expression is not a literal."""


_ARITHMETIC: dict[type[ast.operator], Callable[..., object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_WHOLE_NUMBERS: dict[type[ast.operator], Callable[..., object]] = {
    **_ARITHMETIC,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
    ast.Pow: operator.pow,
}


def names_in(text: str) -> frozenset[str]:
    """Read a table of names separated by white space.

    Examples
    --------
    >>> sorted(names_in("eval exec"))
    ['eval', 'exec']
    """
    return frozenset(text.split())


def fold(node: ast.expr) -> ast.expr:
    """Fold arithmetic between literal numbers, and joined literal strings, to one constant.

    Only operations that IEEE 754 fixes to the last bit are folded: floating-point powers, which
    the platform's mathematics library rounds, and complex numbers stay as written.

    Examples
    --------
    >>> ast.unparse(fold(ast.parse("-(2 * 10)", mode="eval").body))
    '-20'
    >>> ast.unparse(fold(ast.parse("x + 1 + 2", mode="eval").body))
    'x + 1 + 2'
    """
    if isinstance(node, ast.UnaryOp):
        return _fold_unary(node)
    if isinstance(node, ast.BinOp):
        return _fold_binary(node)
    return node


def _fold_unary(node: ast.UnaryOp) -> ast.expr:
    operand = fold(node.operand)
    if isinstance(operand, ast.Constant) and type(operand.value) in (int, float):
        number = operand.value
        if isinstance(node.op, ast.USub):
            return ast.Constant(-number)  # type: ignore[operator]
        if isinstance(node.op, ast.UAdd):
            return operand
        if isinstance(node.op, ast.Invert) and type(number) is int:
            return ast.Constant(~number)
    return ast.copy_location(ast.UnaryOp(node.op, operand), node)


def _fold_binary(node: ast.BinOp) -> ast.expr:
    left, right = fold(node.left), fold(node.right)
    if isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
        folded = _apply(node.op, left.value, right.value)
        if folded is not None:
            return ast.Constant(folded)  # type: ignore[arg-type]
    return ast.copy_location(ast.BinOp(left, node.op, right), node)


def _apply(op: ast.operator, left: object, right: object) -> object:
    """Compute a constant operation, None where it is left as written."""
    kinds = {type(left), type(right)}
    if len(kinds) == 1 and kinds <= {str, bytes} and isinstance(op, ast.Add):
        joined = left + right  # type: ignore[operator]
        return joined if len(joined) <= _MAX_TEXT else None
    if not kinds <= {int, float}:
        return None
    whole = kinds == {int}
    table = _WHOLE_NUMBERS if whole else _ARITHMETIC
    if type(op) not in table or (whole and _is_too_large(op, left, right)):
        return None
    try:
        return table[type(op)](left, right)
    except (ArithmeticError, ValueError):
        return None


def _is_too_large(op: ast.operator, left: object, right: object) -> bool:
    assert isinstance(left, int)  # noqa: S101 - narrowed by the caller
    assert isinstance(right, int)  # noqa: S101
    if isinstance(op, ast.Pow):
        return right < 0 or left.bit_length() * max(right, 1) > _MAX_BITS
    if isinstance(op, ast.LShift):
        return right < 0 or left.bit_length() + right > _MAX_BITS
    return left.bit_length() + right.bit_length() > _MAX_BITS


def literal_value(node: ast.expr) -> object:
    """Evaluate a literal or a display of literals, after folding.

    Raises
    ------
    NotLiteral
        If anything in it is not a literal.

    Examples
    --------
    >>> literal_value(ast.parse("{'window': (5 * 4, -1)}", mode="eval").body)
    {'window': (20, -1)}
    """
    node = fold(node)
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Tuple):
        return tuple(literal_value(item) for item in node.elts)
    if isinstance(node, ast.List):
        return [literal_value(item) for item in node.elts]
    try:
        if isinstance(node, ast.Set):
            return {literal_value(item) for item in node.elts}
        if isinstance(node, ast.Dict) and None not in node.keys:
            keys = [literal_value(key) for key in node.keys if key is not None]
            return dict(zip(keys, (literal_value(value) for value in node.values), strict=True))
    except TypeError as error:
        raise NotLiteral from error
    if isinstance(node, ast.UnaryOp | ast.BinOp):
        return _complex_literal(node)
    raise NotLiteral


def _complex_literal(node: ast.expr) -> complex:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError) as error:
        raise NotLiteral from error
    if type(value) is not complex:
        raise NotLiteral
    return value


def is_immutable_literal(node: ast.expr) -> bool:
    """Tell whether an expression is a literal that nothing can change in place.

    Examples
    --------
    >>> is_immutable_literal(ast.parse("(1, 2)", mode="eval").body)
    True
    >>> is_immutable_literal(ast.parse("[1, 2]", mode="eval").body)
    False
    """
    node = fold(node)
    if isinstance(node, ast.Tuple):
        return all(is_immutable_literal(item) for item in node.elts)
    return isinstance(node, ast.Constant)
