"""A feature graph as a value: everything that a model is bound to, without live code.

A snapshot holds the ancestor closure of a model's ordered inputs, the canonical form of every
logic and what the user wrote. Every hash in it can be recomputed from the rest, and is, whenever
one is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tradeworthy.base.digests import json_digest
from tradeworthy.errors import FeatureGraphInvalid, InvalidInput
from tradeworthy.features.ancestor_order import ancestors_first
from tradeworthy.features.graph_node import SnapshotNode, check_node_hashes, read_node
from tradeworthy.features.logic import SCHEME
from tradeworthy.features.node_hashes import graph_hash

SCHEMA = "feature-graph/v1"


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


_GRAPH_KEYS = {"schema", "scheme", "hash", "inputs", "nodes", "distributions", "digest"}


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


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
