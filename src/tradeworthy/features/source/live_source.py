"""From a live function back to its source: shell.

A function is found by its name at the top level of its module, or, for lambdas and functions made
by other functions, by the position of its code.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from tradeworthy.errors import FeatureLogicRefused
from tradeworthy.features.logic import Module, Project, Root, parse_module
from tradeworthy.features.logic.live_check import code_shape, codes_named, plain_function
from tradeworthy.features.logic.resolution import Symbol
from tradeworthy.features.logic.scopes import FunctionNode
from tradeworthy.features.source.source_definitions import own_definition
from tradeworthy.features.source.source_folder import locate_source, open_project


def project_of(function: Callable[..., Any]) -> tuple[Project, Module]:
    """Find the source that a function came from: a file, or text that Python keeps for it.

    Raises
    ------
    FeatureLogicRefused
        If there is none.
    """
    live = plain_function(function)
    if live is None:
        raise FeatureLogicRefused(
            f"{shown_function(function)} is not a Python function with source; write it in a file",
            reason="no_source",
        )
    filename = live.__code__.co_filename
    if Path(filename).is_file():
        return open_project(locate_source(filename))
    text = "".join(linecache.getlines(filename, live.__globals__))
    if not text:
        raise FeatureLogicRefused(
            f"{live.__qualname__} has no source; write it in a file and import it",
            reason="no_source",
        )
    project = Project(lambda _: None)
    module = parse_module("cell", "cell.py", text)
    project.add(module)
    return project, module


def shown_function(function: object) -> str:
    """Name a function, or what was given for one: its own text may be of any length, or fail."""
    return str(getattr(function, "__qualname__", f"an object of {type(function).__name__}"))


def root_of(function: Callable[..., Any], module: Module, project: Project) -> Root:
    """Find the source of a live function, by its name or else by its code.

    Raises
    ------
    FeatureLogicRefused
        If the source is not what runs, or two functions stand at one place.
    """
    name = getattr(function, "__name__", "")
    own = own_definition(name, module, project)
    if own is not None and module.bindings.names[name] == [own]:
        return Root(module, own)
    live = plain_function(function)
    if live is None:
        raise FeatureLogicRefused(f"{shown_function(function)} has no source", reason="no_source")
    owner = _owner(live, module, project)
    return _root_by_code(live, owner, project)


def _owner(live: FunctionType, module: Module, project: Project) -> Module:
    """Find the user module that a function was written in."""
    name = live.__module__
    if name == module.name or Path(live.__code__.co_filename).name != Path(module.path).name:
        found = project.module(name)
        return found if found is not None else module
    return module


def _root_by_code(live: FunctionType, module: Module, project: Project) -> Root:
    code = live.__code__
    fresh = [
        each
        for each in codes_named(module, code.co_qualname)
        if code_shape(each) == code_shape(code)
    ]
    same_line = [each for each in fresh if each.co_firstlineno == code.co_firstlineno]
    spans = {_span(each) for each in (same_line or fresh)}
    if _span(code) in spans:
        spans = {_span(code)}
    if len(spans) != 1:
        raise FeatureLogicRefused(
            f"the source of {code.co_qualname} is not what runs, or is ambiguous; load "
            f"{module.path} again",
            reason="not_what_runs",
        )
    node = _node_at(module, code.co_name, spans.pop())
    cells = _cells(live, module, project)
    nested = bool(cells) or "<locals>" in live.__qualname__
    return Root(module, node, cells, _live_defaults(live) if nested else None)


def _span(code: CodeType) -> tuple[int, int, int]:
    """Give the first line of a code object and the first position in its body."""
    starts = [
        (line, column)
        for line, _, column, _ in code.co_positions()
        if line is not None and column is not None and (line, column) > (code.co_firstlineno, 0)
    ]
    return (code.co_firstlineno, *(min(starts) if starts else (0, 0)))


def _node_at(module: Module, name: str, span: tuple[int, int, int]) -> FunctionNode:
    first, line, column = span
    found = []
    for _, node in functions_in(module.tree, ""):
        start = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
        inside = (
            (node.lineno, node.col_offset)
            <= (line, column)
            < (
                node.end_lineno or 0,
                node.end_col_offset or 0,
            )
        )
        if getattr(node, "name", "<lambda>") == name and start == first and (inside or not line):
            found.append(node)
    if not found:
        raise FeatureLogicRefused(
            f"the source of {name} is not in {module.path}; load it again", reason="no_source"
        )
    return min(found, key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0))


def _cells(live: FunctionType, module: Module, project: Project) -> dict[str, object]:
    """Read the free variables of a closure; one that may be rebound later is refused."""
    rebound = {
        name
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Nonlocal)
        for name in node.names
    }
    cells: dict[str, object] = {}
    for name, cell in zip(live.__code__.co_freevars, live.__closure__ or (), strict=True):
        if name in rebound:
            raise FeatureLogicRefused(
                f"{live.__qualname__} uses {name!r}, which another function rebinds; "
                "pass it as a default value instead",
                reason="nonlocal_rebinding",
            )
        cells[name] = _cell_value(cell.cell_contents, project)
    return cells


def _cell_value(value: object, project: Project) -> object:
    """Let a top-level function of a user module stand for itself."""
    if isinstance(value, FunctionType):
        owner = project.module(value.__module__)
        if owner is not None and value.__qualname__ in owner.bindings.names:
            return Symbol(owner.name, value.__qualname__)
    return value


def _live_defaults(live: FunctionType) -> dict[str, object]:
    arguments = live.__code__.co_varnames[: live.__code__.co_argcount]
    values = live.__defaults__ or ()
    found = dict(zip(arguments[len(arguments) - len(values) :], values, strict=True))
    return {**found, **(live.__kwdefaults__ or {})}


def functions_in(node: ast.AST, prefix: str) -> Iterator[tuple[str, FunctionNode]]:
    """Give every function of a tree with its qualified name."""
    for child in ast.iter_child_nodes(node):
        inner = prefix
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{child.name}", child
            inner = f"{prefix}{child.name}.<locals>."
        elif isinstance(child, ast.Lambda):
            yield f"{prefix}<lambda>", child
            inner = f"{prefix}<lambda>.<locals>."
        elif isinstance(child, ast.ClassDef):
            inner = f"{prefix}{child.name}."
        yield from functions_in(child, inner)
