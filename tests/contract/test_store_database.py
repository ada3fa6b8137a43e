"""What the database itself holds against whoever goes behind the store's back, and what fails."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, func, select, text
from sqlalchemy.exc import IntegrityError

from contract.one_call import commit, position, unit, view
from contract.promotion_commands import AUTHOR, NOON, digest, keep, story
from tradeworthy.errors import (
    IdempotencyConflict,
    InvalidInput,
    InvalidTransition,
    SettingsInvalid,
    StoreUnavailable,
)
from tradeworthy.lifecycle.events import Event, VersionDrafted
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.tags import Tag, VersionTagged
from tradeworthy.store.engine import open_engine, transaction
from tradeworthy.store.migrations import upgrade
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.ports.idempotency import IdempotencyClaim
from tradeworthy.store.sql.events import events
from tradeworthy.store.sql.lifecycle_tables import models
from tradeworthy.store.sql_store import SqlStore

FORGERIES = [
    "UPDATE model_versions SET stage = 'PRODUCTION' WHERE version = 2",
    "UPDATE model_versions SET stage = 'CHAMPION' WHERE version = 2",
    "UPDATE model_versions SET stage = NULL WHERE version = 2",
    "UPDATE model_versions SET version = 1 WHERE version = 2",
    "UPDATE model_versions SET model_id = 99 WHERE version = 2",
    "DELETE FROM model_versions WHERE version = 1",
    "DELETE FROM models",
    "INSERT INTO version_tags (version_id, key, value) VALUES (99, 'k', 'v')",
    "INSERT INTO models (name, strategy, owner, tier, revision, created_at, created_by)"
    " SELECT name, strategy, owner, tier, revision, created_at, created_by FROM models",
    "INSERT INTO events (model_id, version, kind, actor, at, reason, body)"
    " SELECT 99, version, kind, actor, at, reason, body FROM events",
    "INSERT INTO model_versions (model_id, version, stage, author, created_at, stage_since)"
    " SELECT model_id, 3, 'PRODUCTION', author, created_at, stage_since"
    " FROM model_versions WHERE version = 1",
]


def answers(engine: Engine) -> None:
    """Raise what a reader gets, unless the database answers."""
    with transaction(engine, writes=False) as connection:
        assert connection.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize("forgery", FORGERIES)
def test_the_database_refuses_a_forgery(engine: Engine, sql_store: SqlStore, forgery: str) -> None:
    history = story(Stage.PRODUCTION, Stage.STAGING)
    keep(sql_store, history)
    with pytest.raises(IntegrityError), transaction(engine, writes=True) as connection:
        connection.execute(text(forgery))
    found = view(sql_store).models.get("m")
    assert found is not None
    assert found.state == history.state


def test_two_models_have_a_champion_each(sql_store: SqlStore) -> None:
    keep(sql_store, story(Stage.PRODUCTION, name="a"), story(Stage.PRODUCTION, name="b"))
    assert len(view(sql_store).models.production()) == 2


def test_a_reading_transaction_sees_one_moment(engine: Engine, sql_store: SqlStore) -> None:
    history = story(Stage.DRAFT)
    keep(sql_store, history)
    count = select(func.count()).select_from(events)
    with transaction(engine, writes=False) as connection:
        before = connection.execute(count).scalar_one()
        commit(sql_store, "m", before, history.does(AUTHOR, Tag(1, "k", "v")))
        assert connection.execute(count).scalar_one() == before
        assert connection.execute(select(models.c.revision)).scalar_one() == before
    assert position(sql_store) == (before + 1, 0)


def test_writers_of_the_same_documents_do_not_wait_for_each_other(
    engine: Engine, sql_store: SqlStore
) -> None:
    documents = [Document(digest(str(n)), "manifest", b"paper") for n in range(200)]
    start = threading.Barrier(2)

    def write(name: str, documents: list[Document]) -> None:
        start.wait()
        commit(SqlStore(engine), name, 0, story(name=name).events, documents=documents)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, ["a", "b"], [documents, documents[::-1]]))
    assert len(view(sql_store).models.page()) == 2


def test_a_key_that_is_claimed_and_given_back_all_the_time(
    engine: Engine, sql_store: SqlStore
) -> None:
    claim = IdempotencyClaim("k", "ana", "POST /promote", digest("body"))
    start = threading.Barrier(4)
    holders: list[int] = []

    def contend(number: int) -> None:
        start.wait()
        for _ in range(50):
            try:
                assert unit(sql_store).idempotency.claim(claim, NOON) is None
            except IdempotencyConflict:
                continue
            holders.append(number)
            assert holders == [number]
            holders.remove(number)
            unit(sql_store).idempotency.settle(claim, None)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(contend, range(4)))


@pytest.mark.parametrize(
    "engine", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_names_sort_bytewise_whatever_the_cluster(engine: Engine, sql_store: SqlStore) -> None:
    query = text(
        "SELECT collation_name FROM information_schema.columns"
        " WHERE table_name = 'models' AND column_name = 'name'"
    )
    with transaction(engine, writes=False) as connection:
        assert connection.execute(query).scalar_one() == "C"


def test_a_time_without_a_zone_is_refused(engine: Engine, sql_store: SqlStore) -> None:
    history = story()
    history.now = NOON.replace(tzinfo=None)
    history.with_version(Stage.DRAFT)
    with pytest.raises(Exception, match="time zone"):
        commit(sql_store, "m", 0, history.events)
    assert view(sql_store).models.get("m") is None


# -- failures --------------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.parametrize("value", ["x" * 513, "nul \0"])
def test_what_a_column_cannot_hold_is_invalid_input(
    request: pytest.FixtureRequest, value: str
) -> None:
    with request.getfixturevalue("postgres").database() as url:
        engine = open_engine(url)
        upgrade(engine)
        history = story(Stage.DRAFT)
        history.does(AUTHOR, Tag(1, "k", value))
        store = SqlStore(engine)
        with pytest.raises(InvalidInput):
            commit(store, "m", 0, history.events)
        assert view(store).models.page() == ()
        engine.dispose()


def test_a_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    path.write_bytes(b"these are notes, not a database " * 64)
    store = SqlStore.open(f"sqlite:///{path}")
    with pytest.raises(StoreUnavailable):
        view(store).models.page()
    store.close()


def test_a_new_file_that_another_connection_writes_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tradeworthy.sqlite"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(time, "sleep", lambda _: writer.close())
    engine = open_engine(f"sqlite:///{path}")
    with transaction(engine, writes=True) as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
    engine.dispose()


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    store = SqlStore.open(f"sqlite:///{tmp_path / 'nowhere' / 'tradeworthy.sqlite'}")
    with pytest.raises(StoreUnavailable):
        view(store).models.page()
    store.close()


def test_a_database_without_the_schema_is_reported(empty_engine: Engine) -> None:
    with pytest.raises(StoreUnavailable):
        view(SqlStore(empty_engine)).models.page()


def test_a_server_that_is_not_there_is_reported(tmp_path: Path) -> None:
    store = SqlStore.open(f"postgresql://nobody@/none?host={tmp_path}")
    with pytest.raises(StoreUnavailable):
        view(store).models.page()
    store.close()


@pytest.mark.postgres
def test_a_server_that_drops_every_connection_is_reported_and_found_again(
    request: pytest.FixtureRequest,
) -> None:
    with request.getfixturevalue("postgres").database() as url:
        engine = open_engine(url)
        upgrade(engine)
        store, history = SqlStore(engine), story(Stage.STAGING)
        keep(store, history)

        def drop_connections() -> None:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

        # Between two questions: nobody notices.
        drop_connections()
        assert position(store) == (len(history.events), 0)
        # In the middle of a transaction: it is gone whole.
        with pytest.raises(StoreUnavailable), transaction(engine, writes=True) as connection:
            connection.execute(text("UPDATE models SET owner = 'nobody'"))
            drop_connections()
            connection.execute(text("UPDATE models SET tier = 'none'"))
        found = view(store).models.get("m")
        assert found is not None
        assert found.state == history.state
        engine.dispose()


@pytest.mark.postgres
def test_a_server_that_hangs_is_reported_and_found_again(request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue("postgres")
    with server.database() as url:
        known = open_engine(url, answer_seconds=3)
        answers(known)
        fresh = open_engine(f"{url}&connect_timeout=2")
        with server.stopped():
            for engine in (known, fresh):
                with pytest.raises(StoreUnavailable, match=r"no answer within 3|timeout expired"):
                    answers(engine)
        for engine in (known, fresh):
            answers(engine)
            engine.dispose()


@pytest.mark.postgres
def test_a_statement_has_a_limit_and_a_migration_none(request: pytest.FixtureRequest) -> None:
    with request.getfixturevalue("postgres").database() as url:
        engine = open_engine(url, answer_seconds=3)
        with pytest.raises(StoreUnavailable), transaction(engine, writes=False) as connection:
            connection.execute(text("SELECT pg_sleep(86400)"))
        answers(engine)
        engine.dispose()
        patient = open_engine(url, answer_seconds=None)
        with transaction(patient, writes=False) as connection:
            assert connection.scalar(text("SHOW statement_timeout")) == "0"
        patient.dispose()


def test_a_database_that_may_only_be_read_is_read_and_not_written(tmp_path: Path) -> None:
    path = tmp_path / "tradeworthy.sqlite"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    history = story(Stage.DRAFT)
    keep(SqlStore(engine), history)
    engine.dispose()
    store = SqlStore.open(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(StoreUnavailable, match="readonly"):
        commit(store, "other", 0, story(name="other").events)
    found = view(store).models.get("m")
    assert found is not None
    assert found.state == history.state
    store.close()


def test_a_pool_that_is_used_up_is_reported(tmp_path: Path) -> None:
    engine = create_engine(
        f"sqlite:///{tmp_path / 'x.sqlite'}", pool_size=1, max_overflow=0, pool_timeout=0
    )
    with transaction(engine, writes=False), pytest.raises(StoreUnavailable):
        answers(engine)
    answers(engine)
    engine.dispose()


@pytest.mark.parametrize("url", ["", "no url", "mysql://root@localhost/x"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(SettingsInvalid):
        open_engine(url)


@pytest.mark.parametrize("port", ["54x2", "5432:", "pw"])
def test_a_url_that_cannot_be_read_is_refused_without_its_password(port: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        open_engine(f"postgresql://u:hunter2@h:{port}/db")
    assert "hunter2" not in str(refused.value)


def test_whoever_goes_on_after_a_failed_append_keeps_none_of_it(sql_store: SqlStore) -> None:
    keep(sql_store, story(Stage.DRAFT))
    tagged = Event("m", VersionTagged(1, "k", "v"), AUTHOR, NOON)
    cannot_follow = Event("m", VersionDrafted(9), AUTHOR, NOON)
    before = view(sql_store).events.of_model("m"), view(sql_store).models.get("m")
    with sql_store.begin() as one:
        with pytest.raises(InvalidTransition):
            one.events.append("m", 2, [tagged, cannot_follow])
        one.documents.add(Document(digest("kept"), "verdict", b"{}"), at=NOON)
    after = view(sql_store).events.of_model("m"), view(sql_store).models.get("m")
    assert after == before
    assert view(sql_store).versions.tags("m") == {}
    assert view(sql_store).documents.get(digest("kept")) is not None
