"""The best of many rules with nothing in them looks good, and the ledger knows better."""

from __future__ import annotations

import importlib.util
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tradeworthy.demo
from tradeworthy.client.candidate_upload import record_version, training_windows
from tradeworthy.client.client import Client
from tradeworthy.market_data.files.bar_file import read_bars
from tradeworthy.training.candidate import train_candidate
from tradeworthy.training.strategy_file import load_strategy
from training.home_workshop import make_deployed_home
from training.strategy_workshop import commit, data_of

POLICY = """
default:
  min_psr: 0.95
  min_dsr: 0.95
  max_pbo: 0.5
  evaluation: {folds: 4, min_train: 1000, commission_bps: 1, slippage_bps: 4}
  drift: {current_sessions: 20, reference_sessions: 250, every: 7d}
"""


def indices(last: date) -> pl.DataFrame:
    """Daily bars of two stock indices up to a day."""
    spec = importlib.util.find_spec("arch")
    assert spec is not None
    assert spec.origin is not None
    data = Path(spec.origin).parent / "data"
    bars = pl.concat([read_bars(data / n / f"{n}.csv.gz") for n in ("sp500", "nasdaq")])
    return bars.filter(pl.col("date") < last)


def search(folder: Path, tries: int, last: date) -> list[dict[str, Any]]:
    """Train and backtest as many lucky rules through a real home; return the backtests."""
    deployed = make_deployed_home(folder, indices(last))
    (deployed.home / "ml_promotion_policy.yaml").write_text(POLICY)
    source = Path(tradeworthy.demo.__file__).parent / "strategies"
    strategies = deployed.strategy.parent
    for file in (*strategies.glob("*.py"), *strategies.glob(".git")):
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    for name in ("features.py", "lucky_rule.py"):
        shutil.copy(source / name, strategies / name)
    commit(strategies)
    loaded = load_strategy(strategies / "lucky_rule.py")
    data = data_of(read_bars(deployed.bars))
    found = []
    with deployed.speaks("ana") as ana:
        ana.post("/api/v1/ml/models", {"name": "l", "strategy": "lucky_rule", "owner": "desk"})
        for seed in range(tries):
            candidate = train_candidate(
                loaded,
                data,
                config={"seed": seed},
                train_end=date(2006, 12, 29),
                windows=training_windows(Client.over(ana), "l"),
            )
            version = record_version(
                Client.over(ana), "l", candidate, [data], deployed.folder
            ).version
            found.append(ana.post("/api/v1/ml/l/backtest", {"version": version}))
        best = max(found, key=lambda each: each["metrics"]["sharpe"])
        # Judged with the whole search on the ledger, not as it stood at its own backtest.
        again = ana.post("/api/v1/ml/l/backtest", {"version": best["version"]})
    return [*found, again]


def gates(backtest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {gate["gate"]: gate for gate in backtest["verdict"]["gates"]}


def test_more_luck_is_deflated_more(tmp_path: Path) -> None:
    *found, best = search(tmp_path, 5, date(2009, 1, 1))
    judged = gates(best)
    assert best["metrics"]["sharpe"] == max(each["metrics"]["sharpe"] for each in found)
    assert judged["min_dsr"]["observed"] < judged["min_psr"]["observed"]
    assert judged["min_dsr"]["status"] == "FAILED"
    assert judged["max_pbo"]["status"] == "NOT_APPLICABLE"
    # With one trial on the ledger there is nothing to deflate.
    first = gates(found[0])
    assert first["min_dsr"]["observed"] == pytest.approx(first["min_psr"]["observed"])


@pytest.mark.acceptance
def test_the_best_of_forty_lucky_rules_is_refused_as_luck(tmp_path: Path) -> None:
    *found, best = search(tmp_path, 40, date(2017, 7, 1))
    judged = gates(best)
    assert len({each["result_digest"] for each in found}) == 40
    assert judged["min_psr"]["observed"] > 0.9
    assert judged["min_dsr"]["status"] == "FAILED"
    assert judged["min_dsr"]["observed"] < judged["min_psr"]["observed"] - 0.1
    assert judged["max_pbo"]["status"] != "NOT_APPLICABLE"
    assert best["verdict"]["passed"] is False
