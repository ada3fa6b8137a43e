"""Jobs in a database: what its locks and constraints hold."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from contract.one_call import unit, view
from contract.promotion_commands import keep, story
from contract.suites.jobs import LATER, LEASE, job
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.store.engine import transaction
from tradeworthy.store.sql_store import SqlStore


@pytest.mark.parametrize(
    "engine", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_a_job_being_claimed_does_not_hold_the_others_up(
    engine: Engine, sql_store: SqlStore
) -> None:
    keep(sql_store, story(Stage.TRAINED))
    for number in (1, 2):
        unit(sql_store).jobs.add(job(number))
    lock = text("SELECT id FROM jobs ORDER BY created_at LIMIT 1 FOR UPDATE")
    with transaction(engine, writes=True) as connection:
        connection.execute(lock)
        claimed = unit(sql_store).jobs.claim(LATER, LEASE)
        assert claimed is not None
        assert claimed.id == job(2).id
        assert unit(sql_store).jobs.claim(LATER, LEASE) is None
    assert unit(sql_store).jobs.claim(LATER, LEASE) is not None


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE jobs SET state = 'CANCELLED'",
        "UPDATE jobs SET version_id = 99",
        "UPDATE jobs SET result_digest = 'nowhere'",
    ],
)
def test_the_database_refuses_a_forged_job(
    engine: Engine, sql_store: SqlStore, forgery: str
) -> None:
    keep(sql_store, story(Stage.TRAINED))
    unit(sql_store).jobs.add(job())
    with pytest.raises(IntegrityError), transaction(engine, writes=True) as connection:
        connection.execute(text(forgery))
    assert view(sql_store).jobs.get(job().id) == job()
