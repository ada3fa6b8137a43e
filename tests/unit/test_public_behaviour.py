"""What a public name does cannot change unless its semantics number is raised.

``tests/answers/public_behaviour.json`` has the digest of every public name's answers to the fixed
inputs below, by semantics number. When a test here fails,

- and the change was not meant: undo it, since users' hashes would go on saying "the same";
- and it was meant: raise the number in ``features/logic/public_names.py`` and add the digest that
  the message shows under the new number. Digests of older numbers stay;
- and only the inputs below changed: put the new digest in the place of the present one.

Answers are rounded to ten significant digits, so that another machine gives the same.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tradeworthy as tw
from tradeworthy.features.logic.public_names import SEMANTICS

GOLDEN = Path(__file__).parents[1] / "answers" / "public_behaviour.json"

SERVICES = {
    "tradeworthy.Client": "speaks to a service",
    "tradeworthy.ModelRegistry": "works on a database",
    "tradeworthy.record_run": "speaks to a service",
    "tradeworthy.__version__": "changes with every release",
}
"""Names whose answers are no function of their arguments: users' logic may not rest on them."""

RETURNS = [((7 * n * n + 3 * n) % 41 - 19) / 1_000 for n in range(120)]
SHORT, FLAT, EMPTY = [0.01, -0.02, 0.015], [0.0, 0.0, 0.0], list[float]()
SHIFTED = [each + 0.004 for each in RETURNS[::-2]]
DAYS = [date(2020, 1, 1) + timedelta(days=n) for n in range(120)]
CLOSE = [100 + 30 * each + n / 10 for n, each in enumerate(np.cumsum(RETURNS).tolist())]
BARS = pl.DataFrame(
    {
        "date": DAYS,
        "symbol": ["A"] * 120,
        "open": [each - 0.05 for each in CLOSE],
        "high": [each + 0.2 for each in CLOSE],
        "low": [each - 0.2 for each in CLOSE],
        "close": CLOSE,
        "volume": [1_000.0 + 10 * n for n in range(120)],
    }
)
FEATURES = """\
import polars as pl
from tradeworthy import Strategy, feature
LAG = 5
@feature(version=2, lookback=5, owner="x")
def momentum(close): return close / close.shift(LAG) - 1
@feature()
def peek(close): return close.shift(-1) / close - 1
@feature(label=True)
def next_return(close): return close.shift(-1) / close - 1
def train(table, config): return None
def signal(predictions, rows, config): return predictions
strategy = Strategy(name="s", inputs=("momentum",), label="next_return", label_horizon=1,
                    train=train, signal=signal)
"""
POLICY = "default:\n  min_sharpe: 0.5\nstrategies:\n  s:\n    min_sharpe: 0.7\n"


def answers(function: Callable[..., Any], *calls: tuple[Any, ...], **options: Any) -> list[Any]:
    """Answer a list of positional calls; an error counts by its class."""
    found: list[Any] = []
    for call in calls:
        try:
            found.append(function(*call, **options))
        except (tw.errors.TradeworthyError, TypeError) as error:
            found.append(type(error).__name__)
    return found


def of_returns(function: Callable[..., Any], *more: Any) -> list[Any]:
    series = (RETURNS, SHORT, FLAT, EMPTY, [0.1, math.nan], [-1.5, 0.2])
    return answers(function, *((each, *more) for each in series))


def of_samples(function: Callable[..., Any]) -> list[Any]:
    pairs = ((RETURNS, SHIFTED), (RETURNS, RETURNS), (FLAT * 9, SHORT * 9), (SHORT, EMPTY))
    return answers(function, *pairs)


def file_of(folder: Path, text: str) -> Path:
    file = folder / "momentum_rule.py"
    file.write_text(text)
    return file


def graph(folder: Path) -> tw.FeatureGraph:
    return tw.FeatureGraph.from_module(file_of(folder, FEATURES))


def declared() -> list[Any]:
    @tw.feature
    def plain(close: int) -> int:
        return close

    @tw.feature(version=3, name="other", pins={"close": 2}, label=True, dtype="Float64")
    def named(close: int) -> int:
        return 2 * close

    marks: list[Any] = [vars(each)["__feature__"] for each in (plain, named)]
    known = [
        (each.name, each.version, each.kind, each.pins, each.semantics, each.metadata)
        for each in marks
    ]
    return [plain(1), named(1), known, answers(tw.feature, (int,), (staticmethod(len),))]


def backtests() -> list[Any]:
    weights = np.sign(np.asarray(RETURNS))
    costs = tw.backtest.Costs(commission_bps=1, slippage_bps=2)
    found = [
        tw.run_backtest(BARS, weights, costs=costs),
        tw.run_backtest(BARS, weights / 2, costs=costs, execution="next_close"),
        tw.run_backtest(BARS, weights, costs=costs, max_gross_leverage=0.5, weights_drift=True),
    ]
    return [(each.returns, each.metrics, each.config) for each in found]


def policies(folder: Path) -> list[Any]:
    file = folder / "policy.yaml"
    file.write_text(POLICY)
    names = (("m", None), ("m", "s"))
    found = [tw.get_policy_for_model(*each, path=file) for each in names]
    stricter = tw.get_policy_for_model("m", "s", {"min_sharpe": 2}, file)
    return [each.number("min_sharpe") for each in (*found, stricter)]


def ahead(folder: Path) -> list[Any]:
    known = graph(folder)
    names = ["momentum", "peek"]
    report = tw.features.look_ahead_report(
        lambda bars: tw.features.compute_features(known, bars, names), BARS, names, entity="symbol"
    )
    return [report.passed, {name: each.steps_ahead for name, each in report.features.items()}]


def loaded(folder: Path) -> list[Any]:
    found = tw.training.load_strategy(file_of(folder, FEATURES))
    return [found.strategy.name, found.strategy.inputs, list(found.graph), found.file.name]


def severities() -> list[Any]:
    metrics = [
        tw.drift.DriftMetrics(*each)
        for each in ((0.3, 0.1, 0.4, 0.1, 0.2), (0.11, 0, 0, 0, 0), (0, 0, 0.6, 0.8, 0))
    ]
    pairs = [(each, p) for each in metrics for p in (0.001, 0.03, 0.2)]
    return answers(tw.drift.classify_severity, *pairs, (metrics[0], 2.0))


def costs() -> list[Any]:
    found = [
        tw.backtest.Costs(commission_bps=1.0, slippage_bps=2.5),
        tw.backtest.Costs(impact_coefficient=0.5, capital=1e6),
    ]
    made = [(each.rate, each.are_zero) for each in found]
    return [made, answers(tw.backtest.Costs, (-1.0,), (math.nan,))]


def strategies() -> list[Any]:
    found = tw.Strategy(
        name="s",
        inputs=("a",),
        label="b",
        label_horizon=2,
        train=lambda table, config: None,
        signal=lambda predictions, rows, config: predictions,
    )
    return [
        found.name,
        found.inputs,
        found.label_horizon,
        found.config,
        found.features,
        found.seeds,
    ]


def csv(folder: Path) -> Path:
    file = folder / "bars.csv"
    BARS.write_csv(file)
    return file


S, D = tw.statistics, tw.drift
BEHAVIOUR: Mapping[str, Callable[[Path], Any]] = {
    "tradeworthy.FeatureGraph": lambda folder: [
        list(graph(folder)),
        graph(folder).keys_of(["momentum"]),
        [(key, each.dependencies, each.kind) for key, each in graph(folder).nodes.items()],
        answers(graph(folder).closure, (["nothing"],), ([],)),
    ],
    "tradeworthy.Stage": lambda _: [(each.name, each.value) for each in tw.Stage],
    "tradeworthy.Strategy": lambda _: strategies(),
    "tradeworthy.TRANSITIONS": lambda _: {k: sorted(v) for k, v in tw.TRANSITIONS.items()},
    "tradeworthy.backtest.Costs": lambda _: costs(),
    "tradeworthy.backtest.performance_metrics": lambda _: of_returns(
        tw.backtest.performance_metrics
    ),
    "tradeworthy.dataset_hash": lambda _: answers(
        tw.dataset_hash, (BARS,), (BARS.head(3),), (BARS.reverse(),), (BARS.select("symbol"),)
    ),
    "tradeworthy.drift.DriftMetrics": lambda _: answers(
        D.DriftMetrics, (0.1, 0.2, 0.3, 0.4, 0.5), (-1, 0, 0, 0, 0), (1, 2, 3, 4)
    ),
    "tradeworthy.drift.Floors": lambda _: [
        D.Floors(),
        answers(D.Floors, (D.DriftMetrics(*[0] * 5),)),
    ],
    "tradeworthy.drift.Severity": lambda _: [(each.name, each.value) for each in D.Severity],
    "tradeworthy.drift.classify_severity": lambda _: severities(),
    "tradeworthy.drift.ks_statistic": lambda _: of_samples(D.ks_statistic),
    "tradeworthy.drift.mean_shift": lambda _: of_samples(D.mean_shift),
    "tradeworthy.drift.population_stability_index": lambda _: of_samples(
        D.population_stability_index
    ),
    "tradeworthy.drift.tail_shift": lambda _: of_samples(D.tail_shift),
    "tradeworthy.drift.variance_shift": lambda _: of_samples(D.variance_shift),
    "tradeworthy.errors": lambda _: [
        str(tw.errors.InvalidInput("a", field=1)),
        tw.errors.InvalidInput("a", field=1).details,
        [base.__name__ for base in tw.errors.FeatureCycle.__mro__],
    ],
    "tradeworthy.feature": lambda _: declared(),
    "tradeworthy.features.compute_features": lambda folder: tw.features.compute_features(
        graph(folder), BARS, ["momentum", "peek", "close"]
    ),
    "tradeworthy.features.look_ahead_report": ahead,
    "tradeworthy.get_policy_for_model": policies,
    "tradeworthy.manifest.verify_manifest": lambda folder: [
        (each.name, each.status)
        for each in tw.manifest.verify_manifest(folder / "none.manifest.json").checks
    ],
    "tradeworthy.market_data.bar_table": lambda _: [
        tw.market_data.bar_table(BARS.reverse()),
        answers(tw.market_data.bar_table, (BARS.drop("close"),), (BARS.drop("symbol"),)),
    ],
    "tradeworthy.market_data.run_data_guards": lambda _: [
        (each.guard, each.symbol, each.date, each.severity)
        for each in tw.market_data.run_data_guards(
            BARS.with_columns(close=pl.when(pl.int_range(120) == 60).then(1.0).otherwise("close"))
        )
    ],
    "tradeworthy.read_bars": lambda folder: tw.read_bars(csv(folder)),
    "tradeworthy.run_backtest": lambda _: backtests(),
    "tradeworthy.statistics.autocorrelation_adjusted_sharpe_ratio": lambda _: of_returns(
        S.autocorrelation_adjusted_sharpe_ratio, 2
    ),
    "tradeworthy.statistics.calmar_ratio": lambda _: of_returns(S.calmar_ratio),
    "tradeworthy.statistics.combinatorial_purged_splits": lambda _: answers(
        S.combinatorial_purged_splits, (23, 5, 2, 1, 2), (3, 4, 1), (10, 5, 4, 9)
    ),
    "tradeworthy.statistics.deflated_sharpe_ratio": lambda _: [
        answers(
            S.deflated_sharpe_ratio,
            (0.1, 250),
            (0.05, 1_000, -0.5, 6.0),
            (0.1, 1),
            n_trials=trials,
            trial_sharpe_variance=0.01,
        )
        for trials in (1, 50)
    ],
    "tradeworthy.statistics.expected_maximum_sharpe": lambda _: answers(
        S.expected_maximum_sharpe, (1, 0.01), (10, 0.01), (1_000, 0.2), (0, 0.1)
    ),
    "tradeworthy.statistics.expected_shortfall": lambda _: of_returns(S.expected_shortfall),
    "tradeworthy.statistics.hit_rate": lambda _: of_returns(S.hit_rate),
    "tradeworthy.statistics.max_drawdown": lambda _: of_returns(S.max_drawdown),
    "tradeworthy.statistics.minimum_track_record_length": lambda _: answers(
        S.minimum_track_record_length, (0.1,), (0.05, -0.5, 6.0, 0.01), (0.0,), (0.1, 0, 3, 0, 2)
    ),
    "tradeworthy.statistics.probabilistic_sharpe_ratio": lambda _: answers(
        S.probabilistic_sharpe_ratio, (0.1, 250), (0.05, 900, -0.5, 6.0, 0.01), (0.1, 1)
    ),
    "tradeworthy.statistics.probability_of_backtest_overfitting": lambda _: answers(
        S.probability_of_backtest_overfitting,
        ([RETURNS, RETURNS[::-1], [0.001 * (n % 3) for n in range(120)]], 8),
        ([RETURNS], 8),
        ([RETURNS, RETURNS[::-1]], 7),
    ),
    "tradeworthy.statistics.sharpe_ratio": lambda _: [
        of_returns(S.sharpe_ratio),
        of_returns(S.sharpe_ratio, 12),
    ],
    "tradeworthy.statistics.sortino_ratio": lambda _: of_returns(S.sortino_ratio),
    "tradeworthy.statistics.value_at_risk": lambda _: [
        of_returns(S.value_at_risk),
        of_returns(S.value_at_risk, 0.2),
    ],
    "tradeworthy.training.Estimator": lambda _: sorted(
        name for name in vars(tw.training.Estimator) if not name.startswith("_")
    ),
    "tradeworthy.training.load_strategy": loaded,
    "tradeworthy.training.training_table": lambda folder: tw.training.training_table(
        tw.training.load_strategy(file_of(folder, FEATURES)), BARS, DAYS[90]
    ),
    "tradeworthy.training_config_hash": lambda _: answers(
        tw.training_config_hash,
        ({"a": 1, "b": [1.0, None, True]},),
        ({"a": 1.0, "b": [1.0, None, True]},),
        ({"a": 1, "t": 2}, ["t"]),
        ({"a": math.nan},),
    ),
}


def plain(value: Any) -> Any:
    """Bring an answer into JSON, numbers rounded to ten significant digits."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float | np.floating):
        return f"{round(float(value), 14) + 0.0:.9e}"
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, pl.DataFrame):
        return [
            [name, str(dtype), plain(value[name].to_list())] for name, dtype in value.schema.items()
        ]
    if isinstance(value, Mapping):
        return sorted([str(plain(key)), plain(each)] for key, each in value.items())
    if is_dataclass(value) and not isinstance(value, type):
        return [[each.name, plain(getattr(value, each.name))] for each in fields(value)]
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def test_every_public_name_has_a_behaviour_or_a_reason_for_none() -> None:
    assert set(BEHAVIOUR) | set(SERVICES) == set(SEMANTICS)
    assert not set(BEHAVIOUR) & set(SERVICES)
    assert set(json.loads(GOLDEN.read_text("utf-8"))) == set(BEHAVIOUR)


@pytest.mark.parametrize("name", sorted(BEHAVIOUR))
def test_a_public_name_does_what_its_semantics_number_says(name: str, tmp_path: Path) -> None:
    text = json.dumps(plain(BEHAVIOUR[name](tmp_path)))
    digest = hashlib.sha256(text.encode()).hexdigest()
    golden = json.loads(GOLDEN.read_text("utf-8"))[name]
    number = str(SEMANTICS[name])
    assert max(golden, key=int) == number
    assert golden[number] == digest, f"{name} does otherwise: {digest}\n{text[:2_000]}"
