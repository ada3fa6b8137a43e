"""Training a strategy file: its recipe run once on market data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from tradeworthy.base.users_errors import definition, users_errors
from tradeworthy.drift.calibration.drift_calibration import Windows
from tradeworthy.errors import ArtifactInvalid, StrategyInvalid
from tradeworthy.manifest.files.git_tree import read_git_tree
from tradeworthy.training.artifact_export import export_artifact
from tradeworthy.training.estimator import fit
from tradeworthy.training.label_reach import check_label_horizon
from tradeworthy.training.point_in_time import known_bars, last_moment, training_table
from tradeworthy.training.run_record import Candidate, MarketData, RunRecord, TrainingDataset
from tradeworthy.training.strategy import Strategy
from tradeworthy.training.strategy_file import LoadedStrategy

__all__ = ["Candidate", "MarketData", "resolve_config", "train_candidate"]


def resolve_config(strategy: Strategy, overrides: Mapping[str, object]) -> dict[str, Any]:
    """Return the strategy's configuration with a run's values in place of its own.

    Raises
    ------
    StrategyInvalid
        For a key that the strategy does not have, or a value of another kind than its own; a whole
        number may stand for any number, and anything for None.
    """
    with users_errors(f"the configuration of strategy {strategy.name!r} cannot be read"):
        own = dict(strategy.config)
    unknown = sorted(set(overrides) - set(own))
    if unknown:
        known = ", ".join(sorted(own)) or "none"
        raise StrategyInvalid(f"strategy {strategy.name!r} has no {unknown[0]!r}; it has {known}")
    for key, value in overrides.items():
        expected, actual = _kind(own[key]), _kind(value)
        if expected not in {None, actual} and (expected, actual) != ("a number", "a whole number"):
            raise StrategyInvalid(
                f"{key} of strategy {strategy.name!r} is {expected}, {own[key]!r}, and cannot be "
                f"{actual or 'null'}, {value!r}",
                field=key,
            )
    return {**own, **overrides}


def _kind(value: object) -> str | None:
    """Name the kind of a value of the configuration, None where any other may stand for it."""
    match value:
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "a mapping"
        case _:
            return None


def train_candidate(
    loaded: LoadedStrategy,
    data: MarketData,
    *,
    config: Mapping[str, object],
    train_end: date | datetime | None,
    windows: Windows,
    root: Path | None = None,
) -> Candidate:
    """Train a strategy on market data.

    Parameters
    ----------
    loaded
        The strategy file.
    data
        The bars; those up to ``train_end`` are trained on.
    config
        Values in place of the strategy's own.
    train_end
        The last bar trained on; all by default, which leaves nothing to test the artifact on.
    windows
        The geometry of the drift windows that the model will be watched with.
    root
        The folder that file names are relative to; the strategy file's by default.

    Raises
    ------
    StrategyInvalid
        If training fails or its estimator cannot predict.
    ArtifactInvalid
        If the estimator cannot be exported.
    """
    strategy = loaded.strategy
    resolved = resolve_config(strategy, config)
    table = training_table(loaded, data.bars, train_end)
    last = last_moment(known_bars(data.bars, train_end))
    check_label_horizon(loaded, known_bars(data.bars, train_end))
    estimator = fit(strategy, table, resolved)
    try:
        artifact = export_artifact(estimator, len(strategy.inputs))
    except ArtifactInvalid as error:
        error.append(f" ({', '.join(definition(strategy.train))})")
        raise
    run = RunRecord(
        config=resolved,
        dataset=TrainingDataset(
            table,
            strategy.label,
            strategy.label_horizon,
            train_end=last,
            as_of=last,
            sources={data.name: data.dataset_hash},
            purge=strategy.label_horizon,
            embargo=0,
        ),
        estimator=estimator,
        artifact=artifact,
        tree=read_git_tree(loaded.file, also=[loaded.feature_file]),
    )
    run.follow(loaded, root)
    return run.candidate(strategy.name, windows)
