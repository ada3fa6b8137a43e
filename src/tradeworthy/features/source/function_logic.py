"""The logic hash of one function, live or in a file: shell."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tradeworthy.errors import FeatureLogicRefused, StrategyInvalid
from tradeworthy.features.logic import (
    EFFECTS,
    Component,
    Logic,
    Project,
    Root,
    make_logic,
    trace_logic,
)
from tradeworthy.features.logic.encoder import form, value_form
from tradeworthy.features.logic.live_check import check_live
from tradeworthy.features.source.live_source import functions_in, project_of, root_of
from tradeworthy.features.source.source_folder import locate_source, open_project


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
    >>> from tradeworthy.features.node_hashes import node_key
    >>> logic_of(node_key).components[0].kind
    'body'
    """
    _check_allow(allow)
    if isinstance(function, functools.partial):
        return _partial_logic(function, allow)
    project, module = project_of(function)
    root = root_of(function, module, project)
    return checked_logic(root, project, function, allow)


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


def checked_logic(
    root: Root, project: Project, function: Callable[..., Any], allow: frozenset[str]
) -> Logic:
    """Hash a function from its source, and compare what runs with it.

    Raises
    ------
    FeatureLogicRefused
        If it cannot be seen through, or is not what its source says.
    """
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
    arguments = form("partial", value_form(function.args), value_form(dict(function.keywords)))
    shown = f"args={function.args!r}, keywords={function.keywords!r}"
    partial = Component("partial", "arguments", arguments, (), shown)
    return make_logic([*inner.components, partial], inner.externals)
