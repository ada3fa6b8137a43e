"""A database of every released schema is brought to the present one, and keeps what it held."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from contract.one_call import commit, position, unit, view
from contract.promotion_commands import AUTHOR, digest, recorded
from contract.suites.access import ANA, CLAIM, REPLY, admin
from contract.suites.evidence import EVIDENCE, activation, backtest, dataset, report, trial
from contract.suites.jobs import LEASE, RESULT, job
from migration.populate import LATER, MANIFEST, PROBLEM, RELEASE, REVOKED, busy_model
from tradeworthy.errors import StoreUnavailable
from tradeworthy.lifecycle.events import QuarantineLifted, VersionQuarantined
from tradeworthy.lifecycle.job_state import JobState
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.tags import Tag
from tradeworthy.store import migrations
from tradeworthy.store.ports.models import ModelRecord
from tradeworthy.store.sql_store import SqlStore
from tradeworthy.store.unit_of_work import Store

SCHEMAS = Path(__file__).with_name("schemas")


def load(engine: Engine, schema: str) -> None:
    """Make a database of an earlier schema, full of records."""
    script = (SCHEMAS / f"{schema}_{engine.dialect.name}.sql").read_text(encoding="utf-8")
    if engine.dialect.name == "sqlite":
        database = sqlite3.connect(str(engine.url.database))
        database.executescript(script)
        database.close()
        return
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        connection.execute(script.encode())


@pytest.fixture(params=["0003"])
def store(request: pytest.FixtureRequest, engine: Engine) -> Store:
    """A database of an earlier schema, brought up to date."""
    load(engine, request.param)
    with pytest.raises(StoreUnavailable, match=f"schema {request.param}.*tradeworthy init"):
        migrations.check(engine)
    migrations.upgrade(engine)
    migrations.check(engine)
    return SqlStore(engine)


def test_models_and_their_events_are_read(store: Store) -> None:
    reported = busy_model()
    assert view(store).models.get("m") == ModelRecord(reported.state, len(reported.events))
    events = view(store).events.of_model("m")
    assert [(each.sequence, each.event) for each in events] == recorded(reported.events)
    stages = {number: version.stage for number, version in reported.state.versions.items()}
    assert stages == {1: Stage.STAGING, 2: Stage.PRODUCTION, 3: Stage.RETIRED}
    assert view(store).versions.tags("m") == {2: {"desk": "credit"}}
    assert [each.name for each in view(store).models.page()] == ["idle", "m"]
    assert position(store) == (27, 1)


def test_who_stopped_a_version_and_when_follows_from_its_events(engine: Engine) -> None:
    """The model's version 2 was stopped; here nobody has lifted that."""
    load(engine, "0003")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE model_versions SET quarantine_reason = 'wild orders' WHERE id IN (SELECT v.id"
            " FROM model_versions v JOIN models m ON m.id = v.model_id"
            " WHERE m.name = 'm' AND v.version = 2)"
        )
    migrations.upgrade(engine)
    (stopping,) = (event for event in busy_model().events if event.body == VersionQuarantined(2))
    record = view(SqlStore(engine)).models.get("m")
    assert record is not None
    stopped = record.state.versions[2]
    assert (stopped.quarantined_by, stopped.quarantined_at) == (stopping.actor, stopping.at)
    lifted = next(e.at for e in busy_model().events if e.body == QuarantineLifted(2))
    assert stopped.quarantine_lifted_at == lifted
    others = [record.state.versions[number] for number in (1, 3)]
    assert {(each.quarantined_by, each.quarantined_at) for each in others} == {(None, None)}


def test_evidence_is_read(store: Store) -> None:
    for document in (MANIFEST, RELEASE, EVIDENCE, RESULT):
        assert view(store).documents.get(document.digest) == document
    assert view(store).backtests.of_strategy("trend") == tuple(
        sorted((backtest("one"), backtest("two", 2)), key=lambda each: each.trial_digest)
    )
    trials = view(store).trials.of_strategy("trend")
    assert [each.trial_digest for each in trials] == [None, digest("one"), digest("two")]
    assert view(store).datasets.all() == (dataset("bars"),)
    assert view(store).releases.activation() == activation(1)
    assert view(store).drift_reports.newest("m") == (report(1, 2, severity=None), report(0, 2))


def test_tokens_keys_and_jobs_are_read(store: Store) -> None:
    assert set(view(store).tokens.all()) == {ANA, REVOKED, admin("root")}
    assert unit(store).idempotency.claim(CLAIM, LATER) == REPLY
    done, failed, waiting = (view(store).jobs.get(job(number).id) for number in (1, 2, 3))
    assert done is not None
    assert (done.state, done.result_digest) == (JobState.DONE, RESULT.digest)
    assert failed is not None
    assert (failed.state, failed.problem) == (JobState.FAILED, PROBLEM)
    assert waiting == job(3)


def test_life_goes_on(store: Store) -> None:
    reported = busy_model()
    last = len(reported.events)
    commit(
        store,
        "m",
        last,
        reported.does(AUTHOR, Tag(1, "desk", "equities")),
        ledger=[trial("three")],
    )
    assert view(store).versions.tags("m") == {1: {"desk": "equities"}, 2: {"desk": "credit"}}
    assert len(view(store).trials.of_strategy("trend")) == 4
    sequences = [each.sequence for each in view(store).events.of_model("m")]
    assert sequences == sorted(set(sequences))
    claimed = unit(store).jobs.claim(LATER, LEASE)
    assert claimed is not None
    assert claimed.id == job(3).id
    assert unit(store).drift_reports.add(report(2, 2))
    assert not unit(store).drift_reports.add(report(1, 2))


def test_the_outbox_begins_with_the_schema_that_has_it(store: Store) -> None:
    assert view(store).outbox.undelivered("m") == ()
    reported = busy_model()
    revision = len(reported.events)
    commit(store, "m", revision, reported.does(AUTHOR, Tag(1, "desk", "equities")))
    (message,) = unit(store).outbox.take(LATER, timedelta(seconds=1))
    assert (message.id, message.kind) == (f"m/{revision + 1}", "VersionTagged")


def test_a_database_that_nobody_knows_is_left_alone(engine: Engine) -> None:
    load(engine, "0003")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnavailable, match=r"9999.*does not know"):
        migrations.upgrade(engine)
    with pytest.raises(StoreUnavailable, match="9999"):
        migrations.check(engine)
