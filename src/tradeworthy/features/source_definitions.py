"""Feature definitions read from source alone: nothing is imported or run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from tradeworthy.errors import FeatureGraphInvalid, FeatureLogicRefused, StrategyInvalid
from tradeworthy.features.feature_definition import (
    FeatureDeclaration,
    FeatureDefinition,
    make_declaration,
)
from tradeworthy.features.feature_logic import EFFECTS, Module, Project, Root, trace_logic
from tradeworthy.features.feature_logic.canonical_form import Draft, Walk
from tradeworthy.features.feature_logic.definition_forms import is_feature_decorator
from tradeworthy.features.feature_logic.literals import NotLiteral, literal_value
from tradeworthy.features.feature_logic.resolution import Resolver, import_target
from tradeworthy.features.feature_logic.scopes import FunctionNode, bindings_of

_OPTIONS = ("lookback", "dtype", "salt")
_TOLD = ("owner", "description")


def definitions_in_source(module: Module, project: Project) -> list[FeatureDefinition]:
    """Hash every top-level feature of a module, those that it imports from user modules too.

    Raises
    ------
    StrategyInvalid
        If the module has no features.
    FeatureLogicRefused
        If logic or a decorator cannot be read from the source.
    """
    found = []
    for owner, node, decorator in _declared(module, project):
        declaration = _read_declaration(node, decorator, owner)
        allow = EFFECTS if declaration.impure else frozenset()
        logic = trace_logic(Root(owner, node), project, allow).logic
        found.append(FeatureDefinition(declaration, dependencies_of(node), logic))
    if not found:
        raise StrategyInvalid(f"{module.path} has no features; decorate a function with @feature")
    return found


def dependencies_of(node: FunctionNode) -> tuple[str, ...]:
    """List the parameters without a default: a feature's dependencies.

    Raises
    ------
    FeatureGraphInvalid
        For ``*args`` and ``**kwargs``: a feature's dependencies have names.
    """
    arguments = node.args
    if arguments.vararg or arguments.kwarg:
        raise FeatureGraphInvalid(
            f"feature {getattr(node, 'name', '<lambda>')} takes * or ** arguments; "
            "name every dependency"
        )
    positional = [*arguments.posonlyargs, *arguments.args]
    required = positional[: len(positional) - len(arguments.defaults)]
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return tuple(
        each.arg for each in [*required, *(each for each, value in pairs if value is None)]
    )


def feature_decorator(
    node: ast.FunctionDef | ast.AsyncFunctionDef, module: Module, project: Project
) -> ast.expr | None:
    """Find the ``@feature(...)`` of a function."""
    walk = Walk(module, Resolver(project), frozenset(), Draft())
    return next((each for each in node.decorator_list if is_feature_decorator(each, walk)), None)


def own_definition(
    name: str, module: Module, project: Project
) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Find the one top-level function of that name that is a feature.

    Raises
    ------
    FeatureGraphInvalid
        If the name is bound again, by another feature or anything else: the first would be lost.
    """
    statements = module.bindings.names.get(name, [])
    found = [
        each
        for each in statements
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        and each.name == name
        and feature_decorator(each, module, project) is not None
    ]
    if len(found) > 1:
        raise FeatureGraphInvalid(
            f"{module.path}, line {found[1].lineno}: function {name} is defined again and hides "
            f'the first; give each its own function name and name="{name}"'
        )
    others = [each for each in statements if not found or each is not found[0]]
    if found and name in bindings_of(others).bound:
        raise FeatureGraphInvalid(
            f"{module.path}, line {found[0].lineno}: the name of feature {name} is bound again "
            "below; give the other thing its own name"
        )
    return found[0] if found else None


def _declared(
    module: Module, project: Project
) -> Iterator[tuple[Module, ast.FunctionDef | ast.AsyncFunctionDef, ast.expr]]:
    for name, statements in module.bindings.names.items():
        owner, own_name = _origin(name, module, project)
        node = own_definition(own_name, owner, project) if owner else None
        if owner is None or node is None:
            _refuse_hidden(statements, module, project)
            continue
        decorator = feature_decorator(node, owner, project)
        if decorator is not None:
            yield owner, node, decorator


def _origin(name: str, module: Module, project: Project) -> tuple[Module | None, str]:
    """Follow an import from a user module to where the name is defined."""
    for _ in range(50):
        target = import_target(module, module.bindings.names.get(name, [None]), name)  # type: ignore[list-item]
        if target is None:
            return module, name
        if target.symbol is None:
            return None, name
        source = project.module(target.module)
        if source is None:
            return None, name
        module, name = source, target.symbol
    return None, name


def _refuse_hidden(statements: list[ast.stmt], module: Module, project: Project) -> None:
    """Refuse a feature under ``if`` or ``try``: which one runs cannot be read."""
    for statement in statements:
        if isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While):
            for node in ast.walk(statement):
                if isinstance(node, ast.FunctionDef) and feature_decorator(node, module, project):
                    raise FeatureLogicRefused(
                        f"{module.path}, line {node.lineno}: feature {node.name} is defined "
                        "conditionally; define it at the top level, or import the file",
                        reason="conditional_feature",
                    )


def _read_declaration(
    node: ast.FunctionDef | ast.AsyncFunctionDef, decorator: ast.expr, module: Module
) -> FeatureDeclaration:
    given: dict[str, Any] = {}
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    for keyword in keywords:
        try:
            given[str(keyword.arg)] = literal_value(keyword.value)
        except NotLiteral as error:
            raise FeatureLogicRefused(
                f"{module.path}, line {node.lineno}: {keyword.arg} of feature {node.name} is not "
                "a literal; write the value itself",
                reason="decorator",
            ) from error
    known = {"version", "name", "pins", "label", "impure", *_OPTIONS, *_TOLD}
    if set(given) - known:
        raise FeatureGraphInvalid(f"feature {node.name} has unknown options: {set(given) - known}")
    pins: Mapping[str, int] = given.get("pins") or {}
    return make_declaration(
        given.get("name") or node.name,
        version=given.get("version", 1),
        kind="label" if given.get("label") else "feature",
        pins=pins,
        semantics={key: given.get(key) for key in _OPTIONS},
        metadata={key: given.get(key) for key in _TOLD},
        impure=bool(given.get("impure")),
    )
