"""A process of its own that commits to a database: one racing promoter, or one that is killed.

``race URL VERSION...`` reads the model once, says ready, waits for a line, then tries to promote
each version from what it read. ``crash URL STATEMENTS SEED`` goes through the lives of models and
kills itself with SIGKILL just after that many SQL statements.
"""

from __future__ import annotations

import random
import sys
from datetime import timedelta

from acceptance.killed_store import killed_store
from contract.one_call import commit, view
from contract.promotion_commands import NOON, OPERATOR, digest, promote_to, story
from tradeworthy.errors import StaleStage
from tradeworthy.lifecycle.decide import decide
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.tags import Tag
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.sql_store import SqlStore


def race(url: str, versions: list[int]) -> None:
    """Say what came of every attempt."""
    store = SqlStore.open(url)
    record = view(store).models.get("m")
    assert record is not None
    decided = [
        decide(
            record.state,
            promote_to(version, Stage.PRODUCTION),
            actor=OPERATOR,
            now=NOON + timedelta(days=1),
        )
        for version in versions
    ]
    print("ready", flush=True)
    sys.stdin.readline()
    for events in decided:
        try:
            commit(store, "m", record.revision, events)
        except StaleStage:
            print("stale", flush=True)
        else:
            print("won", flush=True)
    store.close()


def crash(url: str, statements: int, seed: int) -> None:
    """Print every commit that was acknowledged, until killed."""
    store = killed_store(url, statements)
    dice = random.Random(seed)
    number = 0
    while True:
        number += 1
        name = f"m-{seed}-{number}"
        history = story(Stage.PRODUCTION, Stage.STAGING, name=name)
        history.does(OPERATOR, promote_to(2, Stage.PRODUCTION))
        history.does(OPERATOR, Tag(2, "k", "v"))
        revision = 0
        while revision < len(history.events):
            batch = history.events[revision : revision + dice.randint(1, 4)]
            documents = [Document(digest(f"{name} {revision}"), "verdict", b"paper")]
            revision = commit(store, name, revision, batch, documents=documents)
            print(name, revision, documents[0].digest, flush=True)


if __name__ == "__main__":
    kind, database, *rest = sys.argv[1:]
    if kind == "race":
        race(database, [int(version) for version in rest])
    else:
        crash(database, int(rest[0]), int(rest[1]))
