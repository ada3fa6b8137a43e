"""Reading, importing and hashing a user's feature file: shell.

Two ways lead to the same hashes. ``load_feature_file`` imports the file and checks that what runs
is what the source says. ``read_feature_file`` reads the source alone and runs nothing.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from tradeworthy.errors import FeatureLogicRefused, StrategyInvalid
from tradeworthy.features.feature_definition import (
    ATTRIBUTE,
    FeatureDeclaration,
    FeatureDefinition,
)
from tradeworthy.features.feature_graph import FeatureGraph
from tradeworthy.features.logic import (
    EFFECTS,
    Component,
    Logic,
    Module,
    Project,
    Root,
    make_logic,
    parse_module,
    trace_logic,
)
from tradeworthy.features.logic.encoding import form, value_form
from tradeworthy.features.logic.live_check import check_live
from tradeworthy.features.source.isolated_import import import_file
from tradeworthy.features.source.live_source import functions_in, project_of, root_of
from tradeworthy.features.source.source_definitions import (
    definitions_in_source,
    dependencies_of,
    own_definition,
)
from tradeworthy.features.source.source_folder import locate_source, open_project


def load_feature_file(
    path: str | Path, *, source_columns: Iterable[str] | None = None
) -> FeatureGraph:
    """Import a feature file and build its graph; every call reads the file anew.

    Parameters
    ----------
    path
        A Python file. Its folder, or the folder above its outermost package, is the project:
        helpers imported from there are hashed with the features.
    source_columns
        Known columns, so that a misspelt dependency is named.

    Raises
    ------
    StrategyInvalid
        If there is no such file, it is not valid Python, running it fails, or it has no features.
    FeatureLogicRefused
        If the logic of a feature cannot be hashed, or what runs is not what the source says.
    FeatureGraphInvalid
        If the definitions form no graph.
    """
    source = locate_source(path)
    project, module = open_project(source)
    return _live_graph(import_file(source), module, project, source_columns)


def graph_of_module(
    module: ModuleType, *, source_columns: Iterable[str] | None = None
) -> FeatureGraph:
    """Build the graph of a module that is already imported.

    Raises
    ------
    StrategyInvalid, FeatureLogicRefused, FeatureGraphInvalid
        As for ``load_feature_file``.
    """
    path = getattr(module, "__file__", None)
    if path is None:
        raise StrategyInvalid(f"module {module.__name__} has no file; features live in a file")
    project, source = open_project(locate_source(path))
    return _live_graph(module, source, project, source_columns)


def read_feature_file(
    path: str | Path, *, source_columns: Iterable[str] | None = None
) -> FeatureGraph:
    """Build the graph of a feature file from its source; nothing is imported or run.

    Raises
    ------
    StrategyInvalid, FeatureLogicRefused, FeatureGraphInvalid
        As for ``load_feature_file``.
    """
    project, module = open_project(locate_source(path))
    return FeatureGraph.from_definitions(
        definitions_in_source(module, project), source_columns=source_columns
    )


def read_feature_source(
    text: str, *, modules: dict[str, str] | None = None, source_columns: Iterable[str] | None = None
) -> FeatureGraph:
    """Build a graph from source text.

    Parameters
    ----------
    text
        The source of a feature file.
    modules
        Path to source of the user modules beside it.
    source_columns
        Known columns.

    Examples
    --------
    >>> graph = read_feature_source('''
    ... from tradeworthy.features.feature_graph import feature
    ... @feature()
    ... def momentum(close):
    ...     return close / close.shift(5) - 1
    ... ''')
    >>> graph.inputs
    ('momentum@1',)
    """
    project = Project((modules or {}).get)
    module = parse_module("features", "features.py", text)
    project.add(module)
    return FeatureGraph.from_definitions(
        definitions_in_source(module, project), source_columns=source_columns
    )


def logic_of(function: Callable[..., Any], *, allow: frozenset[str] = frozenset()) -> Logic:
    """Hash the logic of a live function: a signal rule, a training entry point.

    Parameters
    ----------
    function
        A plain, decorated or nested function, a lambda, or a partial of one.
    allow
        Classes of refusal to let through: of ``dynamic_code``, ``environment``, ``clock``,
        ``randomness`` and ``io``.

    Raises
    ------
    FeatureLogicRefused
        If the function has no source, cannot be seen through, or is not what its source says.

    Examples
    --------
    >>> from tradeworthy.features.graph_snapshot import node_key
    >>> logic_of(node_key).components[0].kind
    'body'
    """
    _check_allow(allow)
    if isinstance(function, functools.partial):
        return _partial_logic(function, allow)
    project, module = project_of(function)
    root = root_of(function, module, project)
    return _checked_logic(root, project, function, allow)


def logic_in_file(path: str | Path, qualname: str, *, allow: frozenset[str] = frozenset()) -> Logic:
    """Hash the logic of a function in a file from its source; nothing is imported or run.

    Parameters
    ----------
    path
        A Python file.
    qualname
        Name of a top-level function, or ``Class.method``.
    allow
        As for ``logic_of``.

    Raises
    ------
    StrategyInvalid
        If the file has no such function, or more than one.
    FeatureLogicRefused
        If the function cannot be seen through.
    """
    _check_allow(allow)
    project, module = open_project(locate_source(path))
    found = [node for name, node in functions_in(module.tree, "") if name == qualname]
    if len(found) != 1:
        raise StrategyInvalid(
            f"{module.path} has {len(found)} functions {qualname}; there must be one",
            path=str(path),
            function=qualname,
        )
    return trace_logic(Root(module, found[0]), project, allow).logic


def define(function: Callable[..., Any]) -> FeatureDefinition:
    """Hash one decorated function.

    Raises
    ------
    StrategyInvalid
        If it is not decorated with ``@feature``.
    FeatureLogicRefused
        If its logic cannot be hashed.
    """
    project, module = project_of(function)
    return _define(function, module, project)


def _live_graph(
    live: ModuleType, module: Module, project: Project, columns: Iterable[str] | None
) -> FeatureGraph:
    definitions: dict[int, FeatureDefinition] = {}
    for name, bound in list(vars(live).items()):
        for value in _features_in(bound):
            if value is bound:
                own_definition(name, module, project)
            if id(value) not in definitions:
                definitions[id(value)] = _define(value, module, project)
    if not definitions:
        raise StrategyInvalid(f"{module.path} has no features; decorate a function with @feature")
    made = list(definitions.values())
    libraries = {"polars", *(name for each in made for name in each.logic.libraries)}
    return FeatureGraph.from_definitions(
        made, source_columns=columns, distributions=distributions_of(libraries)
    )


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


def _define(function: Callable[..., Any], module: Module, project: Project) -> FeatureDefinition:
    declaration = getattr(function, ATTRIBUTE, None)
    if not isinstance(declaration, FeatureDeclaration):
        raise StrategyInvalid(f"{function!r} is no feature; decorate it with @feature")
    root = root_of(function, module, project)
    allow = EFFECTS if declaration.impure else frozenset()
    logic = _checked_logic(root, project, function, allow)
    return FeatureDefinition(declaration, dependencies_of(root.node), logic, function)


def _checked_logic(
    root: Root, project: Project, function: Callable[..., Any], allow: frozenset[str]
) -> Logic:
    trace = trace_logic(root, project, allow)
    check_live(trace, root, project, function)
    return trace.logic


def _check_allow(allow: frozenset[str]) -> None:
    if unknown := set(allow) - EFFECTS:
        raise FeatureLogicRefused(
            f"unknown classes of refusal {sorted(unknown)}; there are {sorted(EFFECTS)}"
        )


def _partial_logic(function: functools.partial[Any], allow: frozenset[str]) -> Logic:
    inner = logic_of(function.func, allow=allow)
    given = form("partial", value_form(function.args), value_form(dict(function.keywords)))
    shown = f"args={function.args!r}, keywords={function.keywords!r}"
    partial = Component("partial", "arguments", given, (), shown)
    return make_logic([*inner.components, partial], inner.externals)


@lru_cache(maxsize=1)
def _installed() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def distributions_of(libraries: Iterable[str]) -> dict[str, str]:
    """Look up the installed distributions of libraries, with their versions.

    Raises
    ------
    FeatureLogicRefused
        For a module that belongs to no distribution: its logic cannot be told apart from another.
        One that is not there at all, as behind ``except ImportError``, is left out.
    """
    found: dict[str, str] = {}
    for library in sorted(set(libraries) - {"tradeworthy"}):
        if library in sys.stdlib_module_names:
            continue
        names = _installed().get(library, ())
        if not names and importlib.util.find_spec(library) is not None:
            raise FeatureLogicRefused(
                f"module {library!r} is neither in the feature file's folder nor part of an "
                "installed distribution; move it beside the file or install it",
                reason="unknown_library",
            )
        for name in names:
            found[name] = importlib.metadata.version(name)
    return found
