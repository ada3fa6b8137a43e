"""Definitions that models are bound to and that were edited or removed under their version."""

from __future__ import annotations

from collections.abc import Mapping

from tradeworthy.features.graph_diff import REACHED, GraphDiff
from tradeworthy.features.graph_node import SnapshotNode


def in_place_edits(diff: GraphDiff, nodes: Mapping[str, SnapshotNode]) -> dict[str, int]:
    r"""Map what was edited in place to the version that its new definition needs.

    Parameters
    ----------
    diff
        From what a model is bound to, to what took its place.
    nodes
        Everything that took its place, by key.

    Examples
    --------
    >>> from tradeworthy import FeatureGraph
    >>> text = "from tradeworthy import feature\n@feature\ndef a(close):\n    return close"
    >>> graph, other = (FeatureGraph.read_source(text + end) for end in ("", " * 2"))
    >>> in_place_edits(graph.diff(other), other.nodes)
    {'a@1': 2}
    """
    edits: dict[str, int] = {}
    for change in diff.changes:
        own = []
        for part in change.components:
            before, after = ((each or "").rpartition("@") for each in (part.before, part.after))
            if part.component.startswith("dependency ") and before[0] == after[0]:
                # What it reads was added as a new version, and the old one is not pinned.
                edits[str(part.before)] = int(after[2])
            elif part.component != "inputs":
                own.append(part)
        if change.kind in {"added", REACHED} or (change.components and not own):
            continue
        newest = max(
            (node.version for node in nodes.values() if node.name == change.feature), default=0
        )
        number = newest if newest > change.version else change.version + 1
        edits[f"{change.feature}@{change.version}"] = number
    return edits
