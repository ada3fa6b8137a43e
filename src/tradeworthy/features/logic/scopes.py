"""Scope analysis: which names a block binds, and where a name used in it is found.

Python's own ``symtable`` is not used: comprehension inlining made it differ between versions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(slots=True)
class Bindings:
    """The names that one block binds.

    Attributes
    ----------
    bound
        Name to the nodes that bind it, in order of the first binding.
    declared
        Names that only an annotation without a value makes local.
    outer_global, outer_nonlocal
        Names declared ``global`` or ``nonlocal``.
    """

    bound: dict[str, list[ast.AST]] = field(default_factory=dict)
    declared: dict[str, None] = field(default_factory=dict)
    outer_global: set[str] = field(default_factory=set)
    outer_nonlocal: set[str] = field(default_factory=set)

    def add(self, name: str, node: ast.AST) -> None:
        """Record that ``node`` binds ``name``."""
        self.bound.setdefault(name, []).append(node)

    def locals(self) -> list[str]:
        """List the local names in order of the first binding."""
        outer = self.outer_global | self.outer_nonlocal
        names = [*self.bound, *(name for name in self.declared if name not in self.bound)]
        return [name for name in names if name not in outer]


def bindings_of(body: Sequence[ast.AST]) -> Bindings:
    r"""Collect the names that a block binds, without entering the scopes inside it.

    Examples
    --------
    >>> found = bindings_of(ast.parse("a = b = 1\nfor i in x: (n := i)\ndef f(y): z = y").body)
    >>> found.locals()
    ['a', 'b', 'i', 'n', 'f']
    """
    found = Bindings()
    for node in body:
        _collect(node, found, inside_comprehension=False)
    return found


def _collect(node: ast.AST, found: Bindings, *, inside_comprehension: bool) -> None:
    _record(node, found, inside_comprehension=inside_comprehension)
    inside = inside_comprehension or isinstance(node, COMPREHENSIONS)
    for child in _children_in_scope(node):
        _collect(child, found, inside_comprehension=inside)


def _record(node: ast.AST, found: Bindings, *, inside_comprehension: bool) -> None:
    match node:
        case ast.NamedExpr(target=ast.Name(id=name)):
            found.add(name, node)
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if not inside_comprehension:
            found.add(name, node)
        case ast.Import() | ast.ImportFrom():
            for alias in node.names:
                found.add(alias.asname or alias.name.partition(".")[0], node)
        case ast.AnnAssign(target=ast.Name(id=name), value=None):
            found.declared[name] = None
        case ast.Global():
            found.outer_global.update(node.names)
        case ast.Nonlocal():
            found.outer_nonlocal.update(node.names)
        case _:
            _record_named(node, found)


def _record_named(node: ast.AST, found: Bindings) -> None:
    """Record statements and patterns that carry the name they bind as text."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            found.add(name, node)
        case ast.ExceptHandler(name=str(name)) | ast.MatchStar(name=str(name)):
            found.add(name, node)
        case ast.MatchAs(name=str(name)) | ast.MatchMapping(rest=str(name)):
            found.add(name, node)


def _children_in_scope(node: ast.AST) -> Iterable[ast.AST]:
    """Give the children that are evaluated in the same scope, annotations left out."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [*node.decorator_list, *_default_values(node.args)]
        case ast.Lambda():
            return _default_values(node.args)
        case ast.ClassDef():
            return [*node.decorator_list, *node.bases, *node.keywords]
        case ast.AnnAssign(target=target, value=value):
            return [] if value is None else [target, value]
        case ast.NamedExpr(value=value):
            return [value]
    return ast.iter_child_nodes(node)


def _default_values(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(value for value in arguments.kw_defaults if value is not None)]


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """List every parameter in the order of the call."""
    star = [arguments.vararg] if arguments.vararg else []
    double_star = [arguments.kwarg] if arguments.kwarg else []
    named = [*arguments.posonlyargs, *arguments.args]
    return [*named, *star, *arguments.kwonlyargs, *double_star]


@dataclass(slots=True)
class Scope:
    """One scope while a body is encoded.

    Attributes
    ----------
    kind
        ``function``, ``comprehension``, ``class`` or ``module``.
    depth
        Distance from the encoded body.
    index
        Local name to its position by first binding.
    """

    kind: str
    depth: int
    index: dict[str, int]
    bindings: Bindings
    parent: Scope | None = None
    imports: dict[str, ast.AST] = field(default_factory=dict)

    def find(self, name: str) -> tuple[Scope, str] | None:
        """Find the scope that binds ``name`` as seen from here; None for a global.

        A class scope is seen only by its own statements, not by the functions inside it.
        """
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bindings.outer_global:
                return None
            if name in scope.index and (scope.kind != "class" or scope is self):
                return scope, name
            scope = scope.parent
        return None


def function_scope(node: FunctionNode, parent: Scope | None) -> Scope:
    """Open the scope of a function: parameters first, then locals by first binding."""
    body: Sequence[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else node.body
    found = bindings_of(body)
    names = [parameter.arg for parameter in parameters(node.args)]
    imports = {
        name: nodes[0]
        for name, nodes in found.bound.items()
        if name not in names and name in found.locals() and _is_one_import(nodes)
    }
    own = [name for name in found.locals() if name not in imports]
    type_names = [parameter.name for parameter in getattr(node, "type_params", [])]
    ordered = dict.fromkeys([*names, *own, *type_names, *imports])
    index = {name: position for position, name in enumerate(ordered)}
    return Scope("function", _depth(parent), index, found, parent, imports)


def comprehension_scope(generators: Sequence[ast.comprehension], parent: Scope) -> Scope:
    """Open the scope of a comprehension: its targets by first binding."""
    found = bindings_of([generator.target for generator in generators])
    index = {name: position for position, name in enumerate(found.locals())}
    return Scope("comprehension", _depth(parent), index, found, parent)


def class_scope(node: ast.ClassDef, parent: Scope) -> Scope:
    """Open the scope of a class body; its names are attributes and stay as they are."""
    found = bindings_of(node.body)
    names = [*found.locals(), *(item.name for item in getattr(node, "type_params", []))]
    index = {name: position for position, name in enumerate(dict.fromkeys(names))}
    return Scope("class", _depth(parent), index, found, parent)


def _depth(parent: Scope | None) -> int:
    return 0 if parent is None else parent.depth + 1


def _is_one_import(nodes: Sequence[ast.AST]) -> bool:
    return len(nodes) == 1 and isinstance(nodes[0], ast.Import | ast.ImportFrom)
