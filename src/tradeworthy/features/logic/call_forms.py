"""Canonical forms of calls."""

from __future__ import annotations

import ast
from typing import cast

from tradeworthy.features.logic.canonical_form import Walk, encode, encode_all, encoder
from tradeworthy.features.logic.definition_forms import lambda_form
from tradeworthy.features.logic.encoder import atom, form, scalar, sequence
from tradeworthy.features.logic.name_forms import attribute_form, dotted_form
from tradeworthy.features.logic.resolution import External

_CALL_BY_POSITION = frozenset(
    atom("x", name)
    for name in (
        "builtins.filter",
        "builtins.map",
        "functools.reduce",
        "itertools.accumulate",
        "itertools.starmap",
        "polars.cum_fold",
        "polars.cum_reduce",
        "polars.fold",
        "polars.reduce",
    )
)


@encoder("Call", fields="func args keywords")
def _call(node: ast.AST, walk: Walk) -> str:
    call = cast("ast.Call", node)
    if _is_logger(call):
        return form("Call", walk.external(External("logging.getLogger")))
    callee = _callee(call, walk)
    if callee not in _CALL_BY_POSITION:
        return form("Call", callee, encode_all(call.args, walk), encode_all(call.keywords, walk))
    arguments = sequence([_called_by_position(each, walk) for each in call.args])
    keywords = [
        form("keyword", scalar(each.arg), _called_by_position(each.value, walk))
        for each in call.keywords
    ]
    return form("Call", callee, arguments, sequence(keywords))


def _called_by_position(node: ast.expr, walk: Walk) -> str:
    """Encode an argument of a library function that passes no names to what it calls."""
    if isinstance(node, ast.Lambda):
        return lambda_form(node, walk, positional=True)
    return encode(node, walk)


def _callee(call: ast.Call, walk: Walk) -> str:
    if isinstance(call.func, ast.Attribute):
        return attribute_form(call.func, walk, call=call)
    if isinstance(call.func, ast.Name):
        return dotted_form(call.func.id, [], call.func, walk, call=call)
    return encode(call.func, walk)


def _is_logger(call: ast.Call) -> bool:
    """Tell ``logging.getLogger(__name__)``: the module's name changes no value."""
    match call:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="logging"), attr="getLogger"),
            args=[ast.Name(id="__name__")],
            keywords=[],
        ):
            return True
    return False
