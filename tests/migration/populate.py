"""What the databases of `schemas` hold, written through the store of the day.

``python tests/migration/populate.py URL`` (with ``PYTHONPATH=tests``) migrates an empty database
and writes it. Whoever releases a schema dumps what that makes into ``schemas/<schema>_*.sql``:
SQLite by ``sqlite3.Connection.iterdump``, PostgreSQL by ``pg_dump --inserts --no-owner
--no-privileges`` without its comments and settings. Those of 0003 were written at commit a98ec8b,
whose store had a method for each write below and the same records.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta

from contract.one_call import commit, record_backtest, unit
from contract.promotion_commands import (
    AUTHOR,
    NOON,
    OPERATOR,
    Story,
    digest,
    keep,
    promote_to,
    story,
)
from contract.suites.access import ANA, CLAIM, REPLY, TOM, admin
from contract.suites.evidence import EVIDENCE, activation, backtest, dataset, report, trial
from contract.suites.jobs import LEASE, RESULT, job
from tradeworthy.lifecycle.commands import LiftQuarantine, Quarantine, Retire
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.tags import Tag
from tradeworthy.store.engine import open_engine
from tradeworthy.store.migrations import upgrade
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.ports.jobs import JobProblem
from tradeworthy.store.sql_store import SqlStore
from tradeworthy.store.unit_of_work import Store

LATER = NOON + timedelta(hours=1)
MANIFEST = Document(digest("manifest 1"), "manifest", b'{"model":"m"}\n')
RELEASE = Document(digest("release"), "release", b"{}")
PROBLEM = JobProblem("dataset_invalid", "not bars", {"rows": [1, None]})
REVOKED = replace(TOM, revoked_at=LATER)


def busy_model() -> Story:
    """A model of three versions to which everything has happened that can."""
    history = story(Stage.PRODUCTION, Stage.STAGING, Stage.DRAFT)
    history.does(OPERATOR, promote_to(2, Stage.PRODUCTION), "better")
    history.does(AUTHOR, Tag(2, "desk", "rates"))
    history.does(AUTHOR, Tag(2, "desk", "credit"))
    history.does(OPERATOR, Quarantine(2), "wild orders")
    history.does(OPERATOR, LiftQuarantine(2), "limits set; 'quoted' ü")
    history.does(OPERATOR, Retire(3), "withdrawn")
    return history


def populate(store: Store) -> None:
    """Write every kind of record."""
    commit(store, "m", 0, busy_model().events, documents=[MANIFEST], ledger=[trial(None)])
    keep(store, story(Stage.TRAINED, name="idle", strategy="carry"))
    record_backtest(store, backtest("one"), trial("one"), EVIDENCE)
    record_backtest(store, backtest("two", 2), trial("two", version=2), EVIDENCE)
    each = unit(store)
    each.datasets.add(dataset("bars"))
    each.documents.add(RELEASE, at=NOON)
    each.releases.activate(activation(1))
    each.drift_reports.add(report(0, 2))
    each.drift_reports.add(report(1, 2, severity=None))
    for token in (ANA, TOM, admin("root")):
        each.tokens.add(token)
    each.tokens.revoke("t-tom", LATER)
    each.idempotency.claim(CLAIM, NOON)
    each.idempotency.settle(CLAIM, REPLY)
    for number in (1, 2, 3):
        each.jobs.add(job(number))
    for outcome in (RESULT, PROBLEM):
        claimed = each.jobs.claim(LATER, LEASE)
        assert claimed is not None
        each.jobs.finish(claimed.id, claimed.attempt, outcome, LATER)


if __name__ == "__main__":
    engine = open_engine(sys.argv[1])
    upgrade(engine)
    populate(SqlStore(engine))
