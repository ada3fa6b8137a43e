"""Feature definitions read from source alone: nothing is imported or run."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from tradeworthy.errors import FeatureGraphInvalid, FeatureLogicRefused, StrategyInvalid
from tradeworthy.features.feature_definition import (
    FeatureDeclaration,
    FeatureDefinition,
    make_declaration,
)
from tradeworthy.features.logic import Module, Project, Root
from tradeworthy.features.logic.canonical_form import Draft, Walk
from tradeworthy.features.logic.definition_forms import is_feature_decorator
from tradeworthy.features.logic.literals import NotLiteral
from tradeworthy.features.logic.resolution import Resolver
from tradeworthy.features.logic.scopes import bindings_of
from tradeworthy.features.source.feature_logic import definitions_of
from tradeworthy.features.source.module_values import origin, value_of
from tradeworthy.features.source.undeclared_features import (
    refuse_looped_feature,
    refuse_made_features,
)

_OPTIONS = ("lookback", "dtype", "salt")
_FOR_PEOPLE = ("owner", "description")


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
    for root, decorator in _declared(module, project):
        found += definitions_of(root, read_declaration(root, decorator, project), project)
    if not found:
        raise StrategyInvalid(f"{module.path} has no features; decorate a function with @feature")
    return found


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


def _declared(module: Module, project: Project) -> Iterator[tuple[Root, ast.expr]]:
    for name, statements in module.bindings.names.items():
        owner, own_name = origin(name, module, project)
        node = own_definition(own_name, owner, project) if owner else None
        if owner is None or node is None:
            _refuse_hidden(statements, module, project)
            if owner is not None and owner is not module:
                refuse_made_features(owner, owner.bindings.names.get(own_name, ()), project)
            continue
        decorator = feature_decorator(node, owner, project)
        if decorator is not None:
            yield Root(owner, node), decorator
    refuse_made_features(module, module.bindings.statements, project)


def _refuse_hidden(statements: list[ast.stmt], module: Module, project: Project) -> None:
    """Refuse a feature under ``if`` or ``try``: which one runs cannot be read."""
    for statement in statements:
        if isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While):
            for node in ast.walk(statement):
                if isinstance(node, ast.FunctionDef) and feature_decorator(node, module, project):
                    refuse_looped_feature(node, module)
                    raise FeatureLogicRefused(
                        f"{module.path}, line {node.lineno}: feature {node.name} is defined "
                        "conditionally; define it at the top level, or import the file",
                        reason="conditional_feature",
                    )


def _check_options(root: Root, decorator: ast.expr, options: Mapping[str, object]) -> None:
    """Refuse what calling the decorator would refuse."""
    if isinstance(decorator, ast.Call) and (decorator.args or "None" in options):
        raise FeatureGraphInvalid(
            f"feature {root.name}: write each option by its name, as in @feature(version=2)"
        )
    known = ["version", "name", "each", "pins", "label", "impure", *_OPTIONS, *_FOR_PEOPLE]
    for name in sorted(set(options) - set(known)):
        near = difflib.get_close_matches(name, known, n=1)
        raise FeatureGraphInvalid(
            f"feature {root.name} has an unknown option {name!r}; "
            + (f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}")
        )


def read_declaration(root: Root, decorator: ast.expr, project: Project) -> FeatureDeclaration:
    """Read what a decorator says.

    Raises
    ------
    FeatureLogicRefused
        If the source alone does not tell.
    FeatureGraphInvalid
        For options that calling the decorator would refuse.
    """
    options: dict[str, Any] = {}
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    for keyword in keywords:
        if keyword.arg is None:
            options["None"] = None
            continue
        try:
            options[str(keyword.arg)] = value_of(keyword.value, root.module, project)
        except NotLiteral as error:
            raise FeatureLogicRefused(
                f"{root.module.path}, line {decorator.lineno}: {keyword.arg} of feature "
                f"{root.name} cannot be read from the source alone; write the value itself, "
                "or the name of a constant",
                reason="decorator",
            ) from error
    _check_options(root, decorator, options)
    pins: Mapping[str, int] = options.get("pins") or {}
    return make_declaration(
        root.name if options.get("name") is None else options["name"],
        version=options.get("version", 1),
        kind="label" if options.get("label") else "feature",
        each=options.get("each"),
        pins=pins,
        semantics={key: options.get(key) for key in _OPTIONS},
        metadata={key: options.get(key) for key in _FOR_PEOPLE},
        impure=bool(options.get("impure")),
    )
