"""Canonical forms of what opens a scope: functions, lambdas, classes, comprehensions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import cast

from tradeworthy.features.logic.canonical_form import (
    Walk,
    block,
    encode,
    encode_all,
    encoder,
    nothing_or,
)
from tradeworthy.features.logic.encoder import NOTHING, form, sequence, string
from tradeworthy.features.logic.literals import names_in
from tradeworthy.features.logic.name_forms import name_form
from tradeworthy.features.logic.resolution import Symbol
from tradeworthy.features.logic.scopes import (
    FunctionNode,
    class_scope,
    comprehension_scope,
    function_scope,
    parameters,
)
from tradeworthy.features.logic.unsupported_constructs import refuse

FEATURE_DECORATOR = "tradeworthy.feature"
_BLIND_TO_ANNOTATIONS = names_in(
    "builtins.staticmethod builtins.classmethod builtins.property functools.lru_cache "
    "functools.cache functools.cached_property functools.wraps abc.abstractmethod "
    "contextlib.contextmanager typing.final typing.override"
)

_TYPING_ONLY = names_in(
    "typing.final typing.override typing.no_type_check typing_extensions.final "
    "typing_extensions.override typing_extensions.no_type_check"
)
"""Decorators that mean something to type checkers alone."""

Default = Callable[[str, ast.expr], str]


@encoder(
    "FunctionDef", "AsyncFunctionDef", fields="name args body decorator_list returns type_params"
)
def _function_definition(node: ast.AST, walk: Walk) -> str:
    function = cast("ast.FunctionDef | ast.AsyncFunctionDef", node)
    target = _definition_name(function.name, node, walk)
    return form(type(node).__name__, target, function_form(function, walk))


@encoder("Lambda", fields="args body")
def _lambda(node: ast.AST, walk: Walk) -> str:
    """Encode a lambda; a lone parameter's name cannot be mistaken for another's."""
    return lambda_form(cast("ast.Lambda", node), walk, positional=False)


def lambda_form(node: ast.Lambda, walk: Walk, *, positional: bool) -> str:
    """Encode a lambda, without the names of its parameters if it is called by position only."""
    arguments = node.args
    is_lone = [each.arg for each in parameters(arguments)] == [each.arg for each in arguments.args]
    unnamed = positional or (is_lone and len(arguments.args) == 1)
    return function_form(node, walk, unnamed=unnamed)


def _definition_name(name: str, node: ast.AST, walk: Walk) -> str:
    if walk.scope is not None and walk.scope.kind == "class":
        return string(name)
    return name_form(name, node, walk)


def function_form(
    node: FunctionNode, walk: Walk, default: Default | None = None, *, unnamed: bool = False
) -> str:
    """Encode a function without its own name.

    Parameters
    ----------
    node
        The function or lambda.
    walk
        The place around it; decorators and defaults are evaluated there.
    default
        How to encode the default of a parameter; the expression itself if not given.
    unnamed
        Whether nobody can pass an argument by its name.
    """
    decorators = [
        each for each in _counted(_decorators(node), walk) if not is_feature_decorator(each, walk)
    ]
    inner = walk.inside(function_scope(node, walk.scope))
    if isinstance(node, ast.Lambda):
        body = encode(node.body, inner)
    else:
        _refuse_far_nonlocal(node, inner)
        body = block(node.body, inner)
    shown = not all(_ignores_annotations(each, walk) for each in decorators)
    return form(
        type(node).__name__,
        _parameters_form(node.args, default or (lambda _, value: encode(value, walk)), unnamed),
        body,
        encode_all(decorators, walk),
        _annotations(node, walk) if shown else NOTHING,
    )


def _decorators(node: FunctionNode) -> list[ast.expr]:
    return [] if isinstance(node, ast.Lambda) else node.decorator_list


def _counted(decorators: Sequence[ast.expr], walk: Walk) -> list[ast.expr]:
    return [each for each in decorators if qualified_name(each, walk) not in _TYPING_ONLY]


def qualified_name(node: ast.expr, walk: Walk) -> str | None:
    """Give the qualified or public name of a dotted expression, None for the user's own."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or (walk.scope and walk.scope.find(node.id)):
        return None
    if node.id in walk.cells:
        return None
    found = walk.resolver.resolve(walk.module, node.id, attributes, walk.place(node))
    if isinstance(found.target, Symbol):
        return None
    return ".".join([found.target.name, *attributes[found.taken :]])


def is_feature_decorator(node: ast.expr, walk: Walk) -> bool:
    """Tell whether a decorator is this product's own ``feature``."""
    target = node.func if isinstance(node, ast.Call) else node
    return qualified_name(target, walk) == FEATURE_DECORATOR


def _ignores_annotations(decorator: ast.expr, walk: Walk) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(target, ast.Attribute) and target.attr in ("setter", "getter", "deleter"):
        return True
    return qualified_name(target, walk) in _BLIND_TO_ANNOTATIONS


def _annotations(node: FunctionNode, walk: Walk) -> str:
    shown = [nothing_or(each.annotation, walk) for each in parameters(node.args)]
    returns = None if isinstance(node, ast.Lambda) else node.returns
    return sequence([*shown, nothing_or(returns, walk)])


def _parameters_form(arguments: ast.arguments, default: Default, unnamed: bool) -> str:
    """Encode a signature: names that a caller may use as keywords stay, the others do not."""
    positional = [*arguments.posonlyargs, *arguments.args]
    without = len(positional) - len(arguments.defaults)
    defaults = [NOTHING] * without + [
        default(each.arg, value)
        for each, value in zip(positional[without:], arguments.defaults, strict=True)
    ]
    keyword_only = [
        form("keyword", string(each.arg), NOTHING if value is None else default(each.arg, value))
        for each, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    hidden = len(arguments.posonlyargs)
    shown = [NOTHING if unnamed else string(each.arg) for each in arguments.args]
    return form(
        "parameters",
        sequence([NOTHING] * hidden + shown),
        string(str(hidden)),
        sequence(defaults),
        "T" if arguments.vararg else "F",
        sequence(keyword_only),
        "T" if arguments.kwarg else "F",
    )


def _refuse_far_nonlocal(node: ast.FunctionDef | ast.AsyncFunctionDef, inner: Walk) -> None:
    for name in inner.scope.bindings.outer_nonlocal if inner.scope else ():
        if inner.scope is None or inner.scope.find(name) is None:
            raise refuse(
                "nonlocal_rebinding",
                f"`{name}` is rebound in an enclosing function that is not part of the logic; "
                "return the value instead",
                inner.place(node),
            )


@encoder("ClassDef", fields="name bases keywords body decorator_list")
def _class_definition(node: ast.AST, walk: Walk) -> str:
    definition = cast("ast.ClassDef", node)
    target = _definition_name(definition.name, node, walk)
    return form("ClassDef", target, class_form(definition, walk))


def class_form(node: ast.ClassDef, walk: Walk) -> str:
    """Encode a class; its annotations count where a base or a decorator may read them."""
    if walk.scope is None:
        scope = class_scope(node, function_scope(_NO_FUNCTION, None))
        scope.parent = None
    else:
        scope = class_scope(node, walk.scope)
    inner = walk.inside(scope)
    decorators = _counted(node.decorator_list, walk)
    shown = bool(node.bases or decorators or node.keywords)
    kept = [
        each
        for each in node.body
        if shown or not (isinstance(each, ast.AnnAssign) and each.value is None)
    ]
    annotations = [each for each in kept if isinstance(each, ast.AnnAssign)] if shown else []
    return form(
        "class",
        string(node.name),
        encode_all(node.bases, walk),
        encode_all(node.keywords, walk),
        block(kept, inner),
        sequence([encode(each.annotation, inner) for each in annotations]),
        encode_all(decorators, walk),
    )


_NO_FUNCTION = ast.Lambda(
    args=ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[]),
    body=ast.Constant(None),
)


@encoder("AnnAssign", fields="target value annotation")
def _annotated(node: ast.AST, walk: Walk) -> str:
    """Encode ``x: T = v`` as ``x = v``."""
    assign = cast("ast.AnnAssign", node)
    if assign.value is None:
        return form("declared", encode(assign.target, walk))
    return form("Assign", sequence([encode(assign.target, walk)]), encode(assign.value, walk))


@encoder("ListComp", "SetComp", "GeneratorExp", fields="elt generators")
def _comprehension(node: ast.AST, walk: Walk) -> str:
    shown = cast("ast.ListComp", node)
    return _comprehension_form(type(node).__name__, [shown.elt], shown.generators, walk)


@encoder("DictComp", fields="key value generators")
def _dict_comprehension(node: ast.AST, walk: Walk) -> str:
    shown = cast("ast.DictComp", node)
    return _comprehension_form("DictComp", [shown.key, shown.value], shown.generators, walk)


def _comprehension_form(
    kind: str, results: Sequence[ast.expr], generators: Sequence[ast.comprehension], walk: Walk
) -> str:
    """Encode a comprehension; its first iterable is evaluated outside of its scope."""
    outer = walk.scope
    if outer is None:
        outer = function_scope(_NO_FUNCTION, None)
    inner = walk.inside(comprehension_scope(generators, outer))
    loops = [
        form(
            "for",
            encode(each.target, inner),
            encode(each.iter, inner if position else walk),
            encode_all(each.ifs, inner),
            "T" if each.is_async else "F",
        )
        for position, each in enumerate(generators)
    ]
    return form(kind, sequence(loops), *(encode(result, inner) for result in results))


@encoder("ExceptHandler", fields="type name body")
def _except_handler(node: ast.AST, walk: Walk) -> str:
    handler = cast("ast.ExceptHandler", node)
    name = NOTHING if handler.name is None else name_form(handler.name, node, walk)
    return form("ExceptHandler", nothing_or(handler.type, walk), name, block(handler.body, walk))


@encoder("MatchAs", fields="pattern name")
def _match_as(node: ast.AST, walk: Walk) -> str:
    shown = cast("ast.MatchAs", node)
    name = NOTHING if shown.name is None else name_form(shown.name, node, walk)
    return form("MatchAs", nothing_or(shown.pattern, walk), name)


@encoder("MatchStar", fields="name")
def _match_star(node: ast.AST, walk: Walk) -> str:
    name = cast("ast.MatchStar", node).name
    return form("MatchStar", NOTHING if name is None else name_form(name, node, walk))


@encoder("MatchMapping", fields="keys patterns rest")
def _match_mapping(node: ast.AST, walk: Walk) -> str:
    shown = cast("ast.MatchMapping", node)
    rest = NOTHING if shown.rest is None else name_form(shown.rest, node, walk)
    return form(
        "MatchMapping", encode_all(shown.keys, walk), encode_all(shown.patterns, walk), rest
    )
