"""Canonical forms of names and attributes: where resolution and refusals happen."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import cast

from tradeworthy.features.logic.canonical_form import (
    Walk,
    encode,
    encoder,
)
from tradeworthy.features.logic.encoder import (
    NOTHING,
    atom,
    form,
    string,
)
from tradeworthy.features.logic.public_names import PACKAGE, PublicName
from tradeworthy.features.logic.resolution import (
    External,
    ImportTarget,
    Resolved,
    Symbol,
    import_target,
)
from tradeworthy.features.logic.scopes import Scope
from tradeworthy.features.logic.unsupported_constructs import (
    builtin_effect,
    external_effect,
    method_effect,
    refuse,
)

_OWN_NAMES = frozenset({"__name__", "__qualname__"})
_ATTRIBUTE_CALLS = frozenset({"builtins.getattr", "builtins.setattr", "builtins.delattr"})


def name_form(name: str, node: ast.AST, walk: Walk) -> str:
    """Encode a name where it is bound or read."""
    return dotted_form(name, [], node, walk, call=None)


@encoder("Name", fields="id")
def _name(node: ast.AST, walk: Walk) -> str:
    return name_form(cast("ast.Name", node).id, node, walk)


@encoder("Attribute", fields="value attr")
def _attribute(node: ast.AST, walk: Walk) -> str:
    return attribute_form(cast("ast.Attribute", node), walk, call=None)


def attribute_form(node: ast.Attribute, walk: Walk, call: ast.Call | None) -> str:
    """Encode ``value.attribute``; ``call`` is the call of it, if it is called."""
    attributes: list[str] = []
    base: ast.expr = node
    while isinstance(base, ast.Attribute):
        attributes.insert(0, base.attr)
        base = base.value
    if isinstance(base, ast.Name):
        return dotted_form(base.id, attributes, node, walk, call)
    return _with_attributes(encode(base, walk), attributes, node, walk, call)


def dotted_form(
    name: str, attributes: Sequence[str], node: ast.AST, walk: Walk, call: ast.Call | None
) -> str:
    """Encode ``name.attribute...``, the name being local, a closure's, the user's or external."""
    found = walk.scope.find(name) if walk.scope is not None else None
    if found is not None and name not in found[0].imports:
        base = _local(found[0], name, node, walk)
        return _with_attributes(base, attributes, node, walk, call)
    if found is None and name in walk.cells:
        base = walk.draft.reference(walk.cells[name])
        return _with_attributes(base, attributes, node, walk, call)
    resolved = _resolve(found[0] if found else None, name, attributes, node, walk)
    target, rest = resolved.target, attributes[resolved.taken :]
    _check_target(target, rest, node, walk, call)
    if isinstance(target, Symbol):
        walk.draft.uses.append((name, tuple(attributes[: resolved.taken]), target))
    return _with_attributes(_target_form(target, walk), rest, node, walk, call)


def _local(scope: Scope, name: str, node: ast.AST, walk: Walk) -> str:
    if scope.kind != "class":
        return atom("v", f"{scope.depth}.{scope.index[name]}")
    outer = scope.parent.find(name) if scope.parent is not None else None
    if outer is not None:
        return form("class name", string(name), atom("v", f"{outer[0].depth}"))
    if name in walk.module.bindings.names and isinstance(getattr(node, "ctx", None), ast.Load):
        global_name = _resolve(None, name, [], node, walk).target
        _check_target(global_name, [], node, walk, None)
        return form("class name", string(name), _target_form(global_name, walk))
    return form("class name", string(name), NOTHING)


def _target_form(target: External | PublicName | Symbol, walk: Walk) -> str:
    match target:
        case External():
            return walk.external(target)
        case PublicName():
            return walk.public(target)
    return walk.draft.reference(target)


def _resolve(
    scope: Scope | None, name: str, attributes: Sequence[str], node: ast.AST, walk: Walk
) -> Resolved:
    place = walk.place(node)
    if scope is not None:
        target = import_target(walk.module, [scope.imports[name]], name)
        if target is not None:
            return walk.resolver.follow(target, attributes, place)
    return walk.resolver.resolve(walk.module, name, attributes, place)


def _check_target(
    target: External | PublicName | Symbol,
    attributes: Sequence[str],
    node: ast.AST,
    walk: Walk,
    call: ast.Call | None,
) -> None:
    """Refuse a library's or a public name that does more than compute."""
    if isinstance(target, External):
        _check_external(target.name, node, walk, call)
    elif isinstance(target, PublicName):
        _check_public(target, attributes, node, walk)


def _check_external(qualified: str, node: ast.AST, walk: Walk, call: ast.Call | None) -> None:
    if qualified.startswith("builtins."):
        name = qualified.split(".")[1]
        walk.forbid(builtin_effect(name), name, node)
    if qualified in _ATTRIBUTE_CALLS:
        if call is None or not _names_attribute(call):
            _forbid_attribute_call(qualified.removeprefix("builtins."), node, walk)
    else:
        walk.forbid(external_effect(qualified, call), qualified, node)
    for attribute in qualified.split(".")[2:]:
        if attribute in _OWN_NAMES:
            continue
        walk.forbid(method_effect(attribute, None), f"{qualified}", node)
    last = qualified.rpartition(".")[2]
    if last not in _OWN_NAMES or qualified.count(".") < 2:
        walk.forbid(method_effect(last, call), qualified, node)


def _check_public(target: PublicName, attributes: Sequence[str], node: ast.AST, walk: Walk) -> None:
    walk.forbid(target.effect, target.name, node)
    for attribute in attributes:
        if attribute.startswith("_") and not attribute.endswith("__"):
            raise refuse(
                "not_public",
                f"`{attribute}` of `{target.name}` is private, it may change; there is no public "
                "name for it",
                walk.place(node),
            )


def _forbid_attribute_call(name: str, node: ast.AST, walk: Walk) -> None:
    if "dynamic_code" not in walk.allow:
        raise refuse(
            "dynamic_code",
            f"`{name}` names an attribute that is only known when it runs; write the name as a "
            'literal, as in getattr(x, "rolling_mean"), or a dict of functions to choose from',
            walk.place(node),
        )


def _names_attribute(call: ast.Call) -> bool:
    """Tell whether a getattr names an ordinary attribute by a literal."""
    match call.args:
        case [_, ast.Constant(value=str(name)), *_]:
            return method_effect(name, None) is None
    return False


def _with_attributes(
    base: str, attributes: Sequence[str], node: ast.AST, walk: Walk, call: ast.Call | None
) -> str:
    for position, attribute in enumerate(attributes):
        if attribute in _OWN_NAMES:
            walk.draft.names_count = True
            base = form("Attribute", base, string(attribute))
            continue
        is_called = position == len(attributes) - 1
        effect = method_effect(attribute, call if is_called else None)
        walk.forbid(effect, attribute, node)
        base = form("Attribute", base, string(attribute))
    return base


@encoder("Import", "ImportFrom", fields="names module level")
def _import(node: ast.AST, walk: Walk) -> str:
    """Encode an import that shares its name with other bindings, as an assignment."""
    statement = cast("ast.Import | ast.ImportFrom", node)
    parts = []
    for alias in statement.names:
        bound = alias.asname or alias.name.partition(".")[0]
        target = import_target(walk.module, [statement], bound)
        if target is None:
            raise refuse("star_import", "import the names one by one", walk.place(node))
        parts.append(form("import", name_form(bound, node, walk), _imported(target, node, walk)))
    return form("Import", *parts)


def _imported(target: ImportTarget, node: ast.AST, walk: Walk) -> str:
    is_own = target.module.partition(".")[0] == PACKAGE
    if target.symbol is None and not is_own and walk.resolver.project.module(target.module) is None:
        walk.forbid(external_effect(target.module), target.module, node)
        return walk.external(External(target.module))
    found = walk.resolver.follow(target, [], walk.place(node)).target
    if isinstance(found, External):
        walk.forbid(external_effect(found.name), found.name, node)
    elif isinstance(found, PublicName):
        walk.forbid(found.effect, found.name, node)
    return _target_form(found, walk)
