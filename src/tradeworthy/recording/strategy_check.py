"""What a script recorded, held against the strategy file that the backtest will run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tradeworthy.errors import StrategyInvalid
from tradeworthy.manifest.dataset_digest import dataset_hash
from tradeworthy.training.label_reach import check_recorded_horizon
from tradeworthy.training.point_in_time import training_table
from tradeworthy.training.run_record import MarketData, RunRecord, TrainingDataset
from tradeworthy.training.strategy import Strategy
from tradeworthy.training.strategy_file import LoadedStrategy


def check_against_strategy(
    record: RunRecord, loaded: LoadedStrategy, data: Sequence[MarketData]
) -> None:
    """Refuse a run that every backtest of its strategy file would refuse.

    Parameters
    ----------
    record
        What was recorded.
    loaded
        The strategy file that was recorded.
    data
        The market data read. The training table is compared where it comes from one such file
        alone and its end is recorded.

    Raises
    ------
    StrategyInvalid
        In one sentence, with what to do.
    """
    if record.config is not None:
        _check_config(loaded.strategy, record.config)
    if record.dataset is None:
        return
    check_recorded_horizon(loaded, record.dataset.label_horizon)
    if len(data) == 1 and not record.dataset.sources and record.dataset.train_end is not None:
        _check_table(loaded, record.dataset, data[0])


def _check_config(strategy: Strategy, config: Mapping[str, Any]) -> None:
    absent = sorted(set(strategy.config) - set(config))
    if absent:
        raise StrategyInvalid(
            f"the configuration lacks {', '.join(absent)}, which strategy {strategy.name!r} reads: "
            "give run.config every key, as run.config({**loaded.strategy.config, ...}) does with "
            "the loaded that run.strategy returns",
            missing=absent,
        )


def _check_table(loaded: LoadedStrategy, dataset: TrainingDataset, data: MarketData) -> None:
    end = dataset.train_end
    rebuilt = training_table(loaded, data.bars, end)
    table = dataset.table
    if dataset_hash(rebuilt) == dataset_hash(table):
        return
    gives = f"{data.name} gives up to {end}"
    difference = f"other values than {gives}"
    if set(table.columns) != set(rebuilt.columns):
        columns = (", ".join(table.columns), ", ".join(rebuilt.columns))
        difference = f"the columns {columns[0]}, and {gives} {columns[1]}"
    elif table.height != rebuilt.height:
        difference = f"{table.height} rows, and {gives} {rebuilt.height}"
    raise StrategyInvalid(
        "the gate training_data refuses a version trained on other data than the backtest "
        f"rebuilds: the dataset has {difference}; train on training_table(loaded, bars, train_end) "
        "as it is, and give run.dataset the same train_end"
    )
