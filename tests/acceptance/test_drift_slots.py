"""One report a slot, however many schedulers look and whichever of them is killed."""

from __future__ import annotations

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from acceptance.drift_worker import scheduler
from contract.one_call import view
from contract.promotion_commands import NOON, keep, story
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.store.sql_store import SqlStore

WORKER = Path(__file__).with_name("drift_worker.py")
HOUR = timedelta(hours=1)


@pytest.fixture
def watched(sql_store: SqlStore) -> SqlStore:
    """Two models in production whose first slot is done."""
    live = NOON - HOUR
    keep(sql_store, *(story(Stage.PRODUCTION, name=name, since=live) for name in ("a", "b")))
    scheduler(sql_store).run_due(NOON)
    return sql_store


def slots(store: SqlStore, model: str) -> list[datetime]:
    return [each.slot for each in view(store).drift_reports.newest(model, limit=1000)]


def test_schedulers_in_threads_share_the_slots(watched: SqlStore) -> None:
    with ThreadPoolExecutor(6) as pool:
        runs = [pool.submit(scheduler(watched).run_due, NOON + 8 * HOUR) for _ in range(6)]
        made = [(each.model, each.slot) for run in runs for each in run.result()]
    assert len(made) == len(set(made)) == 2 * 8
    for model in ("a", "b"):
        assert slots(watched, model) == [NOON + n * HOUR for n in range(8, -1, -1)]


def race(store: SqlStore, hours: int, deaths: list[int]) -> list[str]:
    """Start a process for each number of statements to die after; return the slots they history."""
    url = store._engine.url.render_as_string(hide_password=False)
    workers = [
        subprocess.Popen(
            [sys.executable, str(WORKER), url, str(hours), str(death)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(WORKER.parents[1])},
        )
        for death in deaths
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    history = []
    for worker in workers:  # all stand ready: let them go
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        history += worker.communicate()[0].split()
    return history


def check_kills(store: SqlStore, rounds: int, seed: int) -> None:
    dice = random.Random(seed)
    hours = 0
    for _ in range(rounds):
        hours += dice.randint(1, 6)
        history = race(store, hours, [dice.randint(1, 40) for _ in range(2)] + [0])
        assert max((history.count(slot) for slot in history), default=0) <= 2  # once a model
        for model in ("a", "b"):
            assert slots(store, model) == [NOON + n * HOUR for n in range(hours, -1, -1)]


def test_killed_schedulers_leave_neither_holes_nor_doubles(watched: SqlStore) -> None:
    check_kills(watched, 1, 5)


@pytest.mark.acceptance
def test_many_killed_schedulers_leave_neither_holes_nor_doubles(watched: SqlStore) -> None:
    check_kills(watched, 25, 6)
