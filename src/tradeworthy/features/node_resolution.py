"""From definitions to nodes: which node each parameter means, and every node's Merkle hash."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from tradeworthy.errors import (
    FeatureConflict,
    FeatureCycle,
    FeatureDependencyMissing,
    FeatureGraphInvalid,
    InvalidInput,
)
from tradeworthy.features.ancestor_order import ancestors_first
from tradeworthy.features.feature_definition import FeatureDefinition
from tradeworthy.features.graph_node import SOURCE, SnapshotNode
from tradeworthy.features.node_hashes import node_hash, node_key, source_hash


def by_key(
    definitions: Iterable[FeatureDefinition], columns: frozenset[str] | None
) -> dict[str, FeatureDefinition]:
    """Return definitions by ``name@version``, sorted.

    Raises
    ------
    FeatureConflict
        For one name and version defined twice.
    FeatureGraphInvalid
        For a feature named like a source column.
    """
    known: dict[str, FeatureDefinition] = {}
    for each in definitions:
        key = node_key(each.name, each.version)
        if key in known:
            same = known[key].logic.digest == each.logic.digest
            raise FeatureConflict(
                f"feature {key} is defined twice, {'alike' if same else 'with different logic'}"
                f" ({known[key].place} and {each.place}); "
                + ("remove one" if same else "raise the version of one"),
                feature=each.name,
                version=each.version,
            )
        if columns is not None and each.name in columns:
            raise FeatureGraphInvalid(
                f"feature {each.name} has the name of a source column; rename it"
            )
        known[key] = each
    return dict(sorted(known.items(), key=lambda item: (item[1].name, item[1].version)))


def newest_versions(definitions: Iterable[FeatureDefinition]) -> dict[str, int]:
    """Return the newest version of each feature by name."""
    newest: dict[str, int] = {}
    for each in definitions:
        newest[each.name] = max(each.version, newest.get(each.name, 0))
    return newest


def edges_of(
    definition: FeatureDefinition,
    known: Mapping[str, FeatureDefinition],
    newest: Mapping[str, int],
    columns: frozenset[str] | None,
) -> tuple[tuple[str, str], ...]:
    """Resolve the arguments of a feature to (argument, parent's key), in the arguments' order.

    Raises
    ------
    FeatureDependencyMissing
        For a pin or a dependency that nothing provides.
    """
    pins = definition.declaration.pins
    for name in pins:
        if name not in definition.arguments:
            raise FeatureDependencyMissing(
                f"feature {definition.name} pins {name!r}, which is not one of its parameters"
                + did_you_mean(name, definition.arguments)
            )
    edges = []
    for argument in definition.arguments:
        version = pins.get(argument, newest.get(argument, 0))
        key = node_key(argument, version)
        is_column = version == 0 and (columns is None or argument in columns)
        if key not in known and argument in pins:
            raise FeatureDependencyMissing(
                _missing_pin(definition.name, argument, version, known),
                feature=definition.name,
                dependency=argument,
            )
        if key not in known and not is_column:
            raise FeatureDependencyMissing(
                f"feature {definition.name} depends on {argument!r}, which is neither a feature "
                "nor a source column" + did_you_mean(argument, [*known, *newest, *(columns or ())]),
                feature=definition.name,
                dependency=argument,
            )
        edges.append((argument, key))
    return tuple(edges)


def _missing_pin(
    feature: str, argument: str, version: int, known: Mapping[str, FeatureDefinition]
) -> str:
    """Say which versions there are of what a feature pins."""
    versions = [str(each.version) for each in known.values() if each.name == argument]
    there = (
        f"there is version {', '.join(versions)}"
        if versions
        else "it is a source column, which has none: remove the pin"
    )
    return f"feature {feature} pins {argument!r} to version {version}; {there}"


def hash_nodes(
    known: Mapping[str, FeatureDefinition],
    edges: Mapping[str, tuple[tuple[str, str], ...]],
    source_columns: frozenset[str],
) -> dict[str, SnapshotNode]:
    """Return every node with its hash, ancestors first.

    Raises
    ------
    FeatureCycle
        For features that depend on each other in a circle.
    """
    parents = {parent for pairs in edges.values() for _, parent in pairs}
    parents |= {node_key(name, 0) for name in source_columns}
    columns: dict[str, tuple[tuple[str, str], ...]] = {
        key: () for key in sorted(parents) if key not in known
    }
    try:
        ordered = ancestors_first([*known, *columns], {**columns, **edges})
    except InvalidInput as error:
        raise FeatureCycle(
            f"features depend on each other in a circle: {error.message}; break it by pinning an "
            "older version or removing a parameter"
        ) from None
    nodes: dict[str, SnapshotNode] = {}
    for key in ordered:
        nodes[key] = (
            _feature_node(known[key], edges[key], nodes)
            if key in known
            else _source_node(key.removesuffix("@0"))
        )
    return nodes


def _source_node(name: str) -> SnapshotNode:
    digest = source_hash(name)
    return SnapshotNode(name, 0, SOURCE, (), {}, {}, (), digest, digest)


def _feature_node(
    definition: FeatureDefinition,
    edges: tuple[tuple[str, str], ...],
    nodes: Mapping[str, SnapshotNode],
) -> SnapshotNode:
    declaration = definition.declaration
    logic = definition.logic
    parents = [(argument, nodes[parent].node_hash) for argument, parent in edges]
    return SnapshotNode(
        name=declaration.name,
        version=declaration.version,
        kind=declaration.kind,
        dependencies=edges,
        semantics=dict(declaration.semantics),
        metadata=dict(declaration.metadata),
        components=logic.components,
        logic_hash=logic.digest,
        node_hash=node_hash(
            declaration.name,
            declaration.version,
            declaration.kind,
            logic.digest,
            semantics=declaration.semantics,
            parents=parents,
        ),
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return how a message about an unknown name ends.

    Examples
    --------
    >>> did_you_mean("clos", ["close@0"])
    "; did you mean 'close'?"
    """
    plain = [each.removesuffix("@0") for each in known]
    near = difflib.get_close_matches(name, plain, n=1)
    return f"; did you mean {near[0]!r}?" if near else "; define it or correct the name"
