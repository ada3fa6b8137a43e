"""The canonical form of Python code: an explicit allowlist of syntax, locals without names.

Every node kind and field that counts is listed here or has its own encoder. A node or a field
that is neither listed nor knowingly dropped is refused, never skipped: a future Python that adds
syntax makes a refusal, not a blind spot.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from tradeworthy.features.logic.encoder import NOTHING, atom, form, scalar, sequence, string
from tradeworthy.features.logic.literals import names_in
from tradeworthy.features.logic.project import Module
from tradeworthy.features.logic.public_names import PublicName
from tradeworthy.features.logic.resolution import External, Resolver, Symbol
from tradeworthy.features.logic.scopes import Scope
from tradeworthy.features.logic.unsupported_constructs import Place, refuse

FIELDS: dict[str, tuple[str, ...]] = {
    "Assert": ("test", "msg"),
    "Assign": ("targets", "value"),
    "AsyncFor": ("target", "iter", "body", "orelse"),
    "AsyncWith": ("items", "body"),
    "AugAssign": ("target", "op", "value"),
    "Await": ("value",),
    "BinOp": ("left", "op", "right"),
    "BoolOp": ("op", "values"),
    "Break": (),
    "Compare": ("left", "ops", "comparators"),
    "Continue": (),
    "Delete": ("targets",),
    "Dict": ("keys", "values"),
    "Expr": ("value",),
    "For": ("target", "iter", "body", "orelse"),
    "If": ("test", "body", "orelse"),
    "IfExp": ("test", "body", "orelse"),
    "List": ("elts",),
    "Match": ("subject", "cases"),
    "MatchClass": ("cls", "patterns", "kwd_attrs", "kwd_patterns"),
    "MatchOr": ("patterns",),
    "MatchSequence": ("patterns",),
    "MatchSingleton": ("value",),
    "MatchValue": ("value",),
    "NamedExpr": ("target", "value"),
    "Raise": ("exc", "cause"),
    "Return": ("value",),
    "Slice": ("lower", "upper", "step"),
    "Starred": ("value",),
    "Subscript": ("value", "slice"),
    "Try": ("body", "handlers", "orelse", "finalbody"),
    "TryStar": ("body", "handlers", "orelse", "finalbody"),
    "Tuple": ("elts",),
    "UnaryOp": ("op", "operand"),
    "While": ("test", "body", "orelse"),
    "With": ("items", "body"),
    "Yield": ("value",),
    "YieldFrom": ("value",),
    "keyword": ("arg", "value"),
    "match_case": ("pattern", "guard", "body"),
    "withitem": ("context_expr", "optional_vars"),
    **dict.fromkeys(
        names_in(
            "Add And BitAnd BitOr BitXor Div Eq FloorDiv Gt GtE In Invert Is IsNot LShift Lt LtE "
            "MatMult Mod Mult Not NotEq NotIn Or Pow RShift Sub UAdd USub"
        ),
        (),
    ),
}
"""Node kinds encoded field by field, in this order."""

BLOCKS = frozenset({"body", "orelse", "finalbody"})
DROPPED = frozenset({"ctx", "kind", "type_comment", "type_params", "simple"})


@dataclass(slots=True)
class Draft:
    """What the encoding of one component gathers on its way.

    Attributes
    ----------
    references
        The user's symbols in order of first use; the text refers to them by position.
    externals
        Qualified names of libraries.
    uses
        How the source reached each symbol: name, attributes taken, symbol.
    names_count
        Whether it reads the name of a function or class, so that renaming one matters.
    """

    references: list[Symbol] = field(default_factory=list)
    externals: set[str] = field(default_factory=set)
    uses: list[tuple[str, tuple[str, ...], Symbol]] = field(default_factory=list)
    names_count: bool = False

    def reference(self, symbol: Symbol) -> str:
        """Encode a reference by its position among this component's references."""
        if symbol not in self.references:
            self.references.append(symbol)
        return atom("r", str(self.references.index(symbol)))


@dataclass(frozen=True, slots=True)
class Walk:
    """Where the encoder stands.

    Attributes
    ----------
    module, resolver
        The source and how its free names are resolved.
    allow
        Classes of refusal that are let through.
    draft
        What is gathered.
    cells
        Free variables of a closure, known from its live cells.
    scope
        The innermost scope, None at the top level of the module.
    """

    module: Module
    resolver: Resolver
    allow: frozenset[str]
    draft: Draft
    cells: Mapping[str, Symbol] = field(default_factory=dict)
    scope: Scope | None = None

    def inside(self, scope: Scope) -> Walk:
        """Enter a scope."""
        return replace(self, scope=scope)

    def place(self, node: ast.AST) -> Place:
        """Tell where a node stands."""
        return Place(self.module.path, getattr(node, "lineno", 0))

    def forbid(self, effect: str | None, what: str, node: ast.AST) -> None:
        """Refuse ``what`` if it has an effect that is not allowed."""
        if effect is not None and effect not in self.allow:
            raise refuse(
                effect,
                f"`{what}` cannot be hashed ({effect.replace('_', ' ')}); pass the value in as a "
                "column or a constant, or mark the feature impure with a salt",
                self.place(node),
            )

    def external(self, target: External) -> str:
        """Encode a library's name."""
        self.draft.externals.add(target.name)
        return atom("x", target.name)

    def public(self, target: PublicName) -> str:
        """Encode a public name of this product with the number of its behaviour."""
        self.draft.externals.add(target.name)
        return form("public", string(target.name), scalar(target.semantics))


Encode = Callable[[ast.AST, Walk], str]
ENCODERS: dict[str, tuple[tuple[str, ...], Encode]] = {}


def encoder(*kinds: str, fields: str) -> Callable[[Encode], Encode]:
    """Register the encoder of node kinds, with the fields that it takes care of."""

    def register(function: Encode) -> Encode:
        for kind in kinds:
            ENCODERS[kind] = (tuple(fields.split()), function)
        return function

    return register


@cache
def _unknown_fields(name: str, fields: tuple[str, ...]) -> tuple[str, ...] | None:
    """List the fields that nobody takes care of; None for a node kind that nobody knows."""
    if name in ENCODERS:
        known = ENCODERS[name][0]
    elif name in FIELDS:
        known = FIELDS[name]
    else:
        return None
    return tuple(each for each in fields if each not in known and each not in DROPPED)


def encode(node: ast.AST, walk: Walk) -> str:
    """Encode one node.

    Raises
    ------
    FeatureLogicRefused
        For syntax outside the allowlist and for anything that cannot be seen through.
    """
    kind = type(node).__name__
    unknown = _unknown_fields(kind, node._fields)
    if unknown is None or any(getattr(node, each, None) for each in unknown):
        raise refuse(
            "unknown_node", f"the syntax `{kind}` has no canonical form yet", walk.place(node)
        )
    if kind in ENCODERS:
        return ENCODERS[kind][1](node, walk)
    return form(kind, *(_encode_field(node, each, walk) for each in FIELDS[kind]))


def _encode_field(node: ast.AST, name: str, walk: Walk) -> str:
    value = getattr(node, name)
    if isinstance(value, list):
        return block(value, walk) if name in BLOCKS else encode_all(value, walk)
    return encode_optional(value, walk)


def encode_optional(value: object, walk: Walk) -> str:
    """Encode a node, a name or nothing."""
    return encode(value, walk) if isinstance(value, ast.AST) else scalar(value)


def encode_all(values: Sequence[object], walk: Walk) -> str:
    """Encode a list in its order."""
    return sequence([encode_optional(value, walk) for value in values])


def block(statements: Sequence[ast.stmt], walk: Walk) -> str:
    """Encode statements without those that do nothing."""
    return sequence([encode(each, walk) for each in statements if not is_idle(each, walk)])


def is_idle(statement: ast.stmt, walk: Walk) -> bool:
    """Tell whether a statement is only notation: docstrings, ``pass``, plain declarations."""
    match statement:
        case ast.Pass() | ast.Global() | ast.Nonlocal():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.AnnAssign(value=None):
            return walk.scope is None or walk.scope.kind != "class"
        case ast.Import() | ast.ImportFrom() if walk.scope is not None:
            names = [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
            return all(name in walk.scope.imports for name in names)
    return False


def nothing_or(value: ast.AST | None, walk: Walk) -> str:
    """Encode an optional node."""
    return NOTHING if value is None else encode(value, walk)
