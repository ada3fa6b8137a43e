"""The hashes of nodes and graphs: each covers what stands above it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tradeworthy.base.digests import canonical_json, tagged_digest


def node_key(name: str, version: int) -> str:
    """Name a node by its feature and version.

    Examples
    --------
    >>> node_key("volatility", 1)
    'volatility@1'
    """
    return f"{name}@{version}"


def graph_hash(inputs: Iterable[tuple[str, str]]) -> str:
    """Hash ordered pairs of input key and node hash."""
    return tagged_digest("graph/v1", *(part.encode() for pair in inputs for part in pair))


def source_hash(name: str) -> str:
    """Hash a source column: its name is all there is."""
    return tagged_digest("source/v1", name.encode())


def node_hash(
    name: str,
    version: int,
    kind: str,
    logic_hash: str,
    *,
    semantics: Mapping[str, object],
    parents: Iterable[tuple[str, str]],
) -> str:
    """Hash a feature with all its ancestors.

    Parameters
    ----------
    name, version, kind, logic_hash, semantics
        The feature's own part.
    parents
        Pairs of argument and the parent's node hash, in the order of the parameters.
    """
    own = (name, str(version), kind, logic_hash)
    return tagged_digest(
        "node/v1",
        *(part.encode() for part in own),
        canonical_json(dict(semantics)) if semantics else b"{}",
        *(part.encode() for pair in parents for part in pair),
    )
