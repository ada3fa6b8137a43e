"""Assembly: from one function to every component that it reaches."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tradeworthy.errors import FeatureLogicRefused
from tradeworthy.features.logic import call_forms, definition_forms, literal_forms
from tradeworthy.features.logic.canonical_form import Draft, Walk, encode
from tradeworthy.features.logic.component import Component, Logic, make_logic
from tradeworthy.features.logic.definition_forms import class_form, function_form
from tradeworthy.features.logic.encoder import form, scalar, sequence, string, value_form
from tradeworthy.features.logic.foreign_changes import refuse_foreign_changes
from tradeworthy.features.logic.literals import NotLiteral, literal_value
from tradeworthy.features.logic.project import Module, Project, statement_text
from tradeworthy.features.logic.resolution import Resolver, Symbol
from tradeworthy.features.logic.scopes import FunctionNode
from tradeworthy.features.logic.unsupported_constructs import Place, refuse

__all__ = ["Root", "Trace", "call_forms", "definition_forms", "literal_forms", "trace_logic"]


@dataclass(frozen=True, slots=True)
class Root:
    """The function to hash.

    Attributes
    ----------
    module, node
        Its source.
    cells
        Values of its free variables, for a function made by another one.
    defaults
        Live values of its defaults, for the same; the expressions are used if None.
    """

    module: Module
    node: FunctionNode
    cells: Mapping[str, object] = field(default_factory=dict)
    defaults: Mapping[str, object] | None = None

    @property
    def name(self) -> str:
        """The function's name."""
        return getattr(self.node, "name", "<lambda>")

    @property
    def symbol(self) -> Symbol:
        """What other code calls it: recursion leads back to it."""
        statements = self.module.bindings.names.get(self.name, [])
        if len(statements) == 1 and statements[0] is self.node:
            return Symbol(self.module.name, self.name)
        return Symbol(self.module.name, self.name, "root")


@dataclass(frozen=True, slots=True)
class Trace:
    """A function's logic, with the symbols and drafts behind the components.

    Attributes
    ----------
    logic
        The result.
    drafts
        Symbol to what its encoding gathered, in the order of the components.
    """

    logic: Logic
    drafts: Mapping[Symbol, Draft]


@dataclass(slots=True)
class _Assembly:
    root: Root
    project: Project
    allow: frozenset[str]
    drafts: dict[Symbol, Draft] = field(default_factory=dict)
    parts: dict[Symbol, tuple[str, str, str]] = field(default_factory=dict)

    def walk(self, module: Module, draft: Draft, cells: Mapping[str, Symbol]) -> Walk:
        return Walk(module, Resolver(self.project), self.allow, draft, cells)

    def add(self, symbol: Symbol) -> None:
        """Encode one component: its kind, canonical form and source."""
        draft = self.drafts[symbol] = Draft()
        if symbol == self.root.symbol:
            self.parts[symbol] = self._body(draft)
        elif symbol.role == "default":
            self.parts[symbol] = self._default(symbol, draft)
        elif symbol.role == "closure":
            self.parts[symbol] = self._closure(symbol)
        else:
            self.parts[symbol] = self._global(symbol, draft)

    def _body(self, draft: Draft) -> tuple[str, str, str]:
        root = self.root
        cells = {name: Symbol(root.module.name, name, "closure") for name in root.cells}
        walk = self.walk(root.module, draft, cells)

        def default(name: str, _: ast.expr) -> str:
            return draft.reference(Symbol(root.module.name, name, "default"))

        return "body", function_form(root.node, walk, default), _source(root.module, [root.node])

    def _default(self, symbol: Symbol, draft: Draft) -> tuple[str, str, str]:
        if self.root.defaults is not None:
            value = self.root.defaults[symbol.name]
            return "default", value_form(value), repr(value)
        node = default_expressions(self.root.node.args)[symbol.name]
        text = encode(node, self.walk(self.root.module, draft, {}))
        return "default", form("default", text), ast.unparse(node)

    def _closure(self, symbol: Symbol) -> tuple[str, str, str]:
        value = self.root.cells[symbol.name]
        if isinstance(value, Symbol):
            self.drafts[symbol].reference(value)
            return "closure", form("closure", "r1:0"), value.name
        return "closure", form("closure", value_form(value)), repr(value)

    def _global(self, symbol: Symbol, draft: Draft) -> tuple[str, str, str]:
        module = self.project.module(symbol.module)
        if module is None:
            raise refuse("unknown_name", f"`{symbol.name}` is gone", Place(symbol.module, 0))
        statements = module.bindings.names[symbol.name]
        walk = self.walk(module, draft, {})
        only = statements[0] if len(statements) == 1 else None
        if isinstance(only, ast.FunctionDef | ast.AsyncFunctionDef):
            return "helper", function_form(only, walk), _source(module, statements)
        if isinstance(only, ast.ClassDef):
            return "class", class_form(only, walk), _source(module, statements)
        text = form("bindings", *(encode(statement, walk) for statement in statements))
        kinds = {type(statement) for statement in statements}
        kind = "helper" if kinds & {ast.FunctionDef, ast.AsyncFunctionDef} else "constant"
        kind = "class" if ast.ClassDef in kinds else kind
        return kind, text, _source(module, statements)

    def label(self, symbol: Symbol) -> str:
        """Name a component, by its module too if that is not the root's."""
        own = symbol.module == self.root.module.name
        return symbol.name if own else f"{symbol.module}.{symbol.name}"


def trace_logic(root: Root, project: Project, allow: frozenset[str] = frozenset()) -> Trace:
    """Hash a function with everything of the user's that it reaches.

    Raises
    ------
    FeatureLogicRefused
        For anything that the canonical hash cannot see through, naming the line.
    """
    assembly = _Assembly(root, project, allow)
    project.add(root.module)
    symbols = [root.symbol]
    try:
        for symbol in symbols:
            assembly.add(symbol)
            symbols.extend(
                each for each in assembly.drafts[symbol].references if each not in symbols
            )
    except RecursionError as error:
        raise FeatureLogicRefused(
            f"{root.name}: an expression is nested too deeply to hash; split it",
            reason="unknown_node",
        ) from error
    if "dynamic_code" not in allow:
        for name in dict.fromkeys(symbol.module for symbol in symbols):
            _refuse_namespaces(project.module(name))
    externals = [name for draft in assembly.drafts.values() for name in draft.externals]
    refuse_foreign_changes(symbols, externals, project)
    number = {symbol: position for position, symbol in enumerate(symbols)}
    components = []
    for symbol in symbols:
        kind, text, source = assembly.parts[symbol]
        references = tuple(number[each] for each in assembly.drafts[symbol].references)
        components.append(Component(kind, assembly.label(symbol), text, references, source))
    components.extend(_import_order(symbols, project))
    if any(draft.names_count for draft in assembly.drafts.values()):
        components.append(_names(root, symbols, project))
    return Trace(make_logic(components, externals), assembly.drafts)


def _refuse_namespaces(module: Module | None) -> None:
    """Refuse classes registered as polars namespaces: nothing in an expression names them."""
    if module is not None and module.bindings.namespace_line is not None:
        raise refuse(
            "dynamic_code",
            "a registered polars namespace cannot be traced from the expressions that use it; call "
            "its functions directly",
            Place(module.path, module.bindings.namespace_line),
        )


def default_expressions(arguments: ast.arguments) -> dict[str, ast.expr]:
    """Map every parameter with a default to its expression."""
    positional = [*arguments.posonlyargs, *arguments.args]
    without = len(positional) - len(arguments.defaults)
    pairs = zip(positional[without:], arguments.defaults, strict=True)
    found = {each.arg: value for each, value in pairs}
    for each, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if value is not None:
            found[each.arg] = value
    return found


def _import_order(symbols: Sequence[Symbol], project: Project) -> list[Component]:
    """Record in which order statements ran, for modules where a used name is bound twice.

    With every name bound once the order says nothing, so that definitions may be moved freely.
    """
    found = []
    for module_name in dict.fromkeys(each.module for each in symbols if each.role == "global"):
        module = project.module(module_name)
        if module is None:
            continue
        used = [
            (number, module.bindings.names[each.name])
            for number, each in enumerate(symbols)
            if each.module == module_name and each.role == "global"
        ]
        if all(len(statements) == 1 for _, statements in used):
            continue
        events = sorted(
            (module.bindings.order[id(statement)], number, part)
            for number, statements in used
            for part, statement in enumerate(statements)
            if len(statements) > 1 or not _is_inert(statement)
        )
        text = form("order", *(sequence([scalar(n), scalar(p)]) for _, n, p in events))
        found.append(Component("order", module_name, text, (), ""))
    return found


def _names(root: Root, symbols: Sequence[Symbol], project: Project) -> Component:
    """Record what everything is called, for logic that reads ``__name__``."""
    found = [root.name]
    nodes: list[ast.AST] = [root.node]
    for symbol in symbols:
        module = project.module(symbol.module)
        if symbol.role == "global" and module is not None:
            found.append(symbol.name)
            nodes.extend(module.bindings.names.get(symbol.name, ()))
    found.extend(
        node.name
        for top in nodes
        for node in ast.walk(top)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    )
    return Component("names", root.name, form("names", *map(string, found)), (), "")


def _is_inert(statement: ast.stmt) -> bool:
    """Tell whether a statement means the same wherever it stands."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            targets = [
                each.func if isinstance(each, ast.Call) else each
                for each in statement.decorator_list
            ]
            names = {getattr(each, "attr", getattr(each, "id", "")) for each in targets}
            defaults = default_expressions(statement.args).values()
            return names <= {"feature"} and all(_is_literal(each) for each in defaults)
        case ast.ClassDef(bases=[], keywords=[], decorator_list=[], body=body):
            return all(_is_inert(each) for each in body)
        case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.Expr(value=value):
            return value is None or _is_literal(value)
    return isinstance(statement, ast.Pass)


def _is_literal(node: ast.expr) -> bool:
    try:
        literal_value(node)
    except NotLiteral:
        return False
    return True


def _source(module: Module, statements: Sequence[ast.AST]) -> str:
    """Show what the user wrote: the value of a plain constant, else the whole statements."""
    if len(statements) == 1 and isinstance(statements[0], ast.Assign | ast.AnnAssign):
        statement = statements[0]
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        if statement.value is not None and isinstance(target, ast.Name):
            return ast.unparse(statement.value)
    if isinstance(statements[0], ast.Lambda):
        return ast.unparse(statements[0])
    return statement_text(module.text, statements)
