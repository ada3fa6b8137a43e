"""Canonical forms of literals: constants, f-strings, sets, arithmetic between constants."""

from __future__ import annotations

import ast
from typing import cast

from tradeworthy.features.logic.canonical_form import (
    FIELDS,
    Walk,
    encode,
    encode_all,
    encoder,
)
from tradeworthy.features.logic.encoder import NOTHING, form, scalar, sequence, string
from tradeworthy.features.logic.literals import fold


@encoder("Constant", fields="value")
def _constant(node: ast.AST, walk: Walk) -> str:
    del walk
    return scalar(cast("ast.Constant", node).value)


@encoder("UnaryOp", "BinOp", fields="op operand left right")
def _arithmetic(node: ast.AST, walk: Walk) -> str:
    folded = fold(cast("ast.expr", node))
    if isinstance(folded, ast.Constant):
        return scalar(folded.value)
    kind = type(folded).__name__
    return form(kind, *(encode(getattr(folded, each), walk) for each in FIELDS[kind]))


@encoder("Set", fields="elts")
def _set(node: ast.AST, walk: Walk) -> str:
    """Encode a set; the order of constants in it means nothing."""
    elements = cast("ast.Set", node).elts
    if all(isinstance(fold(each), ast.Constant) for each in elements):
        return form("Set", sequence(sorted(encode(each, walk) for each in elements)))
    return form("Set", encode_all(elements, walk))


@encoder("JoinedStr", fields="values")
def _joined(node: ast.AST, walk: Walk) -> str:
    """Encode an f-string with adjacent text merged, as plain text if it is nothing else."""
    parts: list[str | ast.FormattedValue] = []
    for value in _flat(cast("ast.JoinedStr", node)):
        if isinstance(value, ast.FormattedValue):
            parts.append(value)
        elif parts and isinstance(parts[-1], str):
            parts[-1] += str(value.value)
        elif value.value:
            parts.append(str(value.value))
    if all(isinstance(part, str) for part in parts):
        return string("".join(cast("list[str]", parts)))
    encoded = [string(each) if isinstance(each, str) else encode(each, walk) for each in parts]
    return form("JoinedStr", sequence(encoded))


def _flat(node: ast.JoinedStr) -> list[ast.Constant | ast.FormattedValue]:
    found: list[ast.Constant | ast.FormattedValue] = []
    for value in node.values:
        if isinstance(value, ast.JoinedStr):
            found.extend(_flat(value))
        else:
            found.append(cast("ast.Constant | ast.FormattedValue", value))
    return found


@encoder("FormattedValue", fields="value conversion format_spec")
def _formatted(node: ast.AST, walk: Walk) -> str:
    shown = cast("ast.FormattedValue", node)
    spec = NOTHING
    if shown.format_spec is not None and cast("ast.JoinedStr", shown.format_spec).values:
        spec = encode(shown.format_spec, walk)
    return form("FormattedValue", encode(shown.value, walk), scalar(shown.conversion), spec)
