"""Live checks: what runs must be what the source says.

The hash is made from source. An edited file, a patched helper or a constant that another module
changed would make it a hash of something else, so these are refused.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tradeworthy.errors import FeatureLogicRefused
from tradeworthy.features.logic.assembly import Root, Trace, default_expressions
from tradeworthy.features.logic.encoder import value_form
from tradeworthy.features.logic.literals import NotLiteral, literal_value
from tradeworthy.features.logic.project import Module, Project
from tradeworthy.features.logic.resolution import Symbol

_MISSING = object()
_FUNCTION_NODES = (ast.FunctionDef, ast.AsyncFunctionDef)


def plain_function(value: object) -> FunctionType | None:
    """Find the function behind wrappers that name what they wrap."""
    if isinstance(value, property):
        value = value.fget
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    value = getattr(value, "func", value) if type(value).__name__ == "cached_property" else value
    if callable(value):
        value = inspect.unwrap(value)
    return value if isinstance(value, FunctionType) else None


def code_shape(code: CodeType) -> tuple[object, ...]:
    """Give what a code object does, without its file and lines."""
    constants = tuple(
        code_shape(each) if isinstance(each, CodeType) else (type(each).__name__, repr_of(each))
        for each in code.co_consts
    )
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return (code.co_name, counts, names, constants, code.co_code)


def repr_of(constant: object) -> str:
    """Show a constant so that sets do not depend on the hash seed."""
    if isinstance(constant, frozenset):
        return repr(sorted((type(each).__name__, repr_of(each)) for each in constant))
    if isinstance(constant, tuple):
        return repr([(type(each).__name__, repr_of(each)) for each in constant])
    return repr(constant)


@lru_cache(maxsize=256)
def _compiled(text: str, path: str) -> tuple[CodeType, ...]:
    """Compile a module and list every code object in it."""
    found: list[CodeType] = [compile(text, path, "exec", dont_inherit=True)]
    for code in found:
        found.extend(each for each in code.co_consts if isinstance(each, CodeType))
    return tuple(found[1:])


def codes_named(module: Module, qualified: str) -> list[CodeType]:
    """List the code objects that a module's source gives a qualified name."""
    return [each for each in _compiled(module.text, module.path) if each.co_qualname == qualified]


def is_fresh(module: Module, code: CodeType) -> bool:
    """Tell whether a live code object is one that the source compiles to."""
    shape = code_shape(code)
    return any(code_shape(each) == shape for each in codes_named(module, code.co_qualname))


def check_live(trace: Trace, root: Root, project: Project, function: Callable[..., Any]) -> None:
    """Compare a live function and everything that it reaches with the source.

    Raises
    ------
    FeatureLogicRefused
        If a code object or a literal differs from the source.
    """
    live = behind(root, function)
    _require(
        live is not None and is_fresh(root.module, live.__code__),
        f"the running code of {root.name} is not what {root.module.path} says; load the file again",
    )
    assert live is not None  # noqa: S101 - required above
    if root.defaults is None:
        _check_defaults(live, root.node, root.name)
    namespaces: dict[str, Mapping[str, object]] = {root.module.name: live.__globals__}
    for symbol, draft in trace.drafts.items():
        namespace = namespaces.get(symbol.module)
        if namespace is None:
            continue
        for name, attributes, target in draft.uses:
            value = _reach(namespace, name, attributes)
            if value is not _MISSING and target != root.symbol:
                _check_symbol(target, value, project, namespaces)


def behind(root: Root, function: Callable[..., Any]) -> FunctionType | None:
    """Find the function of the source behind a decorated one, by wrapping or in a closure."""
    live = plain_function(function)
    if live is None or live.__code__.co_name == root.name or not live.__closure__:
        return live
    for cell in live.__closure__:
        inner = plain_function(cell.cell_contents)
        if inner is not None and inner.__code__.co_name == root.name:
            return inner
    return live


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise FeatureLogicRefused(message, reason="not_what_runs")


def _reach(namespace: Mapping[str, object], name: str, attributes: tuple[str, ...]) -> object:
    value = namespace.get(name, _MISSING)
    for attribute in attributes:
        value = inspect.getattr_static(value, attribute, _MISSING)
        if isinstance(value, ModuleType):
            continue
    return value


def _check_symbol(
    symbol: Symbol, value: object, project: Project, namespaces: dict[str, Mapping[str, object]]
) -> None:
    module = project.module(symbol.module)
    statements = module.bindings.names.get(symbol.name, []) if module else []
    if module is None or len(statements) != 1:
        return
    statement = statements[0]
    if isinstance(statement, _FUNCTION_NODES):
        _check_function(symbol, value, module, statement, namespaces)
    elif isinstance(statement, ast.ClassDef):
        _check_class(symbol, value, module, statement)
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        _check_constant(symbol, value, statement)


def _check_function(
    symbol: Symbol,
    value: object,
    module: Module,
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    namespaces: dict[str, Mapping[str, object]],
) -> None:
    live = behind(Root(module, node), value) if callable(value) else None
    if live is None and node.decorator_list:
        return
    _require(
        live is not None and is_fresh(module, live.__code__),
        f"the running helper {symbol.name} is not what {module.path} says; load the file again and "
        "do not replace it from outside",
    )
    assert live is not None  # noqa: S101 - required above
    _check_defaults(live, node, symbol.name)
    namespaces.setdefault(symbol.module, live.__globals__)


def _check_defaults(live: FunctionType, node: ast.AST, name: str) -> None:
    arguments = getattr(node, "args", None)
    if not isinstance(arguments, ast.arguments):
        return
    signature = inspect.signature(live, follow_wrapped=False)
    for argument, expression in default_expressions(arguments).items():
        parameter = signature.parameters.get(argument)
        if parameter is not None:
            _require(
                _same(parameter.default, expression),
                f"the default of {argument} in {name} was changed at run time; load the file again",
            )


def _check_class(symbol: Symbol, value: object, module: Module, node: ast.ClassDef) -> None:
    _require(isinstance(value, type), f"class {symbol.name} was replaced; load the file again")
    for name, expression in _class_parts(node):
        live = inspect.getattr_static(value, name, _MISSING)
        if isinstance(expression, ast.AST):
            if type(live) in (int, float, str, bool, tuple, list, dict, bytes):
                _require_same(live, expression, f"{symbol.name}.{name}")
            continue
        function = plain_function(live)
        if function is not None:
            _require(
                is_fresh(module, function.__code__),
                f"the method {symbol.name}.{name} is not what {module.path} says; "
                "load the file again",
            )


def _class_parts(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr | None]]:
    """Give the names bound once in a class: attributes with their value, methods without."""
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name=name, decorator_list=[]):
                yield name, None
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value


def _check_constant(symbol: Symbol, value: object, node: ast.Assign | ast.AnnAssign) -> None:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if node.value is None or not all(isinstance(target, ast.Name) for target in targets):
        return
    _require_same(value, node.value, symbol.name)


def _require_same(value: object, expression: ast.expr, name: str) -> None:
    if not _same(value, expression):
        raise FeatureLogicRefused(
            f"{name} is {_shown(value)} now, the source says {ast.unparse(expression)}; "
            "do not change it from outside",
            reason="not_what_runs",
        )


def _shown(value: object) -> str:
    try:
        return repr(value)
    except ValueError:
        return "a number of thousands of digits"


def _same(value: object, expression: ast.expr) -> bool:
    """Tell whether a live value is what a literal says; other expressions are taken as they are."""
    try:
        expected = literal_value(expression)
    except NotLiteral:
        return True
    try:
        return value_form(value) == value_form(expected)
    except FeatureLogicRefused:
        return False
