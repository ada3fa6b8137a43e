"""A feature graph as a value: everything that a model is bound to, without live code.

A snapshot holds the ancestor closure of a model's ordered inputs, the canonical form of every
logic and what the user wrote. Every hash in it can be recomputed from the rest, and is, whenever
one is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tradeworthy.base.digests import canonical_json, json_digest, tagged_digest
from tradeworthy.errors import FeatureGraphInvalid, InvalidInput
from tradeworthy.features.logic import SCHEME, Component, component_from_json, logic_digest

SCHEMA = "feature-graph/v1"
SOURCE = "source"


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


@dataclass(frozen=True, slots=True)
class GraphSnapshot:
    """The closure of a model's ordered inputs.

    Attributes
    ----------
    inputs
        Keys of the model's inputs, in the model's order.
    nodes
        Key to node, ancestors before descendants.
    distributions
        Installed distributions of the libraries that the logic names, with their versions; they
        are recorded apart and are in no hash.
    """

    inputs: tuple[str, ...]
    nodes: Mapping[str, SnapshotNode]
    distributions: Mapping[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """The feature graph hash: the ordered inputs with their node hashes."""
        return graph_hash((key, self.nodes[key].node_hash) for key in self.inputs)

    def to_json(self) -> dict[str, object]:
        """Give the JSON form, with a digest over all of it."""
        body: dict[str, object] = {
            "schema": SCHEMA,
            "scheme": SCHEME,
            "hash": self.hash,
            "inputs": list(self.inputs),
            "nodes": {key: node.to_json() for key, node in self.nodes.items()},
            "distributions": dict(self.distributions),
        }
        return {**body, "digest": json_digest(SCHEMA, body)}

    @classmethod
    def from_json(cls, data: object) -> GraphSnapshot:
        """Read a snapshot back, recomputing every hash.

        Raises
        ------
        FeatureGraphInvalid
            If anything is missing, unknown or not what its hash says.
        """
        try:
            return _read(data)
        except InvalidInput as error:
            raise FeatureGraphInvalid(
                f"the feature graph snapshot cannot be used: {error.message}; "
                "take it again from the feature file"
            ) from error


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


_GRAPH_KEYS = {"schema", "scheme", "hash", "inputs", "nodes", "distributions", "digest"}
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


def _read(data: object) -> GraphSnapshot:
    if not isinstance(data, dict) or set(data) != _GRAPH_KEYS:
        raise InvalidInput("its keys are not those of a snapshot")
    if data["schema"] != SCHEMA or data["scheme"] != SCHEME:
        raise InvalidInput(f"its scheme is not {SCHEMA} with {SCHEME}")
    body = {key: value for key, value in data.items() if key != "digest"}
    if json_digest(SCHEMA, body) != data["digest"]:
        raise InvalidInput("its digest does not fit its content")
    nodes, inputs, distributions = data["nodes"], data["inputs"], data["distributions"]
    if not isinstance(nodes, dict) or not _is_texts(inputs) or not isinstance(distributions, dict):
        raise InvalidInput("inputs, nodes or distributions have the wrong type")
    if not _is_texts(list(distributions.values())):
        raise InvalidInput("a distribution has no version")
    read = {key: read_node(key, value) for key, value in nodes.items()}
    ordered = ancestors_first(inputs, {key: node.dependencies for key, node in read.items()})
    if set(ordered) != set(read):
        raise InvalidInput("it holds nodes that none of its inputs reaches")
    snapshot = GraphSnapshot(tuple(inputs), {key: read[key] for key in ordered}, distributions)
    check_node_hashes(snapshot.nodes)
    if snapshot.hash != data["hash"]:
        raise InvalidInput("its hash does not fit its inputs")
    return snapshot


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
    if not all(_is_texts(each) and len(each) == 2 for each in data["dependencies"]):
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


def ancestors_first(
    roots: Sequence[str], dependencies: Mapping[str, Sequence[tuple[str, str]]]
) -> list[str]:
    """Order the ancestor closure of ``roots``, every ancestor before its descendants.

    Raises
    ------
    InvalidInput
        For a root or a dependency that is missing, and for a cycle; the cycle is shown.
    """
    ordered: dict[str, None] = {}
    on_path: dict[str, None] = {}
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        key, done = stack.pop()
        if done:
            del on_path[key]
            ordered[key] = None
        elif key not in ordered:
            if key in on_path:
                raise InvalidInput(_cycle(key, list(on_path)))
            if key not in dependencies:
                raise InvalidInput(f"node {key} is missing")
            on_path[key] = None
            stack.append((key, True))
            parents = [parent for _, parent in dependencies[key]]
            stack.extend((parent, False) for parent in reversed(parents) if parent not in ordered)
    return list(ordered)


def _cycle(key: str, path: Sequence[str]) -> str:
    return " -> ".join([*path[path.index(key) :], key])


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
