"""Releases: immutable, content-addressed sets of features, several versions side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tradeworthy.base.digests import tagged_digest
from tradeworthy.errors import FeatureConflict, FeatureGraphInvalid, InvalidInput
from tradeworthy.features.ancestor_order import ancestors_first
from tradeworthy.features.graph_node import SnapshotNode, check_node_hashes, read_node
from tradeworthy.features.graph_snapshot import GraphSnapshot

SCHEMA = "feature-release/v1"


@dataclass(frozen=True, slots=True)
class Release:
    """A set of features with all their ancestors.

    Attributes
    ----------
    nodes
        Key to node, ancestors before descendants.
    distributions
        Versions of the libraries when the snapshots were taken; in no hash.
    """

    nodes: Mapping[str, SnapshotNode]
    distributions: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The digest of every key with its node hash."""
        pairs = sorted((key, node.node_hash) for key, node in self.nodes.items())
        return tagged_digest("release/v1", *(part.encode() for pair in pairs for part in pair))

    def to_json(self) -> dict[str, object]:
        """Give the JSON form."""
        return {
            "schema": SCHEMA,
            "digest": self.digest,
            "nodes": {key: node.to_json() for key, node in self.nodes.items()},
            "distributions": dict(self.distributions),
        }

    @classmethod
    def from_json(cls, data: object) -> Release:
        """Read a release back, recomputing every hash.

        Raises
        ------
        FeatureGraphInvalid
            If anything is missing, unknown or not what its hash says.
        """
        try:
            return _read(data)
        except InvalidInput as error:
            raise FeatureGraphInvalid(
                f"the release cannot be used: {error.message}; make it again from its snapshots"
            ) from error


def release_of(*snapshots: GraphSnapshot) -> Release:
    """Put the nodes of snapshots together in one release.

    Raises
    ------
    FeatureConflict
        If one name and version stands for two different features.
    FeatureGraphInvalid
        For a release without any node.

    Examples
    --------
    >>> from tradeworthy import FeatureGraph
    >>> graph = FeatureGraph.read_source('''
    ... from tradeworthy import feature
    ... @feature()
    ... def double(close):
    ...     return 2 * close
    ... ''')
    >>> list(release_of(graph.snapshot()).nodes)
    ['close@0', 'double@1']
    """
    nodes: dict[str, SnapshotNode] = {}
    distributions: dict[str, str] = {}
    for snapshot in snapshots:
        distributions.update(snapshot.distributions)
        for key, node in snapshot.nodes.items():
            known = nodes.setdefault(key, node)
            if known.node_hash != node.node_hash:
                raise FeatureConflict(
                    f"feature {key} comes with two different logics; raise the version of one",
                    feature=node.name,
                    version=node.version,
                )
    if not nodes:
        raise FeatureGraphInvalid("a release needs at least one feature")
    edges = {key: node.dependencies for key, node in nodes.items()}
    ordered = ancestors_first(sorted(nodes), edges)
    return Release({key: nodes[key] for key in ordered}, distributions)


def _read(data: object) -> Release:
    if not isinstance(data, dict) or set(data) != {"schema", "digest", "nodes", "distributions"}:
        raise InvalidInput("its keys are not those of a release")
    nodes, distributions = data["nodes"], data["distributions"]
    if data["schema"] != SCHEMA or not isinstance(nodes, dict) or not nodes:
        raise InvalidInput(f"its schema is not {SCHEMA}, or it has no nodes")
    if not isinstance(distributions, dict):
        raise InvalidInput("its distributions have the wrong type")
    read = {key: read_node(key, value) for key, value in nodes.items()}
    ordered = ancestors_first(sorted(read), {key: node.dependencies for key, node in read.items()})
    release = Release({key: read[key] for key in ordered}, distributions)
    check_node_hashes(release.nodes)
    if release.digest != data["digest"]:
        raise InvalidInput("its digest does not fit its nodes")
    return release
