"""Offline computation: a feature table from bars, evaluated per entity in time order.

A feature made of windows over the time is evaluated across entities (``cross_section.py``).

The bars are taken as they are, never sorted here: rows out of order or twice the same moment mean
that something upstream is wrong, and a table made from them would not be point-in-time.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

import polars as pl

from tradeworthy.base.users_errors import users_errors
from tradeworthy.errors import InvalidInput, StrategyInvalid
from tradeworthy.features.compute.cross_section import evaluate_across, looks_across
from tradeworthy.features.feature_graph import FeatureGraph
from tradeworthy.features.graph_node import SOURCE, SnapshotNode
from tradeworthy.features.node_resolution import did_you_mean


def compute_features(
    graph: FeatureGraph,
    bars: pl.DataFrame,
    inputs: Sequence[str],
    *,
    entity: str | None = "symbol",
    time: str = "date",
) -> pl.DataFrame:
    """Compute a model's inputs over bars.

    Parameters
    ----------
    graph
        A graph with live functions.
    bars
        One row per entity and time, in time order within each entity.
    inputs
        Ordered features, each ``name`` for the newest version, or ``name@version``, as a model
        needs that is bound to an older one. The column keeps the plain name, unless two versions
        of it are taken.
    entity
        Column that tells series apart; None for a single series.
    time
        Column of the time that a bar became known.

    Returns
    -------
    polars.DataFrame
        ``time``, ``entity`` if given, then the inputs in order; a row per bar, in its order.

    Raises
    ------
    InvalidInput
        If the bars lack a column, are out of order, or hold one entity and time twice.
    StrategyInvalid
        If a feature fails, or gives another type, shape or dtype than it may; it is named.

    Examples
    --------
    >>> from tradeworthy.features.feature_definition import FeatureDefinition, make_declaration
    >>> from tradeworthy.features.logic import make_logic
    >>> declared = make_declaration("double", version=1)
    >>> logic = make_logic((), ())
    >>> double = FeatureDefinition(declared, ("close",), logic, lambda close: 2 * close)
    >>> bars = pl.DataFrame({"date": [1, 2, 3], "close": [1.0, 2.0, 4.0]})
    >>> graph = FeatureGraph.from_definitions([double])
    >>> compute_features(graph, bars, ["double"], entity=None)["double"].to_list()
    [2.0, 4.0, 8.0]
    """
    part = graph.closure(inputs)
    _check_columns(graph, part, bars)
    _check_bars(part, bars, entity, time)
    keys = [time] if entity is None else [time, entity]
    taken = set(keys) & {key.rpartition("@")[0] for key in part.inputs}
    if taken:
        raise InvalidInput(f"the input {taken.pop()!r} is a key column; name features as inputs")
    table = bars
    for key, node in part.nodes.items():
        if node.kind != SOURCE:
            table = _with_feature(part, key, table, entity, time)
    names = _column_names(part)
    return table.select(
        *keys, *(pl.col(_column(part.nodes[key])).alias(names[key]) for key in part.inputs)
    )


def _column(node: SnapshotNode) -> str:
    """Name a node's working column; no user column has an @ and a version."""
    return node.name if node.kind == SOURCE else f"{node.key} "


def _column_names(part: FeatureGraph) -> Mapping[str, str]:
    """Name the result's columns: plain names, with the version where two stand side by side."""
    names = [part.nodes[key].name for key in part.inputs]
    return {
        key: name if names.count(name) == 1 else key
        for key, name in zip(part.inputs, names, strict=True)
    }


def _check_columns(graph: FeatureGraph, part: FeatureGraph, bars: pl.DataFrame) -> None:
    """Refuse a dependency that is neither a column nor a feature, naming who has it."""
    names = {node.name for node in graph.nodes.values() if node.kind != SOURCE}
    for key, definition in part.definitions.items():
        for argument, parent in part.nodes[key].dependencies:
            if part.nodes[parent].kind == SOURCE and argument not in bars.columns:
                known = [*bars.columns, *sorted(names - {definition.name})]
                place = f" ({definition.place})" if definition.place else ""
                family = " or give it values in each=" if definition.declaration.values else ""
                raise InvalidInput(
                    f"feature {key}{place} depends on {argument!r}, but the bars have no column "
                    f"{argument!r} and no feature has that name; the bars have "
                    f"{', '.join(bars.columns)}{did_you_mean(argument, known)}{family}",
                    column=argument,
                    feature=definition.name,
                )


def _check_bars(part: FeatureGraph, bars: pl.DataFrame, entity: str | None, time: str) -> None:
    features = {node.name for node in part.nodes.values() if node.kind != SOURCE}
    columns = [node.name for node in part.nodes.values() if node.kind == SOURCE]
    keys = [time] if entity is None else [time, entity]
    for name in [*keys, *columns]:
        if name not in bars.columns:
            raise InvalidInput(
                f"the bars have no column {name!r}; they have {', '.join(bars.columns)}",
                column=name,
            )
    if clash := features & set(bars.columns):
        raise InvalidInput(
            f"feature {min(clash)!r} has the name of a column of the bars; rename it"
        )
    if bars.select(pl.any_horizontal(pl.col(keys).is_null().any())).item():
        raise InvalidInput(f"a value of {' or '.join(keys)} is missing in the bars")
    step = pl.col(time) <= pl.col(time).shift(1)
    broken = bars.select(
        (step if entity is None else step.over(entity)).fill_null(value=False).alias("broken"),
        *keys,
    ).filter("broken")
    if broken.height:
        raise InvalidInput(
            f"the bars are not in strict time order at {broken.row(0)[1:]}; sort them by "
            f"{', '.join(reversed(keys))} and remove rows with the same key",
        )


def _with_feature(
    part: FeatureGraph, key: str, table: pl.DataFrame, entity: str | None, time: str
) -> pl.DataFrame:
    """Add one feature's column."""
    node = part.nodes[key]
    column = _column(node)
    expression = _expression(part, key, node)
    function = part.definitions[key].function
    with users_errors(f"feature {key} cannot be computed", function=function, feature=node.name):
        if entity is None:
            added = table.with_columns(expression.alias(column))
        elif looks_across(expression, key, entity=entity, time=time):
            values = evaluate_across(expression, table, key, entity=entity, time=time)
            added = table.with_columns(values.alias(column))
        else:
            added = table.with_columns(expression.over(entity).alias(column))
    dtype = added.schema[column]
    expected = node.semantics.get("dtype")
    if expected is not None and str(dtype) != expected:
        raise StrategyInvalid(
            f"feature {key} declares dtype {expected} and gives {dtype}; cast it", feature=node.name
        )
    if not (dtype.is_numeric() or dtype == pl.Boolean):
        raise StrategyInvalid(
            f"feature {key} gives {dtype}; a feature is numeric or boolean", feature=node.name
        )
    return added


def _expression(part: FeatureGraph, key: str, node: SnapshotNode) -> pl.Expr:
    """Call the feature's function with the expressions of its dependencies."""
    definition = part.definitions[key]
    if definition.function is None:
        raise StrategyInvalid(
            f"feature {key} was read from source and cannot be computed; load its file",
            feature=node.name,
        )
    arguments = {
        argument: pl.col(_column(part.nodes[parent])) for argument, parent in node.dependencies
    }
    with users_errors(f"feature {key} failed", function=definition.function, feature=node.name):
        result = _call(definition.function, arguments)
    if not isinstance(result, pl.Expr):
        raise StrategyInvalid(
            f"feature {key} gives {type(result).__name__}; return a polars expression",
            feature=node.name,
        )
    return result


def _call(function: object, arguments: Mapping[str, pl.Expr]) -> object:
    """Call by keyword, and by position what takes no keyword."""
    assert callable(function)  # noqa: S101 - definitions hold functions
    by_position = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.POSITIONAL_ONLY and parameter.name in arguments
    ]
    by_name = {name: value for name, value in arguments.items() if name not in by_position}
    return function(*(arguments[name] for name in by_position), **by_name)
