"""What a feature is: a declaration on a function, and its definition once the logic is hashed."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar, overload

from tradeworthy.errors import FeatureGraphInvalid
from tradeworthy.features.feature_family import Value, members
from tradeworthy.features.logic import Logic

P = ParamSpec("P")
R = TypeVar("R")
ATTRIBUTE = "__feature__"


@dataclass(frozen=True, slots=True)
class FeatureDeclaration:
    """What ``@feature(...)`` says about a function.

    Attributes
    ----------
    name, version
        The feature's identity; the name of a family has fields, ``volatility_{days}``.
    each
        For a family, parameter to its values; empty for a single feature.
    values
        For a member of a family, its values of these parameters.
    kind
        ``feature``, or ``label`` for a training target, which may look ahead.
    pins
        Dependency to the version that it is pinned to.
    semantics
        Declarations that are part of the node hash.
    metadata
        Owner and description.
    impure
        Whether the salt in the semantics stands in for what the hash cannot see.
    """

    name: str
    version: int = 1
    kind: str = "feature"
    pins: Mapping[str, int] = field(default_factory=dict)
    semantics: Mapping[str, object] = field(default_factory=dict)
    metadata: Mapping[str, object] = field(default_factory=dict)
    impure: bool = False
    each: Mapping[str, object] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)

    def members(self) -> tuple[FeatureDeclaration, ...]:
        """Return the declaration of each feature of a family, or this one alone."""
        if not self.each:
            return (self,)
        return tuple(
            replace(self, name=name, each=MappingProxyType({}), values=MappingProxyType(values))
            for name, values in members(self.name, self.each)
        )


@dataclass(frozen=True, slots=True)
class FeatureDefinition:
    """A feature: name, version, dependencies and logic.

    Attributes
    ----------
    declaration
        Name, version, pins, semantics.
    arguments
        Names of the parameters that are dependencies, in order.
    logic
        The hashed logic.
    function
        The live function of the dependencies; None if the definition was read from source alone.
    place
        File and line of it, in no hash and no comparison.
    """

    declaration: FeatureDeclaration
    arguments: tuple[str, ...]
    logic: Logic
    function: Callable[..., Any] | None = None
    place: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """The feature's name."""
        return self.declaration.name

    @property
    def version(self) -> int:
        """The feature's version."""
        return self.declaration.version


@overload
def feature(function: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def feature(
    *,
    version: int = 1,
    name: str | None = None,
    each: Mapping[str, Sequence[Value]] | None = None,
    pins: Mapping[str, int] | None = None,
    label: bool = False,
    lookback: int | None = None,
    dtype: str | None = None,
    owner: str | None = None,
    description: str | None = None,
    impure: bool = False,
    salt: str | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def feature(
    function: Callable[P, R] | None = None,
    /,
    *,
    version: int = 1,
    name: str | None = None,
    each: Mapping[str, Sequence[Value]] | None = None,
    pins: Mapping[str, int] | None = None,
    label: bool = False,
    lookback: int | None = None,
    dtype: str | None = None,
    owner: str | None = None,
    description: str | None = None,
    impure: bool = False,
    salt: str | None = None,
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare a function to be a feature; it stays a plain function.

    Its parameters without a default are its dependencies: source columns or other features. With
    ``each`` it is a family: a feature for each value of the parameters named there.

    Parameters
    ----------
    function
        The function, where ``@feature`` is written without parentheses.
    version
        A whole number from 1, raised by hand when the meaning changes.
    name
        The feature's name; the function's name if not given. A family's has fields.
    each
        Parameter to its values; several parameters multiply.
    pins
        Dependency to version; the newest version is taken of those not pinned.
    label
        Whether this is a training target, which may look ahead.
    lookback
        Bars before the current one that the value depends on; the look-ahead test checks it.
    dtype
        Polars data type of the values, such as ``"Float64"``; the feature table checks it.
    owner, description
        For people: in no hash that a model is bound to.
    impure, salt
        Let through logic that cannot be hashed; ``salt`` is hashed in its place and must be
        changed by hand.

    Raises
    ------
    FeatureGraphInvalid
        For a bad name or version, for ``impure`` without a salt or the reverse, and for members of
        a family with one name.

    Examples
    --------
    >>> @feature(version=2, owner="research")
    ... def log_return(close):
    ...     return close.log().diff()
    >>> log_return.__feature__.name, log_return.__feature__.version
    ('log_return', 2)
    >>> @feature(name="volatility_{days}", each={"days": (5, 20)})
    ... def volatility(log_return, days):
    ...     return log_return.rolling_std(days)
    >>> [member.name for member in volatility.__feature__.members()]
    ['volatility_5', 'volatility_20']
    """
    semantics = {"lookback": lookback, "dtype": dtype, "salt": salt}
    metadata = {"owner": owner, "description": description}

    def declare(function: Callable[P, R]) -> Callable[P, R]:
        is_method = isinstance(function, staticmethod | classmethod)
        if is_method or inspect.isclass(function) or inspect.isbuiltin(function):
            kind = type(function).__name__
            raise FeatureGraphInvalid(f"a feature is a function, not an object of {kind}")
        declared = make_declaration(
            name if name is not None else getattr(function, "__name__", ""),
            version=version,
            kind="label" if label else "feature",
            each=each,
            pins=pins or {},
            semantics=semantics,
            metadata=metadata,
            impure=impure,
        )
        setattr(function, ATTRIBUTE, declared)
        return function

    return declare if function is None else declare(function)


def make_declaration(
    name: str,
    *,
    version: int,
    kind: str = "feature",
    each: Mapping[str, object] | None = None,
    pins: Mapping[str, int] | None = None,
    semantics: Mapping[str, object] | None = None,
    metadata: Mapping[str, object] | None = None,
    impure: bool = False,
) -> FeatureDeclaration:
    """Check a declaration; options that are None are left out of it.

    Raises
    ------
    FeatureGraphInvalid
        For a name that is no identifier, a version below 1, a salt without ``impure``, and a family
        whose members have no names of their own.
    """
    declared = {key: value for key, value in (semantics or {}).items() if value is not None}
    notes = {key: value for key, value in (metadata or {}).items() if value is not None}
    for member in (name,) if each is None else (member for member, _ in members(name, each)):
        _check_name(member)
    _check_versions(name, version, pins or {})
    _check_semantics(name, declared, impure=impure)
    return FeatureDeclaration(
        name=name,
        version=version,
        kind=kind,
        pins=MappingProxyType(dict(pins or {})),
        semantics=MappingProxyType(declared),
        metadata=MappingProxyType(notes),
        impure=impure,
        each=MappingProxyType(dict(each or {})),
    )


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise FeatureGraphInvalid(
            f"{name!r} is no feature name; give one with name=, made of letters, digits and _"
        )


def _check_versions(name: str, version: int, pins: Mapping[str, int]) -> None:
    if not isinstance(pins, Mapping) or not all(isinstance(key, str) for key in pins):
        raise FeatureGraphInvalid(
            f"the pins of {name} are {pins!r}; give a dict of parameter to version, such as "
            '{"log_return": 1}'
        )
    versions = {f"version of {name}": version, **{f"pin {k}": v for k, v in pins.items()}}
    for what, number in versions.items():
        if type(number) is not int or number < 1:
            raise FeatureGraphInvalid(f"{what} is {number!r}; it must be a whole number from 1")


def _check_semantics(name: str, declared: Mapping[str, object], *, impure: bool) -> None:
    if impure != bool(declared.get("salt")) or type(declared.get("salt", "")) is not str:
        raise FeatureGraphInvalid(
            f"feature {name}: impure=True and salt=... go together; the salt stands in for what "
            "the hash cannot see"
        )
    lookback = declared.get("lookback", 0)
    if type(lookback) is not int or lookback < 0:
        raise FeatureGraphInvalid(f"feature {name}: lookback must be a whole number from 0")
    if not isinstance(declared.get("dtype", ""), str):
        raise FeatureGraphInvalid(
            f"feature {name}: dtype must be the name of a polars type, such as 'Float64'"
        )
