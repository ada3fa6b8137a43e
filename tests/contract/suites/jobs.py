"""Jobs in every store: one worker a claim, a lapsed claim taken over, a late worker refused."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from contract.one_call import unit, view
from contract.promotion_commands import NOON, digest, keep, story
from tradeworthy.access.roles import Actor, Role
from tradeworthy.errors import AlreadyExists, VersionNotFound
from tradeworthy.lifecycle.job_state import JobState
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.ports.jobs import JobProblem, JobRecord
from tradeworthy.store.unit_of_work import Store

ANA = Actor("ana", frozenset({Role.RESEARCHER, Role.VIEWER}), frozenset({"trend", "carry"}))
LEASE = timedelta(seconds=30)
TICK = timedelta(microseconds=1)
RESULT = Document(digest("result"), "job-result", b'{"sharpe":1}')
PROBLEM = JobProblem("dataset_invalid", "nul \0 and quote '", {"rows": [1, None], "why": "é"})


def job(number: int = 1, **changes: object) -> JobRecord:
    """A job that was just sent; later ones have higher numbers."""
    requested = JobRecord(
        id=f"{number:032x}",
        kind="backtest",
        model="m",
        version=1,
        actor=ANA,
        request={"costs": {"slippage_bps": 2.5}, "dataset_hash": None},
        created_at=NOON + timedelta(seconds=number),
    )
    return replace(requested, **changes)  # type: ignore[arg-type]


LATER = NOON + timedelta(hours=1)


class JobsContract:
    """Jobs: one worker a claim, leases, late workers."""

    @pytest.fixture
    def jobs(self, store: Store) -> Store:
        """A store with one version to work on."""
        keep(store, story(Stage.TRAINED))
        return store

    def test_a_job_is_kept_as_it_was_requested(self, jobs: Store) -> None:
        requested = job()
        assert view(jobs).jobs.get(requested.id) is None
        unit(jobs).jobs.add(requested)
        nobody = job(2, actor=Actor("bob", frozenset(), None))
        nothing = job(3, actor=Actor("bob", frozenset({Role.ADMIN}), frozenset()), request={})
        for each in (nobody, nothing):
            unit(jobs).jobs.add(each)
        for each in (requested, nobody, nothing):
            assert view(jobs).jobs.get(each.id) == each

    def test_an_id_is_taken_once(self, jobs: Store) -> None:
        unit(jobs).jobs.add(job())
        with pytest.raises(AlreadyExists):
            unit(jobs).jobs.add(job(actor=replace(ANA, name="bob")))
        assert view(jobs).jobs.get(job().id) == job()

    @pytest.mark.parametrize("nowhere", [{"version": 2}, {"model": "ghost"}])
    def test_a_job_is_about_a_version_that_is_there(
        self, jobs: Store, nowhere: dict[str, object]
    ) -> None:
        with pytest.raises(VersionNotFound):
            unit(jobs).jobs.add(job(**nowhere))
        assert view(jobs).jobs.get(job().id) is None

    def test_without_jobs_there_is_nothing_to_claim(self, jobs: Store) -> None:
        assert unit(jobs).jobs.claim(LATER, LEASE) is None

    def test_the_oldest_job_is_claimed_first(self, jobs: Store) -> None:
        for number in (2, 3, 1):
            unit(jobs).jobs.add(job(number))
        claimed = [unit(jobs).jobs.claim(LATER, LEASE) for _ in range(4)]
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
        assert [view(jobs).jobs.get(each.id) for each in expected] == expected

    def test_jobs_of_one_moment_are_all_claimed(self, jobs: Store) -> None:
        for number in range(5):
            unit(jobs).jobs.add(job(number, created_at=NOON))
        claimed = [unit(jobs).jobs.claim(LATER, LEASE) for _ in range(5)]
        assert {each.id for each in claimed if each} == {job(number).id for number in range(5)}

    def test_a_result_ends_a_job(self, jobs: Store) -> None:
        unit(jobs).jobs.add(job())
        claimed = unit(jobs).jobs.claim(LATER, LEASE)
        assert claimed is not None
        assert unit(jobs).jobs.finish(claimed.id, claimed.attempt, RESULT, LATER + TICK)
        assert view(jobs).jobs.get(claimed.id) == replace(
            claimed,
            state=JobState.DONE,
            finished_at=LATER + TICK,
            lease_until=None,
            result_digest=RESULT.digest,
        )
        assert view(jobs).documents.get(RESULT.digest) == RESULT
        assert unit(jobs).jobs.claim(LATER + 1000 * LEASE, LEASE) is None

    def test_a_problem_ends_a_job(self, jobs: Store) -> None:
        unit(jobs).jobs.add(job())
        claimed = unit(jobs).jobs.claim(LATER, LEASE)
        assert claimed is not None
        assert unit(jobs).jobs.finish(claimed.id, claimed.attempt, PROBLEM, LATER + TICK)
        assert view(jobs).jobs.get(claimed.id) == replace(
            claimed,
            state=JobState.FAILED,
            finished_at=LATER + TICK,
            lease_until=None,
            problem=PROBLEM,
        )
        assert unit(jobs).jobs.claim(LATER + 1000 * LEASE, LEASE) is None

    def test_two_jobs_may_have_one_result(self, jobs: Store) -> None:
        for number in (1, 2):
            unit(jobs).jobs.add(job(number))
            claimed = unit(jobs).jobs.claim(LATER, LEASE)
            assert claimed is not None
            assert unit(jobs).jobs.finish(claimed.id, 1, RESULT, LATER)
            found = view(jobs).jobs.get(claimed.id)
            assert found is not None
            assert found.result_digest == RESULT.digest

    # -- leases ----------------------------------------------------------------------------------

    def test_a_dead_workers_job_is_claimed_again_after_its_lease(self, jobs: Store) -> None:
        unit(jobs).jobs.add(job())
        first = unit(jobs).jobs.claim(LATER, LEASE)
        assert first is not None
        assert unit(jobs).jobs.claim(LATER + LEASE - TICK, LEASE) is None
        second = unit(jobs).jobs.claim(LATER + LEASE, LEASE)
        assert second == replace(
            first, attempt=2, started_at=LATER + LEASE, lease_until=LATER + 2 * LEASE
        )

    def test_a_renewed_lease_holds(self, jobs: Store) -> None:
        unit(jobs).jobs.add(job())
        claimed = unit(jobs).jobs.claim(LATER, LEASE)
        assert claimed is not None
        until = LATER + 3 * LEASE
        assert unit(jobs).jobs.renew(claimed.id, claimed.attempt, until)
        assert view(jobs).jobs.get(claimed.id) == replace(claimed, lease_until=until)
        assert unit(jobs).jobs.claim(until - TICK, LEASE) is None
        assert unit(jobs).jobs.claim(until, LEASE) is not None

    def test_a_lease_given_back_is_free_at_once(self, jobs: Store) -> None:
        unit(jobs).jobs.add(job())
        claimed = unit(jobs).jobs.claim(LATER, LEASE)
        assert claimed is not None
        assert unit(jobs).jobs.renew(claimed.id, claimed.attempt, LATER)
        again = unit(jobs).jobs.claim(LATER, LEASE)
        assert again is not None
        assert again.attempt == 2

    @pytest.mark.parametrize("outcome", [RESULT, PROBLEM])
    def test_a_late_workers_outcome_is_refused(
        self, jobs: Store, outcome: Document | JobProblem
    ) -> None:
        unit(jobs).jobs.add(job())
        late = unit(jobs).jobs.claim(LATER, LEASE)
        current = unit(jobs).jobs.claim(LATER + LEASE, LEASE)
        assert late is not None
        assert current is not None
        after = LATER + LEASE + TICK
        assert not unit(jobs).jobs.renew(late.id, late.attempt, after + 10 * LEASE)
        assert not unit(jobs).jobs.finish(late.id, late.attempt, outcome, after)
        assert view(jobs).jobs.get(late.id) == current
        assert view(jobs).documents.get(RESULT.digest) is None
        mine = Document(digest("mine"), "job-result", b"{}")
        assert unit(jobs).jobs.finish(current.id, current.attempt, mine, after)
        assert not unit(jobs).jobs.finish(late.id, late.attempt, outcome, after)
        found = view(jobs).jobs.get(late.id)
        assert found is not None
        assert (found.state, found.result_digest) == (JobState.DONE, mine.digest)

    def test_an_overdue_worker_that_nobody_replaced_may_finish(self, jobs: Store) -> None:
        unit(jobs).jobs.add(job())
        claimed = unit(jobs).jobs.claim(LATER, LEASE)
        assert claimed is not None
        assert unit(jobs).jobs.finish(claimed.id, claimed.attempt, RESULT, LATER + 5 * LEASE)

    @pytest.mark.parametrize("outcome", [RESULT, PROBLEM])
    def test_what_ended_stays(self, jobs: Store, outcome: Document | JobProblem) -> None:
        unit(jobs).jobs.add(job())
        claimed = unit(jobs).jobs.claim(LATER, LEASE)
        assert claimed is not None
        assert unit(jobs).jobs.finish(claimed.id, claimed.attempt, PROBLEM, LATER)
        ended = view(jobs).jobs.get(claimed.id)
        assert not unit(jobs).jobs.finish(claimed.id, claimed.attempt, outcome, LATER + TICK)
        assert not unit(jobs).jobs.renew(claimed.id, claimed.attempt, LATER + LEASE)
        assert view(jobs).jobs.get(claimed.id) == ended

    def test_nobody_ends_a_job_that_waits_or_is_not_there(self, jobs: Store) -> None:
        unit(jobs).jobs.add(job())
        for job_id in (job().id, job(2).id):
            assert not unit(jobs).jobs.finish(job_id, 0, RESULT, LATER)
            assert not unit(jobs).jobs.renew(job_id, 0, LATER)
        assert view(jobs).jobs.get(job().id) == job()

    # -- races -----------------------------------------------------------------------------------

    def test_of_eight_racing_workers_each_job_has_one(self, jobs: Store) -> None:
        waiting = {job(number).id for number in range(20)}
        for number in range(20):
            unit(jobs).jobs.add(job(number))
        start = threading.Barrier(8)

        def work(_: int) -> list[str]:
            start.wait()
            claimed: list[str] = []
            while (mine := unit(jobs).jobs.claim(LATER, LEASE)) is not None:
                assert mine.attempt == 1
                claimed.append(mine.id)
                if len(claimed) % 2:
                    assert unit(jobs).jobs.finish(mine.id, 1, RESULT, LATER)
            return claimed

        with ThreadPoolExecutor(8) as pool:
            claims = Counter(each for mine in pool.map(work, range(8)) for each in mine)
        assert claims == Counter(waiting)

    def test_of_eight_workers_one_takes_a_dead_ones_job(self, jobs: Store) -> None:
        unit(jobs).jobs.add(job())
        dead = unit(jobs).jobs.claim(LATER, LEASE)
        start = threading.Barrier(8)

        def work(_: int) -> JobRecord | None:
            start.wait()
            return unit(jobs).jobs.claim(LATER + LEASE, LEASE)

        with ThreadPoolExecutor(8) as pool:
            claimed = [each for each in pool.map(work, range(8)) if each is not None]
        assert dead is not None
        assert [each.attempt for each in claimed] == [2]
