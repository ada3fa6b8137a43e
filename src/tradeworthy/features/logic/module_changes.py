"""Which top-level names a statement may change in place, directly or through something else.

Erring here is one-sided: a statement counted without need makes a hash change too often, one that
is missed lets other logic pass as the same. Calls of unknown functions therefore count.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tradeworthy.features.logic.literals import names_in
from tradeworthy.features.logic.scopes import bindings_of, parameters

ASSIGNED, PASSED, CALLED, RETURNED = "assigned", "passed", "called", "returned"

_MEASURING_CALLS = names_in(
    "abs all any bool callable float format hash int isinstance issubclass len print range repr "
    "round str type"
)
"""Calls that change nothing and hand nothing on."""
_COPYING_CALLS = names_in(
    "dict enumerate filter frozenset list map max min reversed set sorted sum tuple zip"
)
"""Calls that change nothing themselves and hand on the elements of what they are given."""
_READING_METHODS = names_in(
    "copy count difference endswith format get index intersection isdisjoint issubset issuperset "
    "items join keys lower replace split startswith strip symmetric_difference union upper "
    "values"
)
MUTATORS = names_in(
    "add append appendleft clear difference_update discard extend extendleft insert "
    "intersection_update move_to_end pop popitem popleft remove reverse rotate setdefault sort "
    "subtract symmetric_difference_update update __setitem__ __delitem__ __iadd__"
)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_NEW_VALUES = (ast.BinOp, ast.Compare, ast.UnaryOp, ast.JoinedStr, ast.Constant)


@dataclass(frozen=True, slots=True)
class ModuleChange:
    """A name that a statement may change.

    Attributes
    ----------
    name
        The top-level name.
    kind
        ``assigned`` if one of its attributes or items is, ``passed`` if a method of it is called
        or it is an argument, ``called`` if it is a function that may change others.
    """

    name: str
    kind: str


def changes_by(statement: ast.stmt) -> Iterator[ModuleChange]:
    """Give what a top-level statement may change when the module runs.

    Examples
    --------
    >>> list(changes_by(ast.parse("grow(table)").body[0]))
    [ModuleChange(name='grow', kind='called'), ModuleChange(name='table', kind='passed')]
    """
    yield from _inside(statement, frozenset(), running=True)


def effects_of(statements: Sequence[ast.stmt]) -> dict[str, set[str]]:
    """Map a name to the names that using it may change: aliases, functions, containers.

    Examples
    --------
    >>> effects_of(ast.parse("pairs = {'t': table}").body)
    {'pairs': {'table'}}
    """
    effects: dict[str, set[str]] = {}
    for statement in statements:
        for node in ast.walk(statement):
            for name, others in _effects_at(node):
                effects.setdefault(name, set()).update(others)
    return effects


def _effects_at(node: ast.AST) -> Iterator[tuple[str, set[str]]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from ((name, _mentioned(value)) for name in _names(target))
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from ((name, _mentioned(value)) for name in _names(target))
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            yield from ((name, _mentioned(value)) for name in _names(target))
        case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
            yield from ((name, _mentioned(value)) for name in _names(target))
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, _changed_in_body(node)


def handed_on(statements: Sequence[ast.stmt]) -> dict[str, set[str]]:
    """Map a function or a class to the names whose objects its results may hold.

    Examples
    --------
    >>> handed_on(ast.parse("def table(): return TABLE").body)
    {'table': {'TABLE'}}
    """
    found: dict[str, set[str]] = {}
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, _DEFINITIONS):
                found.setdefault(node.name, set()).update(
                    name for value in _values_in(node) for name in _mentioned(value)
                )
    return found


def _values_in(node: ast.AST) -> Iterator[ast.expr]:
    """Give what a function returns or yields, and what a class keeps."""
    for each in ast.walk(node):
        match each:
            case (
                ast.Return(value=ast.expr() as value)
                | ast.Yield(value=ast.expr() as value)
                | ast.YieldFrom(value=value)
            ):
                yield value
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value) if isinstance(
                node, ast.ClassDef
            ):
                yield value


def _changed_in_body(node: ast.AST) -> set[str]:
    """List what calling a function, or using a class, may change."""
    found = {name for each in ast.walk(node) if isinstance(each, ast.Global) for name in each.names}
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            found.update(change.name for change in _by_call(each, running=True))
    return found | {change.name for change in _inside(node, frozenset(), running=False)}


def _mentioned(node: ast.AST) -> set[str]:
    """List the names whose objects an expression may hand on, or change when it is called."""
    found: set[str] = set()
    stack = [node]
    while stack:
        match each := stack.pop():
            case ast.Name(id=name):
                found.add(name)
            case ast.Lambda(body=body):
                found |= _changed_in_body(each)
                stack.append(body)
            case ast.Call() if _is_call_of(each, _MEASURING_CALLS):
                continue
            case _ if not isinstance(each, _NEW_VALUES):
                stack.extend(ast.iter_child_nodes(each))
    return found


def _names(target: ast.AST) -> list[str]:
    return [each.id for each in ast.walk(target) if isinstance(each, ast.Name)]


def _inside(node: ast.AST, hidden: frozenset[str], *, running: bool) -> Iterator[ModuleChange]:
    """Walk a statement; in functions that are only defined, well-known mutating methods count."""
    if isinstance(node, _DEFINITIONS) and running:
        yield from _by_decorators(node)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        yield from (
            change
            for default in [*node.args.defaults, *node.args.kw_defaults]
            if default is not None
            for change in _inside(default, hidden, running=running)
        )
        body: Sequence[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else node.body
        own = bindings_of(body).locals() + [each.arg for each in parameters(node.args)]
        hidden, running = hidden | frozenset(own), False
    yield from (each for each in _direct(node, running=running) if each.name not in hidden)
    for child in ast.iter_child_nodes(node):
        yield from _inside(child, hidden, running=running)


def _by_decorators(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
) -> Iterator[ModuleChange]:
    """A decorator is called with what it decorates; so is the hook of a base class."""
    bases = node.bases if isinstance(node, ast.ClassDef) else []
    for each in [*node.decorator_list, *bases]:
        target = each.func if isinstance(each, ast.Call) else each
        name = root_name(target)
        if name is not None:
            yield ModuleChange(name, PASSED if isinstance(target, ast.Attribute) else CALLED)


def _direct(node: ast.AST, *, running: bool) -> Iterator[ModuleChange]:
    match node:
        case (
            ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del())
        ):
            if not _is_environment(node):
                yield from _changes_of(node, ASSIGNED)
        case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[first, *_]):
            yield from _changes_of(first, ASSIGNED)
        case ast.Call():
            yield from _by_call(node, running=running)


def _by_call(call: ast.Call, *, running: bool) -> Iterator[ModuleChange]:
    if isinstance(call.func, ast.Attribute):
        method = call.func.attr
        if method not in _READING_METHODS if running else method in MUTATORS:
            yield from _changes_of(call.func, PASSED)
    elif isinstance(call.func, ast.Name):
        if running and not _only_reads(call):
            yield ModuleChange(call.func.id, CALLED)
    elif running:
        yield from _changes_of(call.func, CALLED)
    if running and not _only_reads(call):
        for value in [*call.args, *(keyword.value for keyword in call.keywords)]:
            yield from (ModuleChange(each, PASSED) for each in sorted(_mentioned(value)))


def _only_reads(call: ast.Call) -> bool:
    """Tell a builtin that changes nothing, unless it is given something to call."""
    if not _is_call_of(call, _MEASURING_CALLS | _COPYING_CALLS):
        return False
    called = [keyword.value for keyword in call.keywords if keyword.arg == "key"]
    if _is_call_of(call, frozenset({"map", "filter"})):
        called += call.args[:1]
    return all(_is_harmless_function(each) for each in called)


def _is_call_of(call: ast.Call, names: frozenset[str]) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in names


def _is_harmless_function(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id in _MEASURING_CALLS | _COPYING_CALLS
    return isinstance(node, ast.Constant) or (
        isinstance(node, ast.Lambda) and not _changed_in_body(node)
    )


def _changes_of(node: ast.AST, kind: str) -> Iterator[ModuleChange]:
    """Give the change of ``a`` for ``a.b[c]``, and of what an expression in its place hands on."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    names = _mentioned(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
        yield ModuleChange(node.func.id, RETURNED)
        names -= {node.func.id}
    yield from (ModuleChange(name, kind) for name in sorted(names))


def root_name(node: ast.AST) -> str | None:
    """Give ``a`` for ``a.b[c].d``, None for anything that does not start with a name."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _is_environment(node: ast.AST) -> bool:
    """Tell ``os.environ[...] = ...`` apart: it sets threads and the like, no logic."""
    match node:
        case ast.Subscript(value=ast.Attribute(value=ast.Name(id="os"), attr="environ")):
            return True
    return False
