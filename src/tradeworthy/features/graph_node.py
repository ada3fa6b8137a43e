"""One node of a feature graph as a value: a feature or a source column, with its hashes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tradeworthy.errors import InvalidInput
from tradeworthy.features.logic import Component, component_from_json, logic_digest
from tradeworthy.features.node_hashes import node_hash, node_key, source_hash

SOURCE = "source"

_NODE_KEYS = {
    "name": str,
    "version": int,
    "kind": str,
    "dependencies": list,
    "semantics": dict,
    "metadata": dict,
    "logic_hash": str,
    "node_hash": str,
    "components": list,
    "source": str,
}


@dataclass(frozen=True, slots=True)
class SnapshotNode:
    """One feature or source column.

    Attributes
    ----------
    name, version, kind
        ``feature``, ``label`` or ``source``; a source column has version 0.
    dependencies
        Pairs of argument and parent key, in the order of the parameters.
    semantics
        JSON-ready declarations that change the meaning of the values, such as the dtype.
    metadata
        Owner and description: in no hash that a model is bound to.
    components
        The logic, body first; empty for a source column.
    logic_hash, node_hash
        Digests; the second covers the ancestors too.
    """

    name: str
    version: int
    kind: str
    dependencies: tuple[tuple[str, str], ...]
    semantics: Mapping[str, object]
    metadata: Mapping[str, object]
    components: tuple[Component, ...]
    logic_hash: str
    node_hash: str

    @property
    def key(self) -> str:
        """``name@version``."""
        return node_key(self.name, self.version)

    @property
    def source(self) -> str:
        """What the user wrote, the body only."""
        return self.components[0].source if self.components else ""

    def to_json(self) -> dict[str, object]:
        """Give the JSON form."""
        return {
            "name": self.name,
            "version": self.version,
            "kind": self.kind,
            "dependencies": [list(pair) for pair in self.dependencies],
            "semantics": dict(self.semantics),
            "metadata": dict(self.metadata),
            "logic_hash": self.logic_hash,
            "node_hash": self.node_hash,
            "components": [component.to_json() for component in self.components],
            "source": self.source,
        }


def read_node(key: str, data: object) -> SnapshotNode:
    """Read one node and check the digests of its own logic.

    Raises
    ------
    InvalidInput
        If anything is missing, unknown, of the wrong type or not what its hash says.
    """
    if not isinstance(data, dict) or set(data) != set(_NODE_KEYS):
        raise InvalidInput(f"the keys of node {key} are not those of a node")
    for name, kind in _NODE_KEYS.items():
        if type(data[name]) is not kind:
            raise InvalidInput(f"{name} of node {key} has the wrong type")
    if not all(isinstance(each, dict) for each in data["components"]):
        raise InvalidInput(f"a component of node {key} has the wrong type")
    if not all(_is_pair(each) for each in data["dependencies"]):
        raise InvalidInput(f"a dependency of node {key} has the wrong type")
    node = SnapshotNode(
        name=data["name"],
        version=data["version"],
        kind=data["kind"],
        dependencies=tuple((argument, parent) for argument, parent in data["dependencies"]),
        semantics=data["semantics"],
        metadata=data["metadata"],
        components=tuple(component_from_json(each) for each in data["components"]),
        logic_hash=data["logic_hash"],
        node_hash=data["node_hash"],
    )
    _check_own(key, node, data["source"])
    return node


def _check_own(key: str, node: SnapshotNode, source: str) -> None:
    is_source = node.kind == SOURCE
    if node.key != key or node.kind not in (SOURCE, "feature", "label"):
        raise InvalidInput(f"node {key} has another name, version or kind")
    if is_source != (not node.components) or is_source != (node.version == 0):
        raise InvalidInput(f"node {key} lacks its logic")
    if is_source and (node.dependencies or node.semantics):
        raise InvalidInput(f"source column {key} claims to have dependencies")
    expected = source_hash(node.name) if is_source else logic_digest(node.components)
    if node.logic_hash != expected or node.source != source:
        raise InvalidInput(f"the logic of node {key} is not what its hash says")


def check_node_hashes(nodes: Mapping[str, SnapshotNode]) -> None:
    """Recompute the hash of every node from its parents'.

    Raises
    ------
    InvalidInput
        If one differs, or a parent is missing.
    """
    for key, node in nodes.items():
        if any(parent not in nodes for _, parent in node.dependencies):
            raise InvalidInput(f"a dependency of node {key} is missing")
        parents = [(argument, nodes[parent].node_hash) for argument, parent in node.dependencies]
        expected = (
            source_hash(node.name)
            if node.kind == SOURCE
            else node_hash(
                node.name,
                node.version,
                node.kind,
                node.logic_hash,
                semantics=node.semantics,
                parents=parents,
            )
        )
        if node.node_hash != expected:
            raise InvalidInput(f"the hash of node {key} does not fit its logic and dependencies")


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and [type(each) for each in value] == [str, str]
