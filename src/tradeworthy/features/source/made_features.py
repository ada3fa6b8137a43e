"""Features that top-level code makes by calling ``feature`` or a factory, read from source alone.

``mom_5 = make(5)`` runs nothing here: the factory's parameters are literals, so that the name,
the closure and the defaults of what it returns can be told from the source. What cannot be told
is refused, since a process that reads source would otherwise miss a feature that runs.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tradeworthy.errors import FeatureLogicRefused
from tradeworthy.features.logic import Module, Project, Root
from tradeworthy.features.logic.assembly import default_expressions
from tradeworthy.features.logic.canonical_form import Draft, Walk
from tradeworthy.features.logic.definition_forms import is_feature_decorator
from tradeworthy.features.logic.literals import NotLiteral
from tradeworthy.features.logic.module_changes import root_name
from tradeworthy.features.logic.resolution import Resolver, Symbol, import_target
from tradeworthy.features.logic.scopes import FunctionNode, bindings_of, parameters
from tradeworthy.features.source.static_value import Names, iterated, static_value

Function = ast.FunctionDef | ast.AsyncFunctionDef
_ADDING = frozenset({"append", "add", "register"})


@dataclass(frozen=True, slots=True)
class MadeFeature:
    """A feature that a call made.

    Attributes
    ----------
    root
        The function with the values that it closes over.
    decorator
        The ``feature`` or ``feature(...)`` that declared it.
    names
        Values of the names that the decorator's arguments may use.
    """

    root: Root
    decorator: ast.expr
    names: Names


@dataclass(slots=True)
class Maker:
    """Reads the features that the top-level statements of a module make."""

    module: Module
    project: Project
    _seen: set[int] = field(default_factory=set)

    def made_by(self, statement: ast.stmt, name: str | None = None) -> Iterator[MadeFeature]:
        """Give the features that a statement binds, or puts into a list or dict it binds.

        Parameters
        ----------
        statement
            A statement of this module's top level.
        name
            Only what this name is bound to, where a statement binds several.
        """
        yield from self._statement(statement, {}, name)

    def refuse_unseen(self, statements: Sequence[ast.stmt]) -> None:
        """Refuse calls that make features in a way that the source alone does not tell.

        Call it after ``made_by`` of the same statements.

        Raises
        ------
        FeatureLogicRefused
            For the first one, naming the line.
        """
        for statement in statements:
            for node in _running(statement, lambda each: self._is_feature(each, self.module)):
                if id(node) not in self._seen and self._makes(node, self.module, set()):
                    raise FeatureLogicRefused(
                        f"{self.module.path}, line {node.lineno}: a feature is made here in a way "
                        "that cannot be read from the source alone; write it with @feature at the "
                        "top level, or call its factory there with literals: mom_5 = make(5)",
                        reason="made_feature",
                    )

    def only_makes(self, statement: ast.stmt, name: str) -> bool:
        """Tell whether a statement only reads a name, to make features from its value."""
        if name in bindings_of([statement]).bound or isinstance(statement, ast.AugAssign):
            return False
        for node in ast.walk(statement):
            is_stored = isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)
            if is_stored and root_name(node) == name:
                return False
            if isinstance(node, ast.Call) and not self._is_reading(node, name):
                return False
        return True

    def _is_reading(self, call: ast.Call, name: str) -> bool:
        match call.func:
            case ast.Name(id="range" | "str" | "globals" | "vars"):
                return True
            case ast.Attribute(attr="items" | "keys" | "values"):
                return True
            case ast.Attribute(attr=method) if method in _ADDING:
                return root_name(call.func) != name
        return self._is_feature(call.func, self.module) or self._factory(call) is not None

    def _makes(self, node: ast.AST, module: Module, seen: set[int]) -> bool:
        """Tell whether an expression is ``feature``, or a function that declares features."""
        if not isinstance(node, ast.Name | ast.Attribute):
            return False
        if self._is_feature(node, module):
            return True
        found = top_level_function(node, module, self.project)
        if found is None or id(found[1]) in seen:
            return False
        owner, function = found
        seen.add(id(function))
        return any(
            self._makes(each, owner, seen) for part in function.body for each in ast.walk(part)
        )

    def _is_feature(self, node: ast.expr, module: Module) -> bool:
        """Tell whether an expression is ``feature`` or ``feature(...)``."""
        target = node.func if isinstance(node, ast.Call) else node
        first = target
        while isinstance(first, ast.Attribute):
            first = first.value
        if not isinstance(first, ast.Name) or not _is_imported(first.id, module):
            return False
        walk = Walk(module, Resolver(self.project), frozenset(), Draft())
        try:
            return is_feature_decorator(node, walk)
        except FeatureLogicRefused:
            # A module on its own, or a name that nobody defines: not this product's decorator.
            return False

    def _statement(self, node: ast.stmt, names: Names, only: str | None) -> Iterator[MadeFeature]:
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)) if len(
                targets
            ) == len(values):
                for target, value in zip(targets, values, strict=True):
                    if only is None or (isinstance(target, ast.Name) and target.id == only):
                        yield from self._expression(value, names)
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                yield from self._expression(value, names)
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr=method), args=values)) if (
                method in _ADDING
            ):
                for value in values:
                    yield from self._expression(value, names)
            case ast.For(target=target, iter=values, body=body, orelse=[]):
                for inner in self._loop(target, values, names):
                    for each in body:
                        yield from self._statement(each, inner, only)

    def _expression(self, node: ast.expr, names: Names) -> Iterator[MadeFeature]:
        match node:
            case ast.Call():
                found = self._call(node, names)
                if found is not None:
                    yield found
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                for each in elements:
                    yield from self._expression(each, names)
            case ast.Dict(values=elements):
                for each in elements:
                    yield from self._expression(each, names)
            case (
                ast.ListComp(elt=element, generators=[ast.comprehension(ifs=[]) as loop])
                | ast.DictComp(value=element, generators=[ast.comprehension(ifs=[]) as loop])
            ):
                for inner in self._loop(loop.target, loop.iter, names):
                    yield from self._expression(element, inner)

    def _loop(self, target: ast.expr, values: ast.expr, names: Names) -> Sequence[Names]:
        """Give the names of every turn; none if the source does not tell them."""
        try:
            return iterated(target, static_value(values, self._visible(self.module, names)), names)
        except NotLiteral:
            return ()

    def _call(self, call: ast.Call, names: Names) -> MadeFeature | None:
        """Read ``feature(...)(function)`` or ``factory(...)``; None for anything else."""
        try:
            if self._is_feature(call.func, self.module):
                found = self._declared(call, self.module, names)
            else:
                found = self._from_factory(call, names)
        except NotLiteral:
            return None
        if found is not None:
            self._seen.update(id(each) for each in ast.walk(call))
        return found

    def _declared(
        self, call: ast.Call, module: Module, names: Names, *, nested: bool = False
    ) -> MadeFeature | None:
        """Read ``feature(...)(function)``."""
        match call.args:
            case [ast.Lambda() as node] if nested or not names:
                defaults = self._defaults(node, module, names) if nested else None
                return MadeFeature(Root(module, node, names, defaults), call.func, names)
            case [ast.Name(id=name) as node] if name not in names:
                found = top_level_function(node, module, self.project)
                return None if found is None else MadeFeature(Root(*found), call.func, names)
        return None

    def _factory(self, call: ast.Call) -> tuple[Module, Function] | None:
        found = top_level_function(call.func, self.module, self.project)
        if found is None or found[1].decorator_list or _product(found[1]) is None:
            return None
        return found

    def _from_factory(self, call: ast.Call, names: Names) -> MadeFeature | None:
        found = self._factory(call)
        if found is None:
            return None
        module, factory = found
        given = self._arguments(call, factory, module, names)
        product = _product(factory)
        if isinstance(product, ast.Call) and self._is_feature(product.func, module):
            return self._declared(product, module, given, nested=True)
        if isinstance(product, ast.FunctionDef):
            decorators = [d for d in product.decorator_list if self._is_feature(d, module)]
            if len(decorators) == 1:
                root = Root(module, product, given, self._defaults(product, module, given))
                return MadeFeature(root, decorators[0], given)
        return None

    def _arguments(
        self, call: ast.Call, factory: Function, module: Module, names: Names
    ) -> dict[str, object]:
        """Bind the arguments of a call to the factory's parameters, as values."""
        arguments = factory.args
        if arguments.vararg or arguments.kwarg:
            raise NotLiteral
        positional = [each.arg for each in [*arguments.posonlyargs, *arguments.args]]
        known = {each.arg for each in parameters(arguments)}
        outside = self._visible(module, {})
        given = {
            name: static_value(value, outside)
            for name, value in default_expressions(arguments).items()
        }
        here = self._visible(self.module, names)
        if len(call.args) > len(positional) or any(
            keyword.arg not in known for keyword in call.keywords
        ):
            raise NotLiteral
        for name, value in zip(positional, call.args, strict=False):
            given[name] = static_value(value, here)
        for keyword in call.keywords:
            given[str(keyword.arg)] = static_value(keyword.value, here)
        if set(given) != known:
            raise NotLiteral
        return given

    def _defaults(self, node: FunctionNode, module: Module, names: Names) -> dict[str, object]:
        seen = self._visible(module, names)
        return {
            name: static_value(value, seen)
            for name, value in default_expressions(node.args).items()
        }

    def _visible(self, module: Module, names: Names) -> Names:
        """Give the values of names as a statement of a module sees them."""
        return TopLevel(module, self.project, names)


class TopLevel(dict[str, object]):
    """Local values first, then the literals and functions of a module's top level, on demand."""

    def __init__(self, module: Module, project: Project, local: Names) -> None:
        super().__init__(local)
        self._module, self._project = module, project

    def __missing__(self, name: str) -> object:
        function = top_level_function(ast.Name(name), self._module, self._project)
        if function is not None:
            return Symbol(function[0].name, function[1].name)
        module, own_name = origin(name, self._module, self._project)
        if module is None:
            raise NotLiteral
        maker = Maker(module, self._project)
        statements = module.bindings.names.get(own_name, [])
        first, others = next(iter(statements), None), statements[1:]
        if not all(maker.only_makes(each, own_name) for each in others):
            raise NotLiteral
        match first:
            case (
                ast.Assign(targets=[ast.Name()], value=value)
                | ast.AnnAssign(value=ast.expr() as value)
            ):
                return static_value(value, {})
        raise NotLiteral


def top_level_function(
    node: ast.expr, module: Module, project: Project
) -> tuple[Module, Function] | None:
    """Find the top-level function of the user's that ``name`` or ``module.name`` stands for."""
    match node:
        case ast.Name(id=name):
            owner, own_name = origin(name, module, project)
        case ast.Attribute(attr=name):
            inner = _module_at(node.value, module, project)
            owner, own_name = (None, name) if inner is None else origin(name, inner, project)
        case _:
            return None
    match owner.bindings.names.get(own_name, []) if owner else []:
        case [ast.FunctionDef() | ast.AsyncFunctionDef() as found] if owner and (
            found.name == own_name
        ):
            return owner, found
    return None


def _module_at(node: ast.expr, module: Module, project: Project) -> Module | None:
    """Find the user module that a dotted expression names."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.insert(0, node.attr)
        node = node.value
    statements = module.bindings.names.get(node.id) if isinstance(node, ast.Name) else None
    if not isinstance(node, ast.Name) or not statements:
        return None
    target = import_target(module, statements, node.id)
    if target is None:
        return None
    base = [target.module, target.symbol] if target.symbol else [target.module]
    return project.module(".".join([*base, *attributes]))


def origin(name: str, module: Module, project: Project) -> tuple[Module | None, str]:
    """Follow an import from a user module to where the name is defined."""
    for _ in range(50):
        statements = module.bindings.names.get(name)
        target = import_target(module, statements, name) if statements else None
        if target is None:
            return module, name
        if target.symbol is None:
            return None, name
        source = project.module(target.module)
        if source is None:
            return None, name
        module, name = source, target.symbol
    return None, name


def _product(factory: Function) -> ast.FunctionDef | ast.Call | None:
    """Give what a factory of one step returns: a function it defines, or a call's result."""
    match [each for each in factory.body if _acts(each)]:
        case [ast.FunctionDef(name=name) as made, ast.Return(value=ast.Name(id=returned))]:
            return made if name == returned else None
        case [ast.Return(value=ast.Call() as call)]:
            return call
    return None


def _acts(statement: ast.stmt) -> bool:
    """Tell apart docstrings and ``pass``."""
    return not isinstance(statement, ast.Pass) and not (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _running(
    statement: ast.stmt, is_feature: Callable[[ast.expr], bool]
) -> Iterator[ast.Name | ast.Attribute]:
    """Give the names that are read on import: not those inside functions, nor ``@feature``."""
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name | ast.Attribute):
            yield node
        if isinstance(node, Function):
            stack.extend(each for each in node.decorator_list if not is_feature(each))
        elif not isinstance(node, ast.Lambda):
            stack.extend(ast.iter_child_nodes(node))


def _is_imported(name: str, module: Module) -> bool:
    return any(
        isinstance(each, ast.Import | ast.ImportFrom)
        for each in module.bindings.names.get(name, ())
    )
