"""Jobs in every store: one worker a claim, a lapsed claim taken over, a late worker refused."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from contract.promotion_commands import NOON, digest, keep, story
from tradeworthy.access.roles import Actor, Role
from tradeworthy.errors import AlreadyExists, VersionNotFound
from tradeworthy.lifecycle.job_state import JobState
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.store.engine import transaction
from tradeworthy.store.job_records import JobProblem, JobRecord
from tradeworthy.store.protocol import Store
from tradeworthy.store.records import Document
from tradeworthy.store.sql import SqlStore

ANA = Actor("ana", frozenset({Role.RESEARCHER, Role.VIEWER}), frozenset({"trend", "carry"}))
LEASE = timedelta(seconds=30)
TICK = timedelta(microseconds=1)
RESULT = Document(digest("result"), "job-result", b'{"sharpe":1}')
PROBLEM = JobProblem("dataset_invalid", "nul \0 and quote '", {"rows": [1, None], "why": "é"})


def job(number: int = 1, **changes: object) -> JobRecord:
    """A job that was just asked for; later ones have higher numbers."""
    asked = JobRecord(
        id=f"{number:032x}",
        kind="backtest",
        model="m",
        version=1,
        actor=ANA,
        request={"costs": {"slippage_bps": 2.5}, "dataset_hash": None},
        created_at=NOON + timedelta(seconds=number),
    )
    return replace(asked, **changes)  # type: ignore[arg-type]


@pytest.fixture
def jobs(store: Store) -> Store:
    """A store with one version to work on."""
    keep(store, story(Stage.TRAINED))
    return store


LATER = NOON + timedelta(hours=1)


def test_a_job_is_kept_as_it_was_asked_for(jobs: Store) -> None:
    asked = job()
    assert jobs.job(asked.id) is None
    jobs.add_job(asked)
    nobody = job(2, actor=Actor("bob", frozenset(), None))
    nothing = job(3, actor=Actor("bob", frozenset({Role.ADMIN}), frozenset()), request={})
    for each in (nobody, nothing):
        jobs.add_job(each)
    for each in (asked, nobody, nothing):
        assert jobs.job(each.id) == each


def test_an_id_is_taken_once(jobs: Store) -> None:
    jobs.add_job(job())
    with pytest.raises(AlreadyExists):
        jobs.add_job(job(actor=replace(ANA, name="bob")))
    assert jobs.job(job().id) == job()


@pytest.mark.parametrize("nowhere", [{"version": 2}, {"model": "ghost"}])
def test_a_job_is_about_a_version_that_is_there(jobs: Store, nowhere: dict[str, object]) -> None:
    with pytest.raises(VersionNotFound):
        jobs.add_job(job(**nowhere))
    assert jobs.job(job().id) is None


def test_without_jobs_there_is_nothing_to_claim(jobs: Store) -> None:
    assert jobs.claim_job(LATER, LEASE) is None


def test_the_oldest_job_is_claimed_first(jobs: Store) -> None:
    for number in (2, 3, 1):
        jobs.add_job(job(number))
    claimed = [jobs.claim_job(LATER, LEASE) for _ in range(4)]
    expected = [
        job(
            number,
            state=JobState.RUNNING,
            attempt=1,
            started_at=LATER,
            lease_until=LATER + LEASE,
        )
        for number in (1, 2, 3)
    ]
    assert claimed == [*expected, None]
    assert [jobs.job(each.id) for each in expected] == expected


def test_jobs_of_one_moment_are_all_claimed(jobs: Store) -> None:
    for number in range(5):
        jobs.add_job(job(number, created_at=NOON))
    claimed = [jobs.claim_job(LATER, LEASE) for _ in range(5)]
    assert {each.id for each in claimed if each} == {job(number).id for number in range(5)}


def test_a_result_ends_a_job(jobs: Store) -> None:
    jobs.add_job(job())
    claimed = jobs.claim_job(LATER, LEASE)
    assert claimed is not None
    assert jobs.finish_job(claimed.id, claimed.attempt, RESULT, LATER + TICK)
    assert jobs.job(claimed.id) == replace(
        claimed,
        state=JobState.DONE,
        finished_at=LATER + TICK,
        lease_until=None,
        result_digest=RESULT.digest,
    )
    assert jobs.document(RESULT.digest) == RESULT
    assert jobs.claim_job(LATER + 1000 * LEASE, LEASE) is None


def test_a_problem_ends_a_job(jobs: Store) -> None:
    jobs.add_job(job())
    claimed = jobs.claim_job(LATER, LEASE)
    assert claimed is not None
    assert jobs.finish_job(claimed.id, claimed.attempt, PROBLEM, LATER + TICK)
    assert jobs.job(claimed.id) == replace(
        claimed,
        state=JobState.FAILED,
        finished_at=LATER + TICK,
        lease_until=None,
        problem=PROBLEM,
    )
    assert jobs.claim_job(LATER + 1000 * LEASE, LEASE) is None


def test_two_jobs_may_have_one_result(jobs: Store) -> None:
    for number in (1, 2):
        jobs.add_job(job(number))
        claimed = jobs.claim_job(LATER, LEASE)
        assert claimed is not None
        assert jobs.finish_job(claimed.id, 1, RESULT, LATER)
        found = jobs.job(claimed.id)
        assert found is not None
        assert found.result_digest == RESULT.digest


# -- leases ----------------------------------------------------------------------------------


def test_a_dead_workers_job_is_claimed_again_after_its_lease(jobs: Store) -> None:
    jobs.add_job(job())
    first = jobs.claim_job(LATER, LEASE)
    assert first is not None
    assert jobs.claim_job(LATER + LEASE - TICK, LEASE) is None
    second = jobs.claim_job(LATER + LEASE, LEASE)
    assert second == replace(
        first, attempt=2, started_at=LATER + LEASE, lease_until=LATER + 2 * LEASE
    )


def test_a_renewed_lease_holds(jobs: Store) -> None:
    jobs.add_job(job())
    claimed = jobs.claim_job(LATER, LEASE)
    assert claimed is not None
    until = LATER + 3 * LEASE
    assert jobs.renew_lease(claimed.id, claimed.attempt, until)
    assert jobs.job(claimed.id) == replace(claimed, lease_until=until)
    assert jobs.claim_job(until - TICK, LEASE) is None
    assert jobs.claim_job(until, LEASE) is not None


def test_a_lease_given_back_is_free_at_once(jobs: Store) -> None:
    jobs.add_job(job())
    claimed = jobs.claim_job(LATER, LEASE)
    assert claimed is not None
    assert jobs.renew_lease(claimed.id, claimed.attempt, LATER)
    again = jobs.claim_job(LATER, LEASE)
    assert again is not None
    assert again.attempt == 2


@pytest.mark.parametrize("outcome", [RESULT, PROBLEM])
def test_a_late_workers_outcome_is_refused(jobs: Store, outcome: Document | JobProblem) -> None:
    jobs.add_job(job())
    late = jobs.claim_job(LATER, LEASE)
    current = jobs.claim_job(LATER + LEASE, LEASE)
    assert late is not None
    assert current is not None
    after = LATER + LEASE + TICK
    assert not jobs.renew_lease(late.id, late.attempt, after + 10 * LEASE)
    assert not jobs.finish_job(late.id, late.attempt, outcome, after)
    assert jobs.job(late.id) == current
    assert jobs.document(RESULT.digest) is None
    mine = Document(digest("mine"), "job-result", b"{}")
    assert jobs.finish_job(current.id, current.attempt, mine, after)
    assert not jobs.finish_job(late.id, late.attempt, outcome, after)
    found = jobs.job(late.id)
    assert found is not None
    assert (found.state, found.result_digest) == (JobState.DONE, mine.digest)


def test_an_overdue_worker_that_nobody_replaced_may_finish(jobs: Store) -> None:
    jobs.add_job(job())
    claimed = jobs.claim_job(LATER, LEASE)
    assert claimed is not None
    assert jobs.finish_job(claimed.id, claimed.attempt, RESULT, LATER + 5 * LEASE)


@pytest.mark.parametrize("outcome", [RESULT, PROBLEM])
def test_what_ended_stays(jobs: Store, outcome: Document | JobProblem) -> None:
    jobs.add_job(job())
    claimed = jobs.claim_job(LATER, LEASE)
    assert claimed is not None
    assert jobs.finish_job(claimed.id, claimed.attempt, PROBLEM, LATER)
    ended = jobs.job(claimed.id)
    assert not jobs.finish_job(claimed.id, claimed.attempt, outcome, LATER + TICK)
    assert not jobs.renew_lease(claimed.id, claimed.attempt, LATER + LEASE)
    assert jobs.job(claimed.id) == ended


def test_nobody_ends_a_job_that_waits_or_is_not_there(jobs: Store) -> None:
    jobs.add_job(job())
    for job_id in (job().id, job(2).id):
        assert not jobs.finish_job(job_id, 0, RESULT, LATER)
        assert not jobs.renew_lease(job_id, 0, LATER)
    assert jobs.job(job().id) == job()


# -- races -----------------------------------------------------------------------------------


def test_of_eight_racing_workers_each_job_has_one(jobs: Store) -> None:
    waiting = {job(number).id for number in range(20)}
    for number in range(20):
        jobs.add_job(job(number))
    start = threading.Barrier(8)

    def work(_: int) -> list[str]:
        start.wait()
        claimed: list[str] = []
        while (mine := jobs.claim_job(LATER, LEASE)) is not None:
            assert mine.attempt == 1
            claimed.append(mine.id)
            if len(claimed) % 2:
                assert jobs.finish_job(mine.id, 1, RESULT, LATER)
        return claimed

    with ThreadPoolExecutor(8) as pool:
        claims = Counter(each for mine in pool.map(work, range(8)) for each in mine)
    assert claims == Counter(waiting)


def test_of_eight_workers_one_takes_a_dead_ones_job(jobs: Store) -> None:
    jobs.add_job(job())
    dead = jobs.claim_job(LATER, LEASE)
    start = threading.Barrier(8)

    def work(_: int) -> JobRecord | None:
        start.wait()
        return jobs.claim_job(LATER + LEASE, LEASE)

    with ThreadPoolExecutor(8) as pool:
        claimed = [each for each in pool.map(work, range(8)) if each is not None]
    assert dead is not None
    assert [each.attempt for each in claimed] == [2]


def test_a_job_being_claimed_does_not_hold_the_others_up(
    engine: Engine, sql_store: SqlStore
) -> None:
    if engine.dialect.name != "postgresql":
        return
    keep(sql_store, story(Stage.TRAINED))
    for number in (1, 2):
        sql_store.add_job(job(number))
    lock = text("SELECT id FROM jobs ORDER BY created_at LIMIT 1 FOR UPDATE")
    with transaction(engine, writes=True) as connection:
        connection.execute(lock)
        claimed = sql_store.claim_job(LATER, LEASE)
        assert claimed is not None
        assert claimed.id == job(2).id
        assert sql_store.claim_job(LATER, LEASE) is None
    assert sql_store.claim_job(LATER, LEASE) is not None


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
    sql_store.add_job(job())
    with pytest.raises(IntegrityError), transaction(engine, writes=True) as connection:
        connection.execute(text(forgery))
    assert sql_store.job(job().id) == job()
