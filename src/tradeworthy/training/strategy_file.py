"""Loading a strategy file: its strategy, its feature graph, the hashes of its functions."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradeworthy.base.users_errors import users_errors
from tradeworthy.errors import StrategyInvalid
from tradeworthy.features.feature_graph import FeatureGraph
from tradeworthy.features.graph_snapshot import GraphSnapshot
from tradeworthy.features.logic import EFFECTS, Logic
from tradeworthy.features.source.function_logic import logic_in_file, logic_of
from tradeworthy.features.source.isolated_import import import_file
from tradeworthy.features.source.source_folder import locate_source
from tradeworthy.training.strategy import Strategy


@dataclass(frozen=True, slots=True)
class LoadedStrategy:
    """A strategy file as it runs.

    Attributes
    ----------
    strategy
        What the file declares.
    graph
        The features of its feature file.
    file, feature_file
        Where they lie.
    entry_point_hash, signal_rule_hash
        Logic hashes of the training function and of the signal rule.
    libraries
        Top-level modules that either of them uses.
    """

    strategy: Strategy
    graph: FeatureGraph
    file: Path
    feature_file: Path
    entry_point_hash: str
    signal_rule_hash: str
    libraries: frozenset[str]

    @property
    def snapshot(self) -> GraphSnapshot:
        """What a model of this strategy is bound to."""
        return self.graph.snapshot(self.strategy.inputs)


def load_strategy(path: Path) -> LoadedStrategy:
    """Import a strategy file; every call reads it anew.

    Raises
    ------
    StrategyInvalid
        If the file cannot be run, declares no strategy or several, or names an input or label
        that its features do not have.
    FeatureLogicRefused
        If the logic of a feature or function cannot be hashed.
    """
    # Of a link, the file it leads to: what lies beside that belongs to it.
    file = path.resolve()
    names = vars(import_file(locate_source(file)))
    # Objects of the user's own are looked at: whatever stands in the file, and in its strategy.
    with users_errors(f"the strategy of {file.name} cannot be read"):
        strategy = _declared(names, file)
    feature_file = file.parent / strategy.features if strategy.features else file
    graph = FeatureGraph.from_module(feature_file)
    graph.keys_of(strategy.inputs)
    _check_label(strategy, graph)
    entry_point, signal_rule = _logic(file, strategy.train), _logic(file, strategy.signal)
    return LoadedStrategy(
        strategy=strategy,
        graph=graph,
        file=file,
        feature_file=feature_file,
        entry_point_hash=entry_point.digest,
        signal_rule_hash=signal_rule.digest,
        libraries=frozenset({*entry_point.libraries, *signal_rule.libraries}),
    )


def _declared(names: dict[str, Any], file: Path) -> Strategy:
    found = {id(value): value for value in names.values() if isinstance(value, Strategy)}
    if len(found) != 1:
        raise StrategyInvalid(
            f"{file.name} defines {len(found)} strategies; define one, as in "
            "`strategy = Strategy(name=..., inputs=..., ...)`"
        )
    (strategy,) = found.values()
    for field, wanted in _WANTED.items():
        if not _is_wanted(field, getattr(strategy, field)):
            raise StrategyInvalid(
                f"{file.name}: {field} of the strategy is {_shown(getattr(strategy, field))}; "
                f"it has to be {wanted}",
                field=field,
            )
    return strategy


_WANTED = {
    "name": "a text",
    "inputs": "a tuple of features' names",
    "label": "the name of a feature",
    "label_horizon": "a whole number of bars ahead, from 1",
    "train": "a function",
    "signal": "a function",
    "config": "a mapping of names to values",
    "features": "the name of a file, or None",
    "seeds": "a mapping of names to whole numbers",
}


def _is_wanted(field: str, value: object) -> bool:
    match field:
        case "inputs":
            return isinstance(value, tuple | list) and all(type(each) is str for each in value)
        case "label_horizon":
            return type(value) is int and value >= 1
        case "train" | "signal":
            return inspect.isfunction(value)
        case "config":
            return isinstance(value, Mapping) and all(type(each) is str for each in value)
        case "features":
            return value is None or type(value) is str
        case "seeds":
            return isinstance(value, Mapping) and all(
                type(name) is str and type(seed) is int for name, seed in value.items()
            )
        case _:
            return type(value) is str and value != ""


def _shown(value: object) -> str:
    plain = type(value).__module__ == "builtins" and not callable(value)
    return reprlib.repr(value) if plain else f"of type {type(value).__name__}"


def _check_label(strategy: Strategy, graph: FeatureGraph) -> None:
    (key,) = graph.keys_of([strategy.label])
    if graph.nodes[key].kind != "label":
        raise StrategyInvalid(
            f"{strategy.label!r} is no label: declare it with @feature(label=True)"
        )
    labels = [
        name for name in strategy.inputs if graph.nodes[graph.keys_of([name])[0]].kind == "label"
    ]
    if labels:
        raise StrategyInvalid(f"inputs may not be labels, which look ahead: {', '.join(labels)}")


def _logic(file: Path, function: Callable[..., Any]) -> Logic:
    # Training may use randomness (its seeds are recorded) and time; its logic counts all the same.
    logic = logic_in_file(file, function.__qualname__, allow=EFFECTS)
    # The service knows the function by its name in the file: no other may run under it.
    if logic_of(function, allow=EFFECTS).digest != logic.digest:
        raise StrategyInvalid(
            f"{function.__qualname__} of the strategy is not the function of that name in "
            f"{file.name}: write it there, and call from it what stands elsewhere",
            function=function.__qualname__,
        )
    return logic
