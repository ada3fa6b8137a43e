"""Feature definitions from a user's feature file: shell.

Two ways lead to the same hashes. ``import_definitions`` imports the file and checks that what runs
is what the source says. ``read_definitions`` reads the source alone and runs nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from tradeworthy.errors import FeatureLogicRefused, StrategyInvalid
from tradeworthy.features.feature_definition import (
    ATTRIBUTE,
    FeatureDeclaration,
    FeatureDefinition,
)
from tradeworthy.features.logic import Module, Project, Root, parse_module
from tradeworthy.features.logic.live_check import plain_function
from tradeworthy.features.source.feature_logic import definitions_of
from tradeworthy.features.source.isolated_import import import_file
from tradeworthy.features.source.live_source import project_of, root_of, shown_function
from tradeworthy.features.source.source_definitions import (
    definitions_in_source,
    feature_decorator,
    own_definition,
    read_declaration,
)
from tradeworthy.features.source.source_folder import locate_source, open_project
from tradeworthy.features.source.undeclared_features import ADVICE, refuse_looped_feature

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_HIDDEN = "a decorator hides function {}: give its inner function functools.wraps"


def import_definitions(path: str | Path) -> list[FeatureDefinition]:
    """Import a feature file and hash its features; every call reads the file anew.

    Parameters
    ----------
    path
        A Python file. Its folder, or the folder above its outermost package, is the project:
        helpers imported from there are hashed with the features.

    Raises
    ------
    StrategyInvalid
        If there is no such file, it is not valid Python, running it fails, or it has no features.
    FeatureLogicRefused
        If the logic of a feature cannot be hashed, or what runs is not what the source says.
    """
    source = locate_source(path)
    project, module = open_project(source)
    return _live_definitions(import_file(source), module, project)


def definitions_of_module(module: ModuleType) -> list[FeatureDefinition]:
    """Hash the features of a module that is already imported.

    Raises
    ------
    StrategyInvalid, FeatureLogicRefused
        As for ``import_definitions``.
    """
    path = getattr(module, "__file__", None)
    if path is None:
        raise StrategyInvalid(f"module {module.__name__} has no file; features live in a file")
    project, source = open_project(locate_source(path))
    return _live_definitions(module, source, project)


def read_definitions(path: str | Path) -> list[FeatureDefinition]:
    """Hash the features of a file from its source; nothing is imported or run.

    Raises
    ------
    StrategyInvalid, FeatureLogicRefused
        As for ``import_definitions``.
    """
    project, module = open_project(locate_source(path))
    return definitions_in_source(module, project)


def parse_definitions(text: str, modules: Mapping[str, str]) -> list[FeatureDefinition]:
    """Hash the features of source text; ``modules`` maps paths beside it to their source."""
    project = Project(modules.get)
    module = parse_module("features", "features.py", text)
    project.add(module)
    return definitions_in_source(module, project)


def define(function: Callable[..., Any]) -> list[FeatureDefinition]:
    """Hash one decorated function, each feature of it if it declares a family.

    Raises
    ------
    StrategyInvalid
        If it is not decorated with ``@feature``.
    FeatureLogicRefused
        If its logic cannot be hashed.
    """
    project, module = project_of(function)
    return _define(function, module, project)


def _live_definitions(
    live: ModuleType, module: Module, project: Project
) -> list[FeatureDefinition]:
    functions: dict[int, Callable[..., Any]] = {}
    for name, bound in list(vars(live).items()):
        for value in _features_in(bound):
            own = own_definition(name, module, project) if value is bound else None
            _refuse_made(value, module, ADVICE if own is None else _HIDDEN.format(name))
            functions[id(value)] = value
    if not functions:
        raise StrategyInvalid(f"{module.path} has no features; decorate a function with @feature")
    return [
        definition
        for function in functions.values()
        for definition in _define(function, module, project)
    ]


def _features_in(bound: object) -> Iterator[Callable[..., Any]]:
    """Give the features that a top-level name is bound to, or that its list or dict holds."""
    held: Iterable[object] = (bound,)
    if isinstance(bound, list | tuple | set):
        held = bound
    elif isinstance(bound, dict):
        held = bound.values()
    for each in held:
        if callable(each) and isinstance(getattr(each, ATTRIBUTE, None), FeatureDeclaration):
            yield each


def _refuse_made(function: Callable[..., Any], module: Module, advice: str) -> None:
    """Refuse what a reader of the source refuses: a feature is a function of the top level."""
    written = plain_function(function)
    name = getattr(function, "__qualname__", "")
    if written is not None and ("<" in name or "<" in written.__qualname__):
        raise FeatureLogicRefused(
            f"{module.path}: the feature of line {written.__code__.co_firstlineno} is made by a "
            f"call; {advice}",
            reason="made_feature",
        )


def _define(
    function: Callable[..., Any], module: Module, project: Project
) -> list[FeatureDefinition]:
    declaration = getattr(function, ATTRIBUTE, None)
    if not isinstance(declaration, FeatureDeclaration):
        raise StrategyInvalid(
            f"{shown_function(function)} is no feature; decorate it with @feature"
        )
    root = root_of(function, module, project)
    if root.node not in root.module.tree.body:
        refuse_looped_feature(root.node, root.module)
    elif isinstance(root.node, _FUNCTIONS):
        _refuse_called(root, root.node)
        _check_declaration(root, root.node, project, declaration)
    return definitions_of(root, declaration, project, function)


def _refuse_called(root: Root, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """Refuse what ``feature(...)(function)`` made: of several, the function keeps only the last."""
    if not node.decorator_list:
        raise FeatureLogicRefused(
            f"{root.module.path}, line {node.lineno}: a feature is made of {node.name} by a call; "
            f"{ADVICE}",
            reason="made_feature",
        )


def _check_declaration(
    root: Root, node: ast.FunctionDef | ast.AsyncFunctionDef, project: Project, live: object
) -> None:
    """Refuse a declaration that is not what its source says: a constant of it was changed."""
    decorator = feature_decorator(node, root.module, project)
    if decorator is not None and read_declaration(root, decorator, project) != live:
        raise FeatureLogicRefused(
            f"{root.module.path}, line {node.lineno}: the declaration of feature {root.name} is "
            "not what the source says; do not change the constants that it names",
            reason="not_what_runs",
        )
