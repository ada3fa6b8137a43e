"""A fresh home with people, a deployed strategy under git, and market data beside it."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradeworthy.base.clock import utc_now
from tradeworthy.base.settings import read_settings
from tradeworthy.client.connection import Connection
from tradeworthy.client.home_service import HomeService
from tradeworthy.runtime.home import write_secret
from tradeworthy.runtime.home_setup import initialise
from training.strategy_workshop import commit, market, write_strategy

PEOPLE = {
    "ana": ["researcher"],
    "vic": ["validator"],
    "olga": ["operator"],
    "vera": ["viewer"],
}
POLICY = """
default:
  min_sharpe: -9
  max_drawdown: 0.9
  min_evaluation_observations: 252
  max_drift_severity: SEVERE
  evaluation: {folds: 2, min_train: 300}
  drift: {current_sessions: 20, reference_sessions: 250, every: 7d}
"""


@dataclass(frozen=True)
class DeployedHome:
    """A folder with a home, tokens, a strategy and bars."""

    folder: Path

    @property
    def home(self) -> Path:
        """The home's folder."""
        return self.folder / "home"

    @property
    def strategy(self) -> Path:
        """The deployed strategy file."""
        return self.home / "strategies" / "trend.py"

    @property
    def bars(self) -> Path:
        """The market data."""
        return self.folder / "bars.parquet"

    def token_file(self, who: str) -> Path:
        """Where somebody's token lies."""
        return (self.home if who == "root" else self.folder) / f"{who}.token"

    def copy(self, folder: Path) -> DeployedHome:
        """Return a home like this one in another folder."""
        shutil.copytree(self.folder, folder)
        return DeployedHome(folder)

    @contextmanager
    def speaks(self, who: str) -> Iterator[Connection]:
        """Open a client that speaks as somebody."""
        service = HomeService(read_settings(home=self.home))
        try:
            yield Connection(service, self.token_file(who).read_text().strip())
        finally:
            service.close()


def make_deployed_home(folder: Path, bars: pl.DataFrame | None = None) -> DeployedHome:
    """Make a home with the model ``m`` of strategy ``trend``."""
    deployed = DeployedHome(folder)
    settings = read_settings(home=deployed.home)
    initialise(settings, admin="root", clock=utc_now, randomness=secrets.token_bytes)
    settings.policy_file.write_text(POLICY, encoding="utf-8")
    write_strategy(settings.strategies_folder)
    commit(settings.strategies_folder)
    (market() if bars is None else bars).write_parquet(deployed.bars)
    with deployed.speaks("root") as root:
        for who, roles in PEOPLE.items():
            issued = root.post("/api/v1/ml/tokens", {"actor": who, "roles": roles})
            write_secret(deployed.token_file(who), issued["token"])
    with deployed.speaks("ana") as ana:
        ana.post("/api/v1/ml/models", {"name": "m", "strategy": "trend", "owner": "desk"})
    return deployed
