"""Whether a version's features are the ones that are active and running."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from tradeworthy.base.digests import Json
from tradeworthy.features.graph_diff import GraphDiff, diff_snapshots
from tradeworthy.features.graph_node import SnapshotNode
from tradeworthy.features.graph_snapshot import GraphSnapshot
from tradeworthy.features.in_place_edits import in_place_edits
from tradeworthy.features.node_hashes import graph_hash
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.promotion.advice import keep_beside, put_back, train_anew


@dataclass(frozen=True, slots=True)
class Alignment:
    """The three hashes of a version, and what differs where.

    ``active`` and ``running`` are None where the release or the code lacks one of the nodes;
    ``unreadable`` says why the running code could not be hashed; ``release_files`` are what a
    release holds that aligns the version and keeps every version in use. ``edits`` maps what was
    edited in place, and ``in_use`` what other live versions need of that, to the version that the
    new definition needs.
    """

    bound: str
    active: str | None
    running: str | None
    differences: Mapping[str, GraphDiff]
    unreadable: str | None = None
    release_files: tuple[str, ...] = ()
    edits: Mapping[str, int] = field(default_factory=dict)
    in_use: Mapping[str, int] = field(default_factory=dict)

    @property
    def aligned(self) -> bool:
        """Whether running = active = bound."""
        return self.bound == self.active == self.running

    def lines(self) -> tuple[str, ...]:
        """Say what differs, a line a difference."""
        differences = [
            f"{place}: {line}"
            for place, diff in self.differences.items()
            for line in diff.explain()
        ]
        if self.unreadable is not None:
            differences.append(f"running: {self.unreadable}")
        if self.active is None and "active" not in self.differences:
            differences.append("active: no release is active; activate one")
        return tuple(differences)

    def ways_out(self, manifest: Manifest) -> tuple[str, ...]:
        """Say what aligns the version of this manifest again; nothing if it is aligned."""
        file = manifest.code.feature_file or "FILE"
        if self.running == self.bound:
            return () if self.active == self.bound else (self._way_to_activate(manifest, file),)
        ways = [put_back(file)]
        if self.active != self.bound:
            ways.append(self._activate(file))
        if self.unreadable is None or manifest.code.feature_file is None:
            ways.append(f"or {train_anew(manifest.model, self.edits)}")
        return tuple(ways)

    def _way_to_activate(self, manifest: Manifest, file: str) -> str:
        """Say how to activate code that may have been edited in place while others use it."""
        graph = manifest.feature_graph
        if not self.in_use:
            return self._activate(file)
        if graph is not None and any(key in graph.nodes for key in self.in_use):
            return train_anew(manifest.model, self.in_use)
        return f"{keep_beside(self.in_use)}, then {self._activate(file)}"

    def _activate(self, file: str) -> str:
        files = shlex.join(self.release_files or (file,))
        return f"run `tradeworthy features activate {files}`, of the home's strategies folder"

    def to_json(self) -> dict[str, Json]:
        """Return the alignment as JSON."""
        return {
            "aligned": self.aligned,
            "bound": self.bound,
            "active": self.active,
            "running": self.running,
            "differences": list(self.lines()),
            "nodes": [
                {"place": place, **node}
                for place, diff in self.differences.items()
                for node in diff.nodes()
            ],
        }


def compare(
    bound: GraphSnapshot,
    active: Mapping[str, SnapshotNode] | None,
    running: Mapping[str, SnapshotNode] | None,
    unreadable: str | None = None,
) -> Alignment:
    """Compare what a version was trained on with the active release and the running code.

    Parameters
    ----------
    bound
        The snapshot in the version's manifest.
    active, running
        Nodes by key, of the active release and of the code; None where there is none.
    unreadable
        Why there is no running code.
    """
    differences = {}
    hashes: dict[str, str | None] = {}
    for place, nodes in (("active", active), ("running", running)):
        hashes[place] = _hash_in(bound, nodes)
        if nodes is not None and hashes[place] != bound.hash:
            differences[place] = diff_in(bound, nodes)
    edits = (
        in_place_edits(differences["running"], running or {}) if "running" in differences else {}
    )
    return Alignment(
        bound.hash, hashes["active"], hashes["running"], differences, unreadable, edits=edits
    )


def _hash_in(bound: GraphSnapshot, nodes: Mapping[str, SnapshotNode] | None) -> str | None:
    if nodes is None or any(key not in nodes for key in bound.inputs):
        return None
    return graph_hash((key, nodes[key].node_hash) for key in bound.inputs)


def diff_in(bound: GraphSnapshot, nodes: Mapping[str, SnapshotNode]) -> GraphDiff:
    """Tell what changed from what a version is bound to, to the same features among ``nodes``."""
    return diff_snapshots(bound, closure_in(bound, nodes))


def closure_in(bound: GraphSnapshot, nodes: Mapping[str, SnapshotNode]) -> GraphSnapshot:
    """Return what the bound inputs depend on among ``nodes``; missing inputs are left out."""
    inputs = tuple(key for key in bound.inputs if key in nodes)
    kept: dict[str, SnapshotNode] = {}
    stack = list(inputs)
    while stack:
        key = stack.pop()
        if key in nodes and key not in kept:
            kept[key] = nodes[key]
            stack.extend(parent for _, parent in nodes[key].dependencies)
    ordered = {key: node for key, node in nodes.items() if key in kept}
    return GraphSnapshot(inputs, ordered, {})
