"""Static resolution of free names: to a user's symbol, or to a qualified library name."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from tradeworthy.errors import FeatureLogicRefused
from tradeworthy.features.logic.literals import names_in
from tradeworthy.features.logic.project import Module, Project
from tradeworthy.features.logic.public_names import (
    PACKAGE,
    PublicName,
    find_public,
    is_namespace,
    public_name_for,
)
from tradeworthy.features.logic.unsupported_constructs import Place, refuse

# Fixed, so that the same source resolves alike on every version of Python.
_BUILTINS = names_in(
    "ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup "
    "BlockingIOError BrokenPipeError BufferError BytesWarning ChildProcessError "
    "ConnectionAbortedError ConnectionError ConnectionRefusedError ConnectionResetError "
    "DeprecationWarning EOFError Ellipsis EncodingWarning EnvironmentError Exception "
    "ExceptionGroup FileExistsError FileNotFoundError FloatingPointError FutureWarning "
    "GeneratorExit IOError ImportError ImportWarning IndentationError IndexError "
    "InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError "
    "ModuleNotFoundError NameError NotADirectoryError NotImplemented NotImplementedError OSError "
    "OverflowError PendingDeprecationWarning PermissionError ProcessLookupError RecursionError "
    "ReferenceError ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration StopIteration "
    "SyntaxError SyntaxWarning SystemError SystemExit TabError TimeoutError TypeError "
    "UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError "
    "UnicodeWarning UserWarning ValueError Warning ZeroDivisionError __build_class__ __debug__ "
    "__doc__ __file__ __import__ __loader__ __name__ __package__ __path__ __spec__ __builtins__ "
    "abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod "
    "compile complex copyright credits delattr dict dir divmod enumerate eval exec exit filter "
    "float format frozenset getattr globals hasattr hash help hex id input int isinstance "
    "issubclass iter len license list locals map max memoryview min next object oct open ord pow "
    "print property quit range repr reversed round set setattr slice sorted staticmethod str sum "
    "super tuple type vars zip"
)


@dataclass(frozen=True, slots=True)
class External:
    """A builtin, standard library or third-party object by qualified name."""

    name: str


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something of the user's: a top-level name of a module, a default or a closure cell."""

    module: str
    name: str
    role: str = "global"


@dataclass(frozen=True, slots=True)
class ImportTarget:
    """What an import binds: a module, or a name inside one."""

    module: str
    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """A target and how many of the attributes after the name it took in."""

    target: External | PublicName | Symbol
    taken: int


@dataclass(slots=True)
class Resolver:
    """Resolve names against a project."""

    project: Project
    _following: set[tuple[str, str]] = field(default_factory=set)

    def resolve(
        self, module: Module, name: str, attributes: Sequence[str], place: Place
    ) -> Resolved:
        """Resolve ``name.attribute...`` as seen from the top level of ``module``.

        Raises
        ------
        FeatureLogicRefused
            For a name nobody binds, a module used as a value, a star import, an imported object
            that the module patches, and an import that leaves the project's folder.
        """
        bindings = module.bindings
        if bindings.star_line is not None:
            raise refuse(
                "star_import",
                f"`{name}` may come from a star import; import the names one by one",
                Place(module.path, bindings.star_line),
            )
        statements = bindings.names.get(name)
        if statements is None:
            return _builtin(name, attributes, place)
        target = import_target(module, statements, name)
        if target is None:
            return Resolved(Symbol(module.name, name), 0)
        if name in bindings.patched:
            raise refuse(
                "patched_import",
                f"the module assigns to `{name}`, which it imports; define your own name instead",
                Place(module.path, bindings.patched[name]),
            )
        return self.follow(target, attributes, place)

    def follow(self, target: ImportTarget, attributes: Sequence[str], place: Place) -> Resolved:
        """Resolve what an import binds, with the attributes that follow it."""
        path = [target.symbol, *attributes] if target.symbol else list(attributes)
        found = self._walk(target.module, path, place, imported=target)
        shift = 1 if target.symbol else 0
        return Resolved(found.target, found.taken - shift)

    def _walk(
        self, dotted: str, path: Sequence[str], place: Place, imported: ImportTarget
    ) -> Resolved:
        """Descend from a module along attributes: own files first, else a library's name."""
        if dotted.partition(".")[0] == PACKAGE:
            return _public(dotted.split("."), path, place)
        for end in range(len(path) + 1):
            module = self._user_module(".".join([dotted, *path[:end]]))
            if module is None:
                continue
            while end < len(path):
                if path[end] in module.bindings.names or module.bindings.star_line is not None:
                    return self._inside(module, path, end, place)
                deeper = self._user_module(f"{module.name}.{path[end]}")
                if deeper is None:
                    raise refuse(
                        "unknown_name",
                        f"`{module.name}` has no top-level name `{path[end]}`; define it there",
                        place,
                    )
                module, end = deeper, end + 1  # noqa: PLW2901 - the loop ends here
            raise _module_as_value(module.name, place)
        if not path:
            raise _module_as_value(imported.module, place)
        return Resolved(External(".".join([dotted, *path])), len(path))

    def _inside(self, module: Module, path: Sequence[str], start: int, place: Place) -> Resolved:
        step = (module.name, path[start])
        if step in self._following:
            raise refuse("unknown_name", f"`{path[start]}` is imported in a circle", place)
        self._following.add(step)
        try:
            found = self.resolve(module, path[start], path[start + 1 :], place)
        finally:
            self._following.discard(step)
        return Resolved(found.target, found.taken + start + 1)

    def _user_module(self, dotted: str) -> Module | None:
        return self.project.module(dotted)


def _builtin(name: str, attributes: Sequence[str], place: Place) -> Resolved:
    if name not in _BUILTINS:
        raise refuse(
            "unknown_name",
            f"nothing in the source binds `{name}`; define or import it at the top of the file",
            place,
        )
    return Resolved(External(".".join(["builtins", name, *attributes])), len(attributes))


def _public(module: Sequence[str], path: Sequence[str], place: Place) -> Resolved:
    """Resolve a path into this product: to a public name, or to a refusal."""
    parts = [*module, *path]
    found = find_public(parts)
    if found is not None and found[1] > len(module):
        return Resolved(found[0], found[1] - len(module))
    dotted = ".".join(parts)
    if is_namespace(dotted):
        raise _module_as_value(dotted, place)
    public = public_name_for(parts)
    home, _, name = (public or "").rpartition(".")
    way = f"write `from {home} import {name}`" if public else "there is no public name for it"
    message = f"`{dotted}` is no public name of {PACKAGE}, its path may change; {way}"
    raise refuse("not_public", message, place)


def _module_as_value(name: str, place: Place) -> FeatureLogicRefused:
    return refuse(
        "module_value",
        f"the module `{name}` is used as a value; name the attribute you need from it",
        place,
    )


def import_target(module: Module, statements: Sequence[ast.AST], name: str) -> ImportTarget | None:
    """Tell what plain imports bind ``name`` to; None if it is bound in any other way too.

    Raises
    ------
    FeatureLogicRefused
        For a relative import that leaves the project's folder.
    """
    targets = set()
    for statement in statements:
        if isinstance(statement, ast.Import):
            targets |= {_of_import(alias, name) for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            targets |= {_of_from(module, statement, alias, name) for alias in statement.names}
        else:
            return None
    targets.discard(None)
    return targets.pop() if len(targets) == 1 else None


def _of_import(alias: ast.alias, name: str) -> ImportTarget | None:
    if alias.asname == name:
        return ImportTarget(alias.name)
    top = alias.name.partition(".")[0]
    return ImportTarget(top) if alias.asname is None and top == name else None


def _of_from(
    module: Module, statement: ast.ImportFrom, alias: ast.alias, name: str
) -> ImportTarget | None:
    if (alias.asname or alias.name) != name:
        return None
    base = module.absolute(statement.level, statement.module)
    if base is None:
        raise refuse(
            "unknown_name",
            f"the relative import of `{name}` leaves the project's folder; "
            "move the file inside, or import it by its full name",
            Place(module.path, statement.lineno),
        )
    return ImportTarget(base, alias.name)
