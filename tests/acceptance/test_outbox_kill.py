"""Consumers of the outbox that are killed lose nothing and keep the order."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from contract.one_call import view
from contract.promotion_commands import keep, story
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.store.sql_store import SqlStore

WORKER = Path(__file__).with_name("outbox_worker.py")
NAMES = ("a", "b", "c")


def consumer(store: SqlStore, hours: int, deliveries: int) -> subprocess.Popen[str]:
    url = store._engine.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [sys.executable, str(WORKER), url, str(hours), str(deliveries)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(WORKER.parents[1])},
    )


def in_order(deliveries: list[str], name: str) -> list[str]:
    """A model's messages by their first delivery."""
    return list(dict.fromkeys(each for each in deliveries if each.startswith(f"{name}/")))


def check_kills(store: SqlStore, kills: int, seed: int) -> None:
    keep(store, *(story(Stage.STAGING, Stage.TRAINED, name=name) for name in NAMES))
    sent = {name: [m.id for m in view(store).outbox.undelivered(name)] for name in NAMES}
    dice = random.Random(seed)
    deliveries: list[str] = []
    for hours in range(kills):
        killed = consumer(store, hours, dice.randint(1, 4))
        printed = killed.communicate()[0].split()
        if killed.returncode != -signal.SIGKILL:
            assert killed.returncode == 0  # nothing was left to deliver
        elif printed:
            # It died before it marked its last one: that is delivered once more.
            name = printed[-1].split("/")[0]
            assert view(store).outbox.undelivered(name)[0].id == printed[-1]
        deliveries += printed
    last = consumer(store, kills, 0)
    deliveries += last.communicate()[0].split()
    assert last.returncode == 0
    assert {name: in_order(deliveries, name) for name in NAMES} == sent
    assert len(deliveries) <= sum(map(len, sent.values())) + kills
    assert all(view(store).outbox.undelivered(name) == () for name in NAMES)


def test_killed_consumers_lose_nothing(sql_store: SqlStore) -> None:
    check_kills(sql_store, 3, 5)


@pytest.mark.acceptance
def test_many_killed_consumers_lose_nothing(sql_store: SqlStore) -> None:
    check_kills(sql_store, 12, 6)


@pytest.mark.parametrize("rivals", [3, pytest.param(8, marks=pytest.mark.acceptance)])
def test_racing_processes_deliver_each_message_once_and_in_order(
    sql_store: SqlStore, rivals: int
) -> None:
    keep(sql_store, *(story(Stage.STAGING, Stage.TRAINED, name=name) for name in NAMES))
    sent = {name: [m.id for m in view(sql_store).outbox.undelivered(name)] for name in NAMES}
    consumers = [consumer(sql_store, 1, 0) for _ in range(rivals)]
    printed = [each.communicate()[0].split() for each in consumers]
    assert [each.returncode for each in consumers] == [0] * rivals
    everything = sorted(message for mine in printed for message in mine)
    assert everything == sorted(message for ours in sent.values() for message in ours)
    for mine in printed:
        for name in NAMES:
            own = [sent[name].index(each) for each in mine if each.startswith(f"{name}/")]
            assert own == sorted(own)
