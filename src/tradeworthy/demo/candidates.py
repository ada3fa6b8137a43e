"""The demo's candidates: an honest strategy, and the best of many that have nothing in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tradeworthy.client.candidate_upload import (
    RecordedVersion,
    record_version,
    training_windows,
)
from tradeworthy.client.client import Client
from tradeworthy.demo.market_series import DemoSeries
from tradeworthy.demo.workspace import Workspace
from tradeworthy.manifest.dataset_digest import dataset_hash
from tradeworthy.training.candidate import MarketData, train_candidate
from tradeworthy.training.strategy_file import LoadedStrategy, load_strategy
from tradeworthy.wire.backtests import JudgedBacktest

HONEST, LUCKY = "index-volatility-target", "index-lucky-rule"
TRIES = 24

Progress = Callable[[Iterable[int]], AbstractContextManager[Iterable[int]]]


@dataclass(frozen=True, slots=True)
class TriedVersion:
    """One trained and backtested version."""

    recorded: RecordedVersion
    backtest: JudgedBacktest

    @property
    def version(self) -> int:
        """The version's number."""
        return self.recorded.version

    @property
    def sharpe(self) -> float:
        """Annualised, out of sample, after costs."""
        return float(self.backtest.metrics["sharpe"] or 0.0)


def register_models(researcher: Client) -> None:
    """Give both models their names."""
    for model, strategy in ((HONEST, "volatility_target"), (LUCKY, "lucky_rule")):
        researcher.register_model(model, strategy=strategy, owner="index research")


def load(workspace: Workspace, name: str) -> LoadedStrategy:
    """Load one of the workspace's strategy files."""
    return load_strategy(workspace.strategies / f"{name}.py")


def known_data(series: DemoSeries) -> MarketData:
    """Return the history as what a model is trained on."""
    history = series.history
    return MarketData("history.parquet", history, dataset_hash(history))


def train_and_test(
    researcher: Client,
    workspace: Workspace,
    series: DemoSeries,
    loaded: LoadedStrategy,
    model: str,
    config: dict[str, object],
) -> TriedVersion:
    """Train a version up to the train end, put it on the record, and backtest it."""
    data = known_data(series)
    candidate = train_candidate(
        loaded,
        data,
        config={"indices": len(series.symbols), **config},
        train_end=series.train_end,
        windows=training_windows(researcher, model),
    )
    recorded = record_version(researcher, model, candidate, [data], workspace.manifests)
    return TriedVersion(recorded, researcher.backtest(model, recorded.version))


def best_of_many(
    researcher: Client, workspace: Workspace, series: DemoSeries, progress: Progress
) -> TriedVersion:
    """Try one random rule after another; return the one with the best Sharpe ratio."""
    loaded = load(workspace, "lucky_rule")
    with progress(range(TRIES)) as seeds:
        tried = [
            train_and_test(researcher, workspace, series, loaded, LUCKY, {"seed": seed})
            for seed in seeds
        ]
    return max(tried, key=lambda trial: trial.sharpe)
