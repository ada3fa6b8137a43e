"""Features that top-level code makes by a call, which the source alone does not tell: refused."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from tradeworthy.errors import FeatureLogicRefused
from tradeworthy.features.logic import Module, Project
from tradeworthy.features.logic.canonical_form import Draft, Walk
from tradeworthy.features.logic.definition_forms import is_feature_decorator
from tradeworthy.features.logic.resolution import Resolver, import_target
from tradeworthy.features.logic.scopes import FunctionNode
from tradeworthy.features.source.module_values import origin

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
ADVICE = (
    "declare the features of a family on one function at the top level: "
    '@feature(name="momentum_{days}", each={"days": (5, 20)})'
)


def refuse_made_features(module: Module, statements: Sequence[ast.stmt], project: Project) -> None:
    """Refuse top-level statements that make features otherwise than by ``@feature``.

    A process that reads source would miss a feature that runs.

    Raises
    ------
    FeatureLogicRefused
        For the first one, naming the line.
    """
    for statement in statements:
        for node in _running(statement, module, project):
            if _makes(node, module, project, set()):
                raise FeatureLogicRefused(
                    f"{module.path}, line {node.lineno}: a feature is made here by a call, which "
                    f"cannot be read from the source alone; {ADVICE}",
                    reason="made_feature",
                )


def refuse_looped_feature(node: FunctionNode, module: Module) -> None:
    """Refuse a feature that a loop defines: each round replaces what the earlier ones read.

    Raises
    ------
    FeatureLogicRefused
        If the function stands inside ``for`` or ``while``.
    """
    for loop in ast.walk(module.tree):
        if isinstance(loop, ast.For | ast.AsyncFor | ast.While) and loop.lineno < node.lineno <= (
            loop.end_lineno or 0
        ):
            name = getattr(node, "name", "<lambda>")
            raise FeatureLogicRefused(
                f"{module.path}, line {node.lineno}: feature {name} is defined in a loop, and "
                f"only the last round's would run; {ADVICE}",
                reason="made_feature",
            )


def is_feature(node: ast.expr, module: Module, project: Project) -> bool:
    """Tell whether an expression is ``feature`` or ``feature(...)``."""
    first = node.func if isinstance(node, ast.Call) else node
    while isinstance(first, ast.Attribute):
        first = first.value
    if not isinstance(first, ast.Name) or not _is_imported(first.id, module):
        return False
    try:
        return is_feature_decorator(node, Walk(module, Resolver(project), frozenset(), Draft()))
    except FeatureLogicRefused:
        # A module on its own, or a name that nobody defines: not this product's decorator.
        return False


def _running(
    statement: ast.stmt, module: Module, project: Project
) -> Iterator[ast.Name | ast.Attribute]:
    """Give the names that are read on import: not those inside functions, nor ``@feature``."""
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name | ast.Attribute):
            yield node
        if isinstance(node, _FUNCTIONS):
            stack.extend(d for d in node.decorator_list if not is_feature(d, module, project))
        elif not isinstance(node, ast.Lambda):
            stack.extend(ast.iter_child_nodes(node))


def _makes(node: ast.expr, module: Module, project: Project, seen: set[int]) -> bool:
    """Tell whether a name is ``feature``, or that of a function which declares features."""
    if is_feature(node, module, project):
        return True
    owner, function = _function(node, module, project)
    if owner is None or function is None or id(function) in seen:
        return False
    seen.add(id(function))
    return any(
        isinstance(each, ast.Name | ast.Attribute) and _makes(each, owner, project, seen)
        for part in function.body
        for each in ast.walk(part)
    )


def _function(
    node: ast.expr, module: Module, project: Project
) -> tuple[Module | None, ast.FunctionDef | ast.AsyncFunctionDef | None]:
    """Find the top-level function of the user's that ``name`` or ``module.name`` stands for."""
    match node:
        case ast.Name(id=name):
            owner, own_name = origin(name, module, project)
        case ast.Attribute(attr=name):
            inner = _module_at(node.value, module, project)
            owner, own_name = (None, name) if inner is None else origin(name, inner, project)
        case _:
            return None, None
    match owner.bindings.names.get(own_name, []) if owner else []:
        case [ast.FunctionDef() | ast.AsyncFunctionDef() as found] if found.name == own_name:
            return owner, found
    return None, None


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


def _is_imported(name: str, module: Module) -> bool:
    return any(
        isinstance(each, ast.Import | ast.ImportFrom)
        for each in module.bindings.names.get(name, ())
    )
