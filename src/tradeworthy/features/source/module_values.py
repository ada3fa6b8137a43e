"""What top-level names of users' modules stand for, as far as the source alone tells."""

from __future__ import annotations

import ast

from tradeworthy.features.logic import Module, Project
from tradeworthy.features.logic.literals import NotLiteral, literal_value
from tradeworthy.features.logic.resolution import import_target


def value_of(node: ast.expr, module: Module, project: Project) -> object:
    """Evaluate a literal, a constant of a user's module, or a display of these.

    Raises
    ------
    NotLiteral
        If the source alone does not tell.
    """
    match node:
        case ast.Name(id=name):
            return _constant(name, module, project)
        case ast.Tuple(elts=elements):
            return tuple(value_of(each, module, project) for each in elements)
        case ast.List(elts=elements):
            return [value_of(each, module, project) for each in elements]
        case ast.Dict(keys=keys, values=values) if None not in keys:
            names = [ast.literal_eval(key) for key in keys if isinstance(key, ast.Constant)]
            if len(names) == len(keys):
                found = (value_of(each, module, project) for each in values)
                return dict(zip(names, found, strict=True))
    return literal_value(node)


def _constant(name: str, module: Module, project: Project) -> object:
    """Return what a name is bound to once and for all."""
    owner, own_name = origin(name, module, project)
    match owner.bindings.names.get(own_name) if owner else None:
        case [
            ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(value=ast.expr() as value)
        ]:
            return literal_value(value)
    raise NotLiteral


def origin(name: str, module: Module, project: Project) -> tuple[Module | None, str]:
    """Follow an import from a user module to where the name is defined."""
    for _ in range(50):
        statements = module.bindings.names.get(name)
        target = import_target(module, statements, name) if statements else None
        if target is None:
            return module, name
        source = project.module(target.module) if target.symbol is not None else None
        if source is None or target.symbol is None:
            return None, name
        module, name = source, target.symbol
    return None, name
