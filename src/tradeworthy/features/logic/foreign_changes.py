"""What user modules do to each other, and to libraries, when they are imported.

``settings.WINDOW = 30`` in any module that the feature file brings in gives ``WINDOW`` another
value than the source of ``settings`` says, so that whoever uses it is refused. So is whoever uses
``numpy.sign`` or a public name of this product that a module assigns.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from tradeworthy.errors import FeatureLogicRefused
from tradeworthy.features.logic.module_changes import MUTATORS
from tradeworthy.features.logic.project import ForeignChange, Module, Project
from tradeworthy.features.logic.resolution import Resolver, Symbol, import_target
from tradeworthy.features.logic.unsupported_constructs import Place, refuse


def refuse_foreign_changes(
    symbols: Sequence[Symbol], externals: Iterable[str], project: Project
) -> None:
    """Refuse symbols and library names that a module other than their own changes.

    Raises
    ------
    FeatureLogicRefused
        If one is, naming the line that does it.
    """
    if project.entry is None:
        return
    if project.foreign_changes is None:
        project.foreign_changes = list(foreign_changes(project.entry, project))
    used = {(symbol.module, symbol.name) for symbol in symbols if symbol.role == "global"}
    used |= {_home_and_name(name) for name in externals}
    for change in project.foreign_changes:
        if (change.module, change.name) in used:
            raise refuse(
                "patched_import",
                f"`{change.name}` of {change.module} is changed here; set it where it is "
                "defined, or define a name of your own",
                Place(change.path, change.line),
            )


def foreign_changes(entry: Module, project: Project) -> Iterator[ForeignChange]:
    r"""Give every change of something imported by a module that is not its own.

    Examples
    --------
    >>> from tradeworthy.features.logic.project import parse_module
    >>> project = Project({"settings.py": "WINDOW = 20"}.get)
    >>> patching = parse_module("m", "m.py", "import settings\nsettings.WINDOW = 30")
    >>> list(foreign_changes(patching, project))
    [ForeignChange(module='settings', name='WINDOW', path='m.py', line=2)]
    """
    for module in imported_modules(entry, project):
        for statement in module.bindings.statements:
            for node in ast.walk(statement):
                target = _changed(node)
                imported = None if target is None else _imported(target, module, project)
                if imported is not None and imported[0] != module.name:
                    yield ForeignChange(*imported, module.path, getattr(node, "lineno", 0))


def imported_modules(entry: Module, project: Project) -> list[Module]:
    """List a module and every user module that importing it brings in."""
    found = {entry.name: entry}
    queue = [entry]
    for module in queue:
        for name in _imported_names(module):
            known = project.module(name)
            if known is not None and known.name not in found:
                found[known.name] = known
                queue.append(known)
    return queue


def _imported_names(module: Module) -> Iterator[str]:
    yield from _with_parents(module.name)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = module.absolute(node.level, node.module)
            if base is not None and base.partition(".")[0] != "tradeworthy":
                yield from _with_parents(base)
                yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_parents(dotted: str) -> Iterator[str]:
    """Give ``a``, ``a.b`` and ``a.b.c`` for the last: importing it runs all three."""
    parts = dotted.split(".")
    if parts[0] != "tradeworthy":
        yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _changed(node: ast.AST) -> ast.expr | None:
    """Give the expression that a node assigns to or changes in place."""
    match node:
        case ast.Attribute(ctx=ast.Store() | ast.Del()):
            return node
        case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()):
            return value
        case ast.Call(func=ast.Attribute(value=value, attr=method)) if method in MUTATORS:
            return value
        case ast.Call(
            func=ast.Name(id="setattr" | "delattr"),
            args=[owner, ast.Constant(value=str(name)), *_],
        ):
            return ast.Attribute(owner, name, ast.Store())
    return None


def _imported(node: ast.expr, module: Module, project: Project) -> tuple[str, str] | None:
    """Give the module and the name of what was imported; None for any other expression."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute | ast.Subscript):
        attributes = [] if isinstance(node, ast.Subscript) else [node.attr, *attributes]
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    statements = module.bindings.names.get(node.id, ())
    imports = [each for each in statements if isinstance(each, ast.Import | ast.ImportFrom)]
    try:
        target = import_target(module, imports, node.id) if imports else None
        if target is None:
            return None
        place = Place(module.path, imports[0].lineno)
        found = Resolver(project).follow(target, attributes, place).target
    except FeatureLogicRefused as error:
        if error.details.get("reason") == "not_public":
            # It changes this product under names that features reach by public ones.
            raise
        # What else cannot be resolved here cannot be used by a feature: it is refused there.
        return None
    return (found.module, found.name) if isinstance(found, Symbol) else _home_and_name(found.name)


def _home_and_name(qualified: str) -> tuple[str, str]:
    home, _, name = qualified.rpartition(".")
    return home, name
