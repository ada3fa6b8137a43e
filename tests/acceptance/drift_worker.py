"""A process of its own that scans what is due, and dies after so many SQL statements.

``URL HOURS STATEMENTS``: the slots up to so many hours after noon; 0 statements is to live.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from acceptance.killed_store import killed_store
from contract.promotion_commands import NOON
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.promotion.promotion_policy import get_policy_for_model
from tradeworthy.runtime.drift_scheduler import DriftScheduler
from tradeworthy.store.unit_of_work import Store


@dataclass
class Rows:
    """One session of rows, the same whichever is wanted."""

    event_time: NDArray[np.int64]
    features: dict[str, NDArray[np.float64]]

    def columns(self, model: str, version: int, *, until: int, sessions: int) -> Rows:
        """Return the rows."""
        return self


def scheduler(store: Store) -> DriftScheduler:
    """Watch every model in production by the policy that comes with the package."""
    begin = int(NOON.timestamp()) * 1_000_000_000
    times = begin + np.arange(240, dtype=np.int64) * 1_000_000
    return DriftScheduler(
        store,
        Rows(times, {"x": np.zeros(times.size)}),
        lambda state: get_policy_for_model(state.name),
        lambda version: Manifest("m", version.version, "s", inputs=("x",)),
    )


def main(url: str, hours: int, statements: int) -> None:
    """Scan once somebody says so, or die of it."""
    store = killed_store(url, statements)
    print("ready", flush=True)
    sys.stdin.readline()
    for made in scheduler(store).due_reports(NOON + timedelta(hours=hours)):
        print(made.slot.isoformat(), flush=True)
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
