"""Races and crashes on real databases: one winner, and never half a commit."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from contract.one_call import commit, view
from contract.promotion_commands import NOON, OPERATOR, digest, keep, promote_to, story
from tradeworthy.errors import StaleStage
from tradeworthy.lifecycle.decide import decide
from tradeworthy.lifecycle.events import VersionPromoted
from tradeworthy.lifecycle.evolve import fold
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.store.engine import open_engine
from tradeworthy.store.migrations import upgrade
from tradeworthy.store.sql_store import SqlStore

LATER = NOON + timedelta(days=1)
TESTS = Path(__file__).parent.parent
WORKER = Path(__file__).with_name("commit_worker.py")
MANY = [8, pytest.param(64, marks=pytest.mark.acceptance)]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database of each kind."""
    if request.param == "sqlite":
        yield migrated(f"sqlite:///{tmp_path / 'tradeworthy.sqlite'}")
        return
    with request.getfixturevalue("postgres").database() as address:
        yield migrated(address)


def migrated(url: str) -> str:
    """Bring a database to the present schema."""
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
    return url


def staged(url: str, count: int) -> int:
    """Put ``count`` approved versions of one model into STAGING; return the revision."""
    history = story(*[Stage.STAGING] * count)
    store = SqlStore.open(url)
    keep(store, history)
    store.close()
    return len(history.events)


def check_consistent(store: SqlStore, name: str = "m") -> Counter[Stage]:
    """The projection is the fold of the events; return how many versions stand where."""
    record = view(store).models.get(name)
    events = [r.event for r in view(store).events.of_model(name)]
    assert record is not None
    assert record.state == fold(name, events)
    assert record.revision == len(events)
    stages = Counter(version.stage for version in record.state.versions.values())
    assert stages[Stage.PRODUCTION] <= 1
    return stages


def promotions(store: SqlStore) -> list[int]:
    """Which versions entered PRODUCTION, in their order."""
    bodies = [r.event.body for r in view(store).events.of_model("m")]
    return [
        b.version for b in bodies if isinstance(b, VersionPromoted) and b.target is Stage.PRODUCTION
    ]


@pytest.mark.parametrize("same_version", [False, True])
@pytest.mark.parametrize("racers", MANY)
def test_of_many_promotions_from_one_state_one_wins(
    url: str, racers: int, same_version: bool
) -> None:
    revision = staged(url, racers)
    start = threading.Barrier(racers)

    def promote(racer: int) -> str:
        store = SqlStore.open(url)
        try:
            record = view(store).models.get("m")
            assert record is not None
            assert record.revision == revision
            command = promote_to(1 if same_version else racer, Stage.PRODUCTION)
            events = decide(record.state, command, actor=OPERATOR, now=LATER)
            start.wait()
            commit(store, "m", record.revision, events)
        except StaleStage:
            return "stale"
        else:
            return "won"
        finally:
            store.close()

    with ThreadPoolExecutor(racers) as pool:
        outcome = Counter(pool.map(promote, range(1, racers + 1)))
    assert outcome == {"won": 1, "stale": racers - 1}
    store = SqlStore.open(url)
    assert check_consistent(store) == {Stage.PRODUCTION: 1, Stage.STAGING: racers - 1}
    assert len(promotions(store)) == 1
    store.close()


@pytest.mark.parametrize("racers", MANY)
def test_promoters_that_look_again_follow_one_another(url: str, racers: int) -> None:
    staged(url, racers)
    start = threading.Barrier(racers + 1)
    done = threading.Event()

    def promote(version: int) -> None:
        store = SqlStore.open(url)
        start.wait()
        while True:
            record = view(store).models.get("m")
            assert record is not None
            command = promote_to(version, Stage.PRODUCTION)
            events = decide(record.state, command, actor=OPERATOR, now=LATER)
            try:
                commit(store, "m", record.revision, events)
            except StaleStage:
                continue
            store.close()
            return

    def watch() -> None:
        """Whoever reads meanwhile sees whole commits alone."""
        store = SqlStore.open(url)
        start.wait()
        while not done.is_set():
            record = view(store).models.get("m")
            assert record is not None
            known = [r.event for r in view(store).events.of_model("m")[: record.revision]]
            assert record.state == fold("m", known)
            assert all(state.champion is not None for state in view(store).models.production())
        store.close()

    with ThreadPoolExecutor(racers + 1) as pool:
        watcher = pool.submit(watch)
        promoters = [pool.submit(promote, version) for version in range(1, racers + 1)]
        try:
            for promoter in promoters:
                promoter.result()
        finally:
            done.set()
        watcher.result()
    store = SqlStore.open(url)
    assert check_consistent(store) == {Stage.PRODUCTION: 1, Stage.STAGING: racers - 1}
    entered = promotions(store)
    assert sorted(entered) == list(range(1, racers + 1))
    record = view(store).models.get("m")
    assert record is not None
    assert record.state.champion is not None
    assert record.state.champion.version == entered[-1]
    left = [v for v in record.state.versions.values() if v.left_production_at is not None]
    assert len(left) == racers - 1
    store.close()


@pytest.mark.parametrize("racers", MANY)
def test_of_many_registrations_of_one_name_one_wins(url: str, racers: int) -> None:
    start = threading.Barrier(racers)

    def register(racer: int) -> str:
        store = SqlStore.open(url)
        start.wait()
        try:
            commit(store, "m", 0, story(strategy=f"s{racer}").events)
        except StaleStage:
            return "stale"
        else:
            return "won"
        finally:
            store.close()

    with ThreadPoolExecutor(racers) as pool:
        outcome = Counter(pool.map(register, range(racers)))
    assert outcome == {"won": 1, "stale": racers - 1}


def worker(*arguments: str) -> subprocess.Popen[str]:
    """Start a process that commits."""
    return subprocess.Popen(
        [sys.executable, str(WORKER), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )


@pytest.mark.parametrize(
    ("processes", "each"), [(3, 2), pytest.param(8, 8, marks=pytest.mark.acceptance)]
)
def test_of_many_processes_one_wins(url: str, processes: int, each: int) -> None:
    staged(url, processes * each)
    racers = [
        worker("race", url, *(str(n * each + i + 1) for i in range(each))) for n in range(processes)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    outcome: Counter[str] = Counter()
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        said, _ = racer.communicate()
        assert racer.returncode == 0
        outcome.update(said.split())
    assert outcome == {"won": 1, "stale": processes * each - 1}
    store = SqlStore.open(url)
    assert check_consistent(store)[Stage.PRODUCTION] == 1
    store.close()


@pytest.mark.parametrize("kills", [5, pytest.param(100, marks=pytest.mark.acceptance)])
def test_a_kill_in_the_middle_of_a_commit_leaves_nothing_half(url: str, kills: int) -> None:
    """SIGKILL after a statement that chance chooses, many times on one database."""
    dice = random.Random(7)
    for seed in range(kills):
        child = worker("crash", url, str(dice.randint(20, 400)), str(seed))
        said, _ = child.communicate()
        assert child.returncode == -signal.SIGKILL
        acknowledged: dict[str, int] = {}
        store = SqlStore.open(url)
        for line in said.splitlines():
            name, revision, paper = line.split()
            acknowledged[name] = int(revision)
            assert view(store).documents.get(paper) is not None
        kept = {summary.name for summary in view(store).models.page(after=f"m-{seed}-", limit=1000)}
        kept = {name for name in kept if name.startswith(f"m-{seed}-")}
        assert set(acknowledged) <= kept
        for name in kept:
            check_consistent(store, name)
            found = view(store).models.get(name)
            assert found is not None
            assert found.revision >= acknowledged.get(name, 0)
        store.close()
    store = SqlStore.open(url)
    for summary in view(store).models.page(limit=100_000):
        check_consistent(store, summary.name)
    assert view(store).documents.get(digest("never")) is None
    store.close()
