"""The summary of a graph that `tradeworthy features hash` prints."""

from __future__ import annotations

from tradeworthy.features.feature_graph import FeatureGraph
from tradeworthy.features.node_resolution import newest_versions


def graph_summary(graph: FeatureGraph) -> dict[str, object]:
    """Summarise a graph as ``{"hash": ..., "nodes": {name: {version, logic_hash, node_hash}}}``.

    The newest version of a feature stands under its name, older ones under ``name@version``.

    Examples
    --------
    >>> sorted(graph_summary(FeatureGraph.from_definitions([])))
    ['hash', 'nodes']
    """
    newest = newest_versions(graph.definitions.values())
    nodes = {}
    for key, definition in graph.definitions.items():
        is_newest = newest[definition.name] == definition.version
        node = graph.nodes[key]
        nodes[definition.name if is_newest else key] = {
            "version": definition.version,
            "logic_hash": node.logic_hash,
            "node_hash": node.node_hash,
        }
    return {"hash": graph.hash, "nodes": nodes}
