"""Small strategy files, market data and requests for the suites of training and command line."""

from __future__ import annotations

import subprocess
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from tradeworthy.drift.calibration.drift_calibration import Windows
from tradeworthy.evidence.evaluation_request import EvaluationRequest
from tradeworthy.evidence.evaluation_settings import EvaluationSettings
from tradeworthy.manifest.dataset_digest import dataset_hash
from tradeworthy.training.candidate import Candidate, MarketData, train_candidate
from tradeworthy.training.strategy_file import load_strategy

WINDOWS = Windows(20, 250)
TRAIN_END = date(2017, 6, 30)
SETTINGS = EvaluationSettings(
    commission_bps=1.0,
    slippage_bps=4.0,
    execution="next_open",
    folds=2,
    min_train=300,
    purge=1,
    embargo=0,
    periods_per_year=252.0,
    current_sessions=20,
    reference_sessions=250,
)

FEATURES = """
import polars as pl
from tradeworthy import feature


@feature(version=1)
def change(close: pl.Expr) -> pl.Expr:
    return close / close.shift(1) - 1


@feature(version=1)
def momentum(close: pl.Expr) -> pl.Expr:
    return close / close.shift(10) - 1


@feature(version=1, label=True)
def next_change(close: pl.Expr) -> pl.Expr:
    return close.shift(-1) / close - 1
"""

STRATEGY = """
import numpy as np
from sklearn.linear_model import LinearRegression
from tradeworthy import Strategy

INPUTS = ("change", "momentum")


def train(table, config):
    return LinearRegression().fit(table.select(INPUTS).to_numpy(), table["next_change"].to_numpy())


def target_weight(predictions, rows, config):
    return np.sign(predictions) * config["weight"]


strategy = Strategy(
    name="trend",
    features="features.py",
    inputs=INPUTS,
    label="next_change",
    label_horizon=1,
    train=train,
    signal=target_weight,
    config={"weight": 0.5},
    seeds={"none": 0},
)
"""

NO_SKLEARN = STRATEGY.replace(
    "from sklearn.linear_model import LinearRegression",
    "class LinearRegression:\n    def fit(self, x, y):\n        return self\n\n"
    "    def predict(self, x):\n        return x[:, 0]",
)

# What it predicts is its first input, in a form that is served, without a library to import.
LIGHT = NO_SKLEARN.replace(
    "        return x[:, 0]",
    """        return x[:, 0]

    def to_onnx(self):
        from onnx import TensorProto, helper

        rows = helper.make_tensor_value_info("rows", TensorProto.DOUBLE, [None, 2])
        out = helper.make_tensor_value_info("out", TensorProto.DOUBLE, [None, 1])
        first = helper.make_tensor("first", TensorProto.DOUBLE, [2, 1], [1.0, 0.0])
        node = helper.make_node("MatMul", ["rows", "first"], ["out"])
        graph = helper.make_graph([node], "light", [rows], [out], [first])
        opset = helper.make_opsetid("", 17)
        return helper.make_model(graph, ir_version=8, opset_imports=[opset])""",
)


def write_strategy(
    folder: Path, strategy: str = STRATEGY, features: str = FEATURES, name: str = "trend.py"
) -> Path:
    """Write a strategy file with its feature file; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "features.py").write_text(features, encoding="utf-8")
    (folder / name).write_text(strategy, encoding="utf-8")
    return folder / name


def edited(text: str, old: str, new: str) -> str:
    """Replace what must be there."""
    assert old in text, old
    return text.replace(old, new)


def commit(folder: Path) -> None:
    """Put a folder under git."""
    for arguments in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["-c", "user.name=r", "-c", "user.email=r@x", "commit", "--quiet", "-m", "strategies"],
    ):
        subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def market(days: int = 900, seed: int = 5) -> pl.DataFrame:
    """Two random walks of daily bars on weekdays from 2015 on."""
    calendar = [date(2015, 1, 1) + timedelta(each) for each in range(2 * days)]
    weekdays = [day for day in calendar if day.weekday() < 5][:days]
    return pl.concat(_walk(name, weekdays, seed + at) for at, name in enumerate(("AAA", "BBB")))


def _walk(symbol: str, days: list[date], seed: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(3e-4, 0.01, len(days))))
    opened = close * np.exp(random.normal(0, 0.002, len(days)))
    wick = np.exp(np.abs(random.normal(0, 0.003, (2, len(days)))))
    return pl.DataFrame(
        {
            "date": days,
            "symbol": [symbol] * len(days),
            "open": opened,
            "high": np.maximum(opened, close) * wick[0],
            "low": np.minimum(opened, close) / wick[1],
            "close": close,
            "volume": random.integers(100_000, 200_000, len(days)).astype(float),
        }
    )


def data_of(bars: pl.DataFrame) -> MarketData:
    """Bars as they are trained on."""
    return MarketData("bars.parquet", bars, dataset_hash(bars))


def trained(file: Path, bars: pl.DataFrame, **config: object) -> Candidate:
    """Train a strategy file up to `TRAIN_END`."""
    return train_candidate(
        load_strategy(file), data_of(bars), config=config, train_end=TRAIN_END, windows=WINDOWS
    )


def manifest_text(candidate: Candidate) -> str:
    """The manifest of a candidate as version 1 of model ``m``."""
    from datetime import UTC, datetime

    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    return candidate.manifest("m", 1, created_at=noon, created_by="rosa").to_json()


def request_for(file: Path, candidate: Candidate, bars: pl.DataFrame) -> EvaluationRequest:
    """What a service asks its evaluation process for."""
    assert candidate.artifact is not None
    artifact = file.parent / candidate.artifact.name
    artifact.write_bytes(candidate.artifact.data)
    dataset = file.parent / "bars.parquet"
    bars.write_parquet(dataset)
    return EvaluationRequest(
        strategy_file=str(file),
        manifest=manifest_text(candidate),
        artifact_file=str(artifact),
        dataset_file=str(dataset),
        settings=SETTINGS,
    )
