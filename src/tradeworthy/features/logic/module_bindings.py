"""Everything at the top level of a module that gives a name its value, mutations included.

``TABLE = []`` is only part of what ``TABLE`` is when ``TABLE.append(3)`` follows, when a function
declares it ``global``, or when an alias of it is changed. Whoever uses a name depends on all of
these statements, in their order.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tradeworthy.features.logic.literals import is_immutable_literal
from tradeworthy.features.logic.module_changes import (
    ASSIGNED,
    CALLED,
    PASSED,
    RETURNED,
    ModuleChange,
    changes_by,
    effects_of,
    handed_on,
)
from tradeworthy.features.logic.scopes import bindings_of

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(slots=True)
class ModuleBindings:
    """The top level of one module.

    Attributes
    ----------
    names
        Name to the statements that bind or change it, in source order.
    order
        Position of every top-level statement, by identity.
    patched
        Imported names whose attributes or items the module assigns, with the line.
    star_line
        Line of a star import, None without one.
    namespace_line
        Line of a class that is registered as a polars namespace, None without one.
    statements
        The statements that run on import, in source order.
    """

    names: dict[str, list[ast.stmt]] = field(default_factory=dict)
    order: dict[int, int] = field(default_factory=dict)
    patched: dict[str, int] = field(default_factory=dict)
    star_line: int | None = None
    namespace_line: int | None = None
    statements: list[ast.stmt] = field(default_factory=list)

    def add(self, name: str, statement: ast.stmt) -> None:
        """Record that ``statement`` takes part in the value of ``name``, once."""
        statements = self.names.setdefault(name, [])
        if all(known is not statement for known in statements):
            statements.append(statement)


def bind_module(tree: ast.Module) -> ModuleBindings:
    r"""Find what every top-level name of a module is made of.

    Examples
    --------
    >>> found = bind_module(ast.parse("T = []\nT.append(1)\nN = 3\nprint(len(T))"))
    >>> {name: len(statements) for name, statements in found.names.items()}
    {'T': 2, 'N': 1}
    """
    statements = [*_without_overloads(list(_top_level(tree.body)))]
    found = ModuleBindings(statements=statements, namespace_line=_namespace_line(tree))
    for position, statement in enumerate(statements):
        found.order[id(statement)] = position
        _note_bindings(statement, found)
    _note_changes(statements, found)
    for name, parts in found.names.items():
        found.names[name] = sorted(parts, key=lambda part: found.order[id(part)])
    return found


def _namespace_line(tree: ast.Module) -> int | None:
    for node in tree.body:
        for decorator in getattr(node, "decorator_list", []):
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            name = str(getattr(target, "attr", getattr(target, "id", "")))
            if name.startswith("register_") and name.endswith("_namespace"):
                return int(decorator.lineno)
    return None


def _top_level(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Give the statements that run on import; the main guard's do not, type checking's count."""
    for statement in body:
        if isinstance(statement, ast.If) and _is_main_guard(statement.test):
            yield from _top_level(statement.orelse)
        elif isinstance(statement, ast.If) and _is_type_checking(statement.test):
            yield from _top_level(statement.body)
            yield from _top_level(statement.orelse)
        else:
            yield statement


def _without_overloads(statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Leave out ``typing.overload`` stubs: the definition after them replaces them."""
    final = {each.name: each for each in statements if isinstance(each, _FUNCTIONS)}
    typing = {
        alias.asname or alias.name
        for each in statements
        if isinstance(each, ast.ImportFrom) and each.module in ("typing", "typing_extensions")
        for alias in each.names
        if alias.name == "overload"
    } | {"typing.overload"}
    for each in statements:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and (
            final[each.name] is not each
            and any(ast.unparse(decorator) in typing for decorator in each.decorator_list)
        ):
            continue
        yield each


def _is_main_guard(test: ast.expr) -> bool:
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            sides = {ast.unparse(left), ast.unparse(right)}
            return sides == {"__name__", "'__main__'"}
    return False


def _is_type_checking(test: ast.expr) -> bool:
    match test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
    return False


def _note_bindings(statement: ast.stmt, found: ModuleBindings) -> None:
    bound = bindings_of([statement])
    for name in bound.bound:
        if name == "*":
            found.star_line = statement.lineno
        else:
            found.add(name, statement)
    for node in ast.walk(statement):
        if isinstance(node, ast.Global):
            for name in node.names:
                found.add(name, statement)


def _note_changes(statements: Sequence[ast.stmt], found: ModuleBindings) -> None:
    """Add to every name the statements that change it, directly or through something else."""
    suspects = {name: _suspicion(name, parts) for name, parts in found.names.items()}
    effects, handed = effects_of(statements), handed_on(statements)
    for statement in statements:
        for change in changes_by(statement):
            for name in _affected(change, effects, handed):
                kind = suspects.get(name)
                if kind == "import" and change.kind == ASSIGNED and name == change.name:
                    found.patched.setdefault(name, statement.lineno)
                elif kind == "mutable" or (kind == "fixed" and change.kind == ASSIGNED):
                    found.add(name, statement)


def _affected(
    change: ModuleChange, effects: Mapping[str, set[str]], handed: Mapping[str, set[str]]
) -> list[str]:
    """List the names that a change may reach.

    A function that is called changes neither itself nor what it returns; what is done to its
    result afterwards does.
    """
    stack = [] if change.kind == RETURNED else sorted(effects.get(change.name, ()))
    if change.kind != CALLED:
        stack += sorted(handed.get(change.name, ()))
    if change.kind in (ASSIGNED, PASSED):
        stack.append(change.name)
    reached: dict[str, None] = {}
    while stack:
        name = stack.pop()
        if name not in reached:
            reached[name] = None
            stack += sorted({*effects.get(name, ()), *handed.get(name, ())})
    return list(reached)


def _suspicion(name: str, parts: Sequence[ast.stmt]) -> str:
    """Tell how a name may change: an import, a value fixed in place, or a mutable one."""
    if all(isinstance(part, ast.Import | ast.ImportFrom) for part in parts):
        return "import"
    for part in parts:
        value = getattr(part, "value", None)
        is_assign = isinstance(part, ast.Assign | ast.AnnAssign | ast.AugAssign)
        if is_assign and value is not None and is_immutable_literal(value):
            continue
        if isinstance(part, _FUNCTIONS) and part.name == name and not part.decorator_list:
            continue
        return "mutable"
    return "fixed"
