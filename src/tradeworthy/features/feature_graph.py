"""The feature graph: definitions, their dependencies, and the hash that a model is bound to.

Examples
--------
>>> from tradeworthy.features.feature_file import read_feature_source
>>> graph = read_feature_source('''
... from tradeworthy.features.feature_graph import feature
... WINDOW = 20
... @feature(version=1)
... def log_return(close):
...     return close.log().diff()
... @feature(version=1)
... def volatility(log_return):
...     return log_return.rolling_std(WINDOW)
... ''')
>>> list(graph)
['close@0', 'log_return@1', 'volatility@1']
>>> graph.closure(["log_return"]).hash == graph.bound_hash(["log_return"])
True
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

from tradeworthy.errors import (
    FeatureConflict,
    FeatureCycle,
    FeatureDependencyMissing,
    FeatureGraphInvalid,
    InvalidInput,
)
from tradeworthy.features.feature_definition import (
    FeatureDeclaration,
    FeatureDefinition,
    feature,
)
from tradeworthy.features.graph_snapshot import (
    SOURCE,
    GraphSnapshot,
    SnapshotNode,
    ancestors_first,
    graph_hash,
    node_hash,
    node_key,
    source_hash,
)

if TYPE_CHECKING:
    from tradeworthy.features.graph_diff import GraphDiff

__all__ = ["FeatureDeclaration", "FeatureDefinition", "FeatureGraph", "feature", "graph_summary"]


@dataclass(frozen=True, slots=True)
class FeatureGraph:
    """Features and source columns with their node hashes.

    Iterating gives the node keys, ancestors first; ``in`` takes a key or a name.

    Attributes
    ----------
    definitions
        Key to definition, features only.
    nodes
        Key to node, ancestors first.
    inputs
        The ordered input keys that the hash covers: every feature, if not narrowed.
    source_columns
        The columns that a feature may depend on; None for any.
    distributions
        Installed distributions that the logic names, with their versions.
    """

    definitions: Mapping[str, FeatureDefinition]
    nodes: Mapping[str, SnapshotNode]
    inputs: tuple[str, ...]
    source_columns: frozenset[str] | None = None
    distributions: Mapping[str, str] = field(default_factory=dict)
    _newest: Mapping[str, int] = field(default_factory=dict, repr=False)

    @classmethod
    def from_definitions(
        cls,
        definitions: Iterable[FeatureDefinition | Callable[..., Any]],
        *,
        source_columns: Iterable[str] | None = None,
        distributions: Mapping[str, str] | None = None,
    ) -> FeatureGraph:
        """Build a graph from definitions or decorated functions.

        Parameters
        ----------
        definitions
            In any order.
        source_columns
            Known columns, so that a misspelt dependency is named; any column if not given.
        distributions
            Versions of the libraries, recorded beside the graph.

        Raises
        ------
        FeatureConflict
            For one name and version defined twice.
        FeatureCycle
            For features that depend on each other in a circle; the message shows it.
        FeatureDependencyMissing
            For a pin or a dependency that nothing provides.
        FeatureGraphInvalid
            For a feature named like a source column.

        Examples
        --------
        >>> FeatureGraph.from_definitions([]).inputs
        ()
        """
        columns = None if source_columns is None else frozenset(source_columns)
        made = [
            each if isinstance(each, FeatureDefinition) else _define(each) for each in definitions
        ]
        known = _by_key(made, columns)
        newest = _newest_versions(known.values())
        edges = {key: _edges(each, known, newest, columns) for key, each in known.items()}
        nodes = _hash_nodes(known, edges, columns or frozenset())
        return cls(
            definitions=MappingProxyType(known),
            nodes=MappingProxyType(nodes),
            inputs=tuple(known),
            source_columns=columns,
            distributions=MappingProxyType(dict(distributions or {})),
            _newest=MappingProxyType(newest),
        )

    @classmethod
    def from_module(
        cls, module: str | Path | ModuleType, *, source_columns: Iterable[str] | None = None
    ) -> FeatureGraph:
        """Build the graph of a feature file, by path or as an imported module.

        Raises
        ------
        StrategyInvalid
            If the file cannot be read or imported, or has no features.
        FeatureLogicRefused
            If the logic of a feature cannot be hashed.
        """
        from tradeworthy.features import feature_file

        if isinstance(module, ModuleType):
            return feature_file.graph_of_module(module, source_columns=source_columns)
        return feature_file.load_feature_file(module, source_columns=source_columns)

    @property
    def hash(self) -> str:
        """The hash of the ordered inputs with all their ancestors."""
        return graph_hash((key, self.nodes[key].node_hash) for key in self.inputs)

    def bound_hash(self, inputs: Sequence[str]) -> str:
        """Hash what a model with these ordered inputs is bound to.

        Raises
        ------
        FeatureDependencyMissing
            For an input that is neither a feature nor a source column of the graph.
        """
        return graph_hash((key, self.nodes[key].node_hash) for key in self.keys_of(inputs))

    def keys_of(self, inputs: Sequence[str]) -> tuple[str, ...]:
        """Resolve inputs, each ``name`` for the newest version or ``name@version``.

        Raises
        ------
        FeatureDependencyMissing
            For an unknown input; the message names the nearest known one.
        FeatureGraphInvalid
            For no inputs at all, or one named twice.
        """
        if isinstance(inputs, str) or not inputs:
            raise FeatureGraphInvalid("name the model's inputs as a list of at least one feature")
        keys = tuple(self._key(name) for name in inputs)
        if len(set(keys)) != len(keys):
            raise FeatureGraphInvalid(f"an input is named twice: {', '.join(keys)}")
        return keys

    def _key(self, name: str) -> str:
        key = name if "@" in name else node_key(name, self._newest.get(name, 0))
        if key not in self.nodes:
            raise FeatureDependencyMissing(
                f"no feature or source column {name!r} in the graph"
                + _did_you_mean(name, [*self._newest, *self.nodes]),
                feature=name,
            )
        return key

    def closure(self, inputs: Sequence[str]) -> FeatureGraph:
        """Narrow the graph to what these ordered inputs depend on.

        Raises
        ------
        FeatureDependencyMissing
            For an unknown input.
        """
        keys = self.keys_of(inputs)
        kept = ancestors_first(keys, {key: n.dependencies for key, n in self.nodes.items()})
        definitions = {key: self.definitions[key] for key in kept if key in self.definitions}
        return FeatureGraph(
            definitions=MappingProxyType(definitions),
            nodes=MappingProxyType({key: self.nodes[key] for key in kept}),
            inputs=keys,
            source_columns=self.source_columns,
            distributions=self.distributions,
            _newest=MappingProxyType(_newest_versions(definitions.values())),
        )

    def snapshot(self, inputs: Sequence[str] | None = None) -> GraphSnapshot:
        """Take what these inputs are bound to as a value; all inputs of the graph if not given."""
        part = self.closure(self.inputs if inputs is None else inputs)
        return GraphSnapshot(part.inputs, dict(part.nodes), dict(part.distributions))

    def diff(self, other: FeatureGraph) -> GraphDiff:
        """Tell what changed from this graph to ``other``."""
        from tradeworthy.features.graph_diff import diff_snapshots

        return diff_snapshots(self.snapshot(), other.snapshot())

    def __iter__(self) -> Iterator[str]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, name: object) -> bool:
        return name in self.nodes or name in self._newest or f"{name}@0" in self.nodes


def graph_summary(graph: FeatureGraph) -> dict[str, object]:
    """Summarise a graph as ``{"hash": ..., "nodes": {name: {version, logic_hash, node_hash}}}``.

    The newest version of a feature stands under its name, older ones under ``name@version``.

    Examples
    --------
    >>> sorted(graph_summary(FeatureGraph.from_definitions([])))
    ['hash', 'nodes']
    """
    newest = _newest_versions(graph.definitions.values())
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


def _define(function: Callable[..., Any]) -> FeatureDefinition:
    from tradeworthy.features.feature_file import define

    return define(function)


def _by_key(
    definitions: Iterable[FeatureDefinition], columns: frozenset[str] | None
) -> dict[str, FeatureDefinition]:
    known: dict[str, FeatureDefinition] = {}
    for each in definitions:
        key = node_key(each.name, each.version)
        if key in known:
            same = known[key].logic.digest == each.logic.digest
            raise FeatureConflict(
                f"feature {key} is defined twice, {'alike' if same else 'with different logic'}; "
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


def _newest_versions(definitions: Iterable[FeatureDefinition]) -> dict[str, int]:
    newest: dict[str, int] = {}
    for each in definitions:
        newest[each.name] = max(each.version, newest.get(each.name, 0))
    return newest


def _edges(
    definition: FeatureDefinition,
    known: Mapping[str, FeatureDefinition],
    newest: Mapping[str, int],
    columns: frozenset[str] | None,
) -> tuple[tuple[str, str], ...]:
    """Resolve the arguments of a feature to parents."""
    pins = definition.declaration.pins
    for name in pins:
        if name not in definition.arguments:
            raise FeatureDependencyMissing(
                f"feature {definition.name} pins {name!r}, which is not one of its parameters"
                + _did_you_mean(name, definition.arguments)
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
                "nor a source column"
                + _did_you_mean(argument, [*known, *newest, *(columns or ())]),
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


def _hash_nodes(
    known: Mapping[str, FeatureDefinition],
    edges: Mapping[str, tuple[tuple[str, str], ...]],
    source_columns: frozenset[str],
) -> dict[str, SnapshotNode]:
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


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    plain = [each.removesuffix("@0") for each in known]
    near = difflib.get_close_matches(name, plain, n=1)
    return f"; did you mean {near[0]!r}?" if near else "; define it or correct the name"
