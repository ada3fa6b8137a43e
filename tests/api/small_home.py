"""A home with tokens of every role and a cheap strategy, and what happens to its models."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tradeworthy.base.clock import utc_now
from tradeworthy.base.settings import Settings, read_settings
from tradeworthy.client.candidate_upload import record_version, training_windows
from tradeworthy.client.client import Client
from tradeworthy.client.connection import Connection
from tradeworthy.client.home_service import HomeService
from tradeworthy.manifest.dataset_digest import dataset_hash
from tradeworthy.market_data.bars import bar_table
from tradeworthy.runtime.home_setup import initialise
from tradeworthy.training.candidate import train_candidate
from tradeworthy.training.run_record import Candidate, MarketData
from tradeworthy.training.strategy_file import load_strategy

DEPLOYED = Path(__file__).with_name("deployed")
SESSIONS = 800
FIRST = date(2022, 1, 3)
TRAIN_END = date(2024, 9, 30)
PEOPLE = {
    "vera": ("viewer", None),
    "ana": ("researcher", None),
    "bob": ("researcher", None),
    "vic": ("validator", None),
    "olga": ("operator", None),
    "sam": ("researcher,validator,operator", ["trend"]),
    "out": ("researcher,validator,operator", ["elsewhere"]),
    "all": ("viewer,researcher,validator,operator,admin", None),
}
POLICY = """
default:
  min_sharpe: 0.5
  max_drawdown: 0.5
  min_psr: 0.5
  min_evaluation_observations: 252
  max_trials_without_review: 1000
  max_drift_severity: SEVERE
  evaluation: {folds: 2, min_train: 300}
  drift: {current_sessions: 20, reference_sessions: 250, every: 7d}
"""


@dataclass(frozen=True)
class SmallHome:
    """A home's folder and who has which token."""

    folder: Path

    def settings(self, **overrides: object) -> Settings:
        """Return its settings: changes are noticed quickly, and a busy machine may be slow."""
        quick = {"refresh_seconds": 0.05, "scheduler": False, "port": 0}
        slow = {"lease_seconds": 600.0, "evaluation_seconds": 86_400.0}
        return read_settings(home=self.folder, **(quick | slow | overrides))

    def token(self, who: str) -> str:
        """Return a person's token."""
        return (self.folder / f"{who}.token").read_text(encoding="ascii").strip()

    @property
    def features(self) -> Path:
        """The deployed feature file."""
        return self.folder / "strategies" / "features.py"

    @property
    def database(self) -> Path:
        """The database's file."""
        return self.folder / "tradeworthy.sqlite"

    @property
    def policy(self) -> Path:
        """The policy file."""
        return self.folder / "ml_promotion_policy.yaml"

    def copy(self, folder: Path) -> SmallHome:
        """Copy a home that nobody serves."""
        shutil.copytree(self.folder, folder)
        return SmallHome(folder)


def make_home(folder: Path, **settings: object) -> SmallHome:
    """Initialise a home, issue the tokens, deploy the strategy in a clean git tree."""
    home = SmallHome(folder)
    made = home.settings(**settings)
    initialise(made, admin="root", clock=utc_now, randomness=secrets.token_bytes)
    home.policy.write_text(POLICY)
    with speaking(home, "root", made) as root:
        for name, (roles, strategies) in PEOPLE.items():
            requested = {"actor": name, "roles": roles.split(","), "strategies": strategies}
            issued = root.post("/api/v1/ml/tokens", requested)
            (folder / f"{name}.token").write_text(issued["token"])
    strategies = folder / "strategies"
    for file in DEPLOYED.glob("*.py"):
        shutil.copy(file, strategies)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "deployed"]):
        identity = ["-c", "user.name=ana", "-c", "user.email=ana@example.org"]
        subprocess.run(["git", *identity, *command], cwd=strategies, check=True)
    return home


@contextmanager
def speaking(home: SmallHome, who: str, settings: Settings | None = None) -> Iterator[Connection]:
    """Speak to a home's own service as a person."""
    service = HomeService(settings or home.settings())
    try:
        yield Connection(service, home.token(who))
    finally:
        service.close()


def market() -> MarketData:
    """Two instruments whose returns follow the day before: a trend to be found."""
    draw = np.random.default_rng(7)
    frames = []
    days = [FIRST + timedelta(days=day) for day in range(SESSIONS * 7 // 5)]
    days = [day for day in days if day.weekday() < 5][:SESSIONS]
    for symbol in ("AAA", "BBB"):
        returns = np.zeros(SESSIONS)
        for at in range(1, SESSIONS):
            returns[at] = 0.5 * returns[at - 1] + draw.normal(0, 0.01)
        close = 100 * np.exp(np.cumsum(returns))
        opening = np.concatenate([[100.0], close[:-1]]) * np.exp(draw.normal(0, 1e-4, SESSIONS))
        frames.append(
            pl.DataFrame(
                {
                    "date": days,
                    "symbol": [symbol] * SESSIONS,
                    "open": opening,
                    "high": np.maximum(opening, close) * 1.001,
                    "low": np.minimum(opening, close) * 0.999,
                    "close": close,
                }
            )
        )
    bars = bar_table(pl.concat(frames))
    return MarketData("market", bars, dataset_hash(bars))


MARKET = market()


def candidate(home: SmallHome, client: Any, model: str, **config: object) -> Candidate:
    """Train the deployed strategy."""
    return train_candidate(
        load_strategy(home.folder / "strategies" / "trend.py"),
        MARKET,
        config=config,
        train_end=TRAIN_END,
        windows=training_windows(Client.over(client), model),
    )


def train(home: SmallHome, client: Any, model: str, folder: Path, **config: object) -> int:
    """Train and record a version, which becomes TRAINED; return its number."""
    trained = candidate(home, client, model, **config)
    return record_version(Client.over(client), model, trained, [MARKET], folder).version


def promote(client: Any, model: str, version: int, **requested: object) -> Any:
    """Promote a version by one stage."""
    return client.post(f"/api/v1/ml/{model}/promote", {"version": version, **requested})


def approve(client: Any, model: str, version: int) -> Any:
    """Approve what a version consists of."""
    path = f"/api/v1/ml/{model}/versions/{version}"
    content = client.get(path)["content_digest"]
    return client.post(f"{path}/approve", {"content_digest": content})


def activate_features(client: Any, model: str, version: int) -> Any:
    """Make the features of a version the active release."""
    manifest = client.get(f"/api/v1/ml/{model}/versions/{version}/manifest")
    requested = {"snapshots": [manifest["feature_graph"]]}
    release = client.post("/api/v1/ml/releases", requested)["release"]
    return client.post("/api/v1/ml/releases/activate", {"release": release})


def make_the_story(home: SmallHome, folder: Path) -> None:
    """Bring model ``m`` to: v1 PRODUCTION, v2 STAGING and approved, v3 VALIDATED, v4 TRAINED.

    Besides there is v5, a DRAFT, a model ``empty`` without versions, and ``far`` of a strategy
    that is not ours.
    """
    service = HomeService(home.settings())
    ana, vic, olga, everybody = (
        Connection(service, home.token(who)) for who in ("ana", "vic", "olga", "all")
    )
    for model, strategy in (("m", "trend"), ("empty", "trend"), ("far", "elsewhere")):
        requested = {"name": model, "strategy": strategy, "owner": "desk"}
        everybody.post("/api/v1/ml/models", requested)
    for number in range(1, 5):
        train(home, ana, "m", folder, ridge=1e-6 * number)
        if number == 1:
            activate_features(olga, "m", 1)
        if number < 4:
            ana.post("/api/v1/ml/m/backtest", {"version": number})
            promote(vic, "m", number)
        if number < 3:
            promote(olga, "m", number)
            approve(vic, "m", number)
    promote(olga, "m", 1)
    ana.post("/api/v1/ml/m/versions")
    service.close()
