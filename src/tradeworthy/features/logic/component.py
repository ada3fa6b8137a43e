"""The logic of one function as named components, and its hash by the scheme ``canon/v1``.

The components form a graph: the body refers to constants and helpers, these to others, in circles
if functions are recursive. They are numbered by first reference, starting from the body, so that
the hash covers the whole reachable graph, circles included, and no name that a rename could
change. The names are kept beside it, to say what differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tradeworthy.base.digests import tagged_digest
from tradeworthy.errors import InvalidInput

SCHEME = "canon/v1"


@dataclass(frozen=True, slots=True)
class Component:
    """One named part of a feature's logic.

    Attributes
    ----------
    kind
        ``body``, ``default``, ``constant``, ``helper``, ``class``, ``closure``, ``value``,
        ``order`` or ``names``.
    name
        What the user calls it; prefixed by its module if that is not the feature's own.
    text
        The canonical form; it refers to other components by position in ``references``.
    references
        Numbers of the components that it refers to, in order of first use.
    source
        What the user wrote, for display.
    """

    kind: str
    name: str
    text: str
    references: tuple[int, ...]
    source: str

    @property
    def digest(self) -> str:
        """The digest of the canonical form alone."""
        return tagged_digest("component/v1", self.text.encode())

    @property
    def label(self) -> str:
        """What a person calls it: ``constant WINDOW``, ``helper _scale``, ``body``."""
        return {
            "body": "body",
            "default": f"default of {self.name}",
            "order": f"order of statements in {self.name}",
            "names": "names of functions",
        }.get(self.kind, f"{self.kind} {self.name}")

    def to_json(self) -> dict[str, object]:
        """Give the JSON form."""
        return {
            "kind": self.kind,
            "name": self.name,
            "digest": self.digest,
            "text": self.text,
            "references": list(self.references),
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class Logic:
    """The logic of one function.

    Attributes
    ----------
    components
        The body first, then everything it reaches by first reference.
    externals
        Qualified names of the libraries that it uses, sorted.
    digest
        The logic hash.
    """

    components: tuple[Component, ...]
    externals: tuple[str, ...]
    digest: str

    @property
    def libraries(self) -> tuple[str, ...]:
        """Top-level names of the libraries that it uses, builtins left out."""
        tops = {name.partition(".")[0] for name in self.externals}
        return tuple(sorted(tops - {"builtins"}))


def logic_digest(components: Sequence[Component]) -> str:
    """Hash components by ``canon/v1``.

    Examples
    --------
    >>> body = Component("body", "f", "r0", (1,), "")
    >>> a, b = Component("constant", "A", "i1", (), ""), Component("constant", "B", "i1", (), "")
    >>> logic_digest([body, a]) == logic_digest([body, b])
    True
    """
    parts: list[bytes] = []
    for component in components:
        parts.append(component.text.encode())
        parts.append(",".join(map(str, component.references)).encode())
    return tagged_digest(SCHEME, *parts)


def make_logic(components: Sequence[Component], externals: Sequence[str]) -> Logic:
    """Put components together under their hash."""
    return Logic(tuple(components), tuple(sorted(set(externals))), logic_digest(components))


def component_from_json(data: Mapping[str, object]) -> Component:
    """Read one component back; its digest is checked.

    Raises
    ------
    InvalidInput
        For a missing or unknown key, a wrong type, or a digest that does not fit.
    """
    kinds = {"kind": str, "name": str, "digest": str, "text": str, "references": list}
    if set(data) != {*kinds, "source"} or not isinstance(data["source"], str):
        raise InvalidInput("a component of a snapshot has missing or unknown keys")
    if any(not isinstance(data[key], kind) for key, kind in kinds.items()):
        raise InvalidInput("a component of a snapshot has a value of the wrong type")
    references = data["references"]
    assert isinstance(references, list)  # noqa: S101 - checked above
    if any(type(each) is not int for each in references):
        raise InvalidInput("a component of a snapshot refers to something that is not a number")
    component = Component(
        str(data["kind"]), str(data["name"]), str(data["text"]), tuple(references), data["source"]
    )
    if component.digest != data["digest"]:
        raise InvalidInput(f"the digest of component {component.label} does not fit its text")
    return component
