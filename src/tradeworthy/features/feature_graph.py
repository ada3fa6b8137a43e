"""The feature graph: definitions, their dependencies, and the hash that a model is bound to.

Examples
--------
>>> graph = FeatureGraph.read_source('''
... from tradeworthy import feature
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

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from tradeworthy.errors import (
    FeatureDependencyMissing,
    FeatureGraphInvalid,
)
from tradeworthy.features.ancestor_order import ancestors_first
from tradeworthy.features.feature_definition import (
    FeatureDefinition,
    feature,
)
from tradeworthy.features.graph_diff import GraphDiff, diff_snapshots
from tradeworthy.features.graph_node import SnapshotNode
from tradeworthy.features.graph_snapshot import GraphSnapshot
from tradeworthy.features.node_hashes import graph_hash, node_key
from tradeworthy.features.node_resolution import (
    by_key,
    did_you_mean,
    edges_of,
    hash_nodes,
    newest_versions,
)
from tradeworthy.features.source.distributions import distributions_of
from tradeworthy.features.source.feature_file import (
    define,
    definitions_of_module,
    import_definitions,
    parse_definitions,
    read_definitions,
)

__all__ = ["FeatureGraph", "feature"]


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
        known = by_key(
            itertools.chain.from_iterable(
                [each] if isinstance(each, FeatureDefinition) else define(each)
                for each in definitions
            ),
            columns,
        )
        newest = newest_versions(known.values())
        edges = {key: edges_of(each, known, newest, columns) for key, each in known.items()}
        nodes = hash_nodes(known, edges, columns or frozenset())
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

        A file is imported anew by every call, and what runs is compared with what it says.

        Parameters
        ----------
        module
            A Python file. Its folder, or the folder above its outermost package, is the project:
            helpers imported from there are hashed with the features.
        source_columns
            Known columns, so that a misspelt dependency is named.

        Raises
        ------
        StrategyInvalid
            If there is no such file, it is not valid Python, running it fails, or it has no
            features.
        FeatureLogicRefused
            If the logic of a feature cannot be hashed, or what runs is not what the source says.
        FeatureGraphInvalid
            If the definitions form no graph.
        """
        if isinstance(module, ModuleType):
            definitions = definitions_of_module(module)
        else:
            definitions = import_definitions(module)
        libraries = {"polars", *(name for each in definitions for name in each.logic.libraries)}
        return cls.from_definitions(
            definitions, source_columns=source_columns, distributions=distributions_of(libraries)
        )

    @classmethod
    def read_file(
        cls, path: str | Path, *, source_columns: Iterable[str] | None = None
    ) -> FeatureGraph:
        """Build the graph of a feature file from its source; nothing is imported or run.

        Raises
        ------
        StrategyInvalid, FeatureLogicRefused, FeatureGraphInvalid
            As for ``from_module``.
        """
        return cls.from_definitions(read_definitions(path), source_columns=source_columns)

    @classmethod
    def read_source(
        cls,
        text: str,
        *,
        modules: Mapping[str, str] | None = None,
        source_columns: Iterable[str] | None = None,
    ) -> FeatureGraph:
        """Build a graph from source text; nothing is imported or run.

        Parameters
        ----------
        text
            The source of a feature file.
        modules
            Path to source of the user modules beside it.
        source_columns
            Known columns.

        Raises
        ------
        StrategyInvalid, FeatureLogicRefused, FeatureGraphInvalid
            As for ``from_module``.

        Examples
        --------
        >>> graph = FeatureGraph.read_source('''
        ... from tradeworthy import feature
        ... @feature()
        ... def momentum(close):
        ...     return close / close.shift(5) - 1
        ... ''')
        >>> graph.inputs
        ('momentum@1',)
        """
        definitions = parse_definitions(text, modules or {})
        return cls.from_definitions(definitions, source_columns=source_columns)

    @property
    def hash(self) -> str:
        """The hash of the ordered inputs with all their ancestors."""
        return graph_hash((key, self.nodes[key].node_hash) for key in self.inputs)

    def bound_hash(self, inputs: Sequence[str]) -> str:
        """Hash what a model with these ordered inputs is bound to.

        Parameters
        ----------
        inputs
            Each ``name`` for the newest version, or ``name@version``, as a model needs that is
            bound to an older one.

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
                + did_you_mean(name, [*self._newest, *self.nodes]),
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
            _newest=MappingProxyType(newest_versions(definitions.values())),
        )

    def snapshot(self, inputs: Sequence[str] | None = None) -> GraphSnapshot:
        """Take what these inputs are bound to as a value; all inputs of the graph if not given."""
        part = self.closure(self.inputs if inputs is None else inputs)
        return GraphSnapshot(part.inputs, dict(part.nodes), dict(part.distributions))

    def diff(self, other: FeatureGraph) -> GraphDiff:
        """Tell what changed from this graph to ``other``."""
        return diff_snapshots(self.snapshot(), other.snapshot())

    def __iter__(self) -> Iterator[str]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, name: object) -> bool:
        return name in self.nodes or name in self._newest or f"{name}@0" in self.nodes
