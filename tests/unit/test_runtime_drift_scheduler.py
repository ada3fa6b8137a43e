"""What is due, what is scanned, and what a slot's report is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.naive_store import NaiveStore
from contract.one_call import commit, view
from contract.promotion_commands import NOON, OPERATOR, Story, keep, promote_to, story
from tradeworthy.errors import PolicyInvalid
from tradeworthy.lifecycle.commands import LiftQuarantine, Quarantine
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import ModelState, VersionState
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.prediction_log.history import PredictionHistory
from tradeworthy.prediction_log.segments import Origin
from tradeworthy.prediction_log.writer import PredictionLog
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.promotion.promotion_policy import get_policy_for_model
from tradeworthy.runtime.drift_scheduler import DriftScheduler, History
from tradeworthy.store.unit_of_work import Store

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEVER = np.empty(0, dtype=np.int64)


@dataclass
class Logged:
    """Rows as a history gives them, the same for every model."""

    event_time: np.ndarray = field(default_factory=lambda: NEVER)
    features: Mapping[str, np.ndarray] = field(default_factory=lambda: {"x": np.empty(0)})

    def columns(self, model: str, version: int, *, until: int, sessions: int) -> Logged:
        kept = self.event_time <= until
        return Logged(
            self.event_time[kept], {name: each[kept] for name, each in self.features.items()}
        )


def scheduler(
    store: Store, rows: History, policy: Callable[[ModelState], Policy] | None = None
) -> DriftScheduler:
    def manifest(version: VersionState) -> Manifest:
        return Manifest("m", version.version, "s", inputs=("x",))

    def usual(state: ModelState) -> Policy:
        return get_policy_for_model(state.name)

    return DriftScheduler(store, rows, policy or usual, manifest)


@pytest.fixture
def live() -> NaiveStore:
    """A store with one model in production, a few minutes after noon."""
    store = NaiveStore()
    keep(store, story(Stage.PRODUCTION))
    return store


def nanoseconds(moments: list[datetime]) -> np.ndarray:
    return np.array([int(each.timestamp()) * 1_000_000_000 for each in moments], dtype=np.int64)


def hourly(first: datetime, hours: int) -> Logged:
    """A row an hour, the same each time."""
    moments = [first + n * HOUR for n in range(hours + 1)]
    return Logged(nanoseconds(moments), {"x": np.zeros(len(moments))})


def test_a_report_for_today_does_not_keep_older_slots_from_being_due(live: NaiveStore) -> None:
    old = NOON - 1000 * DAY
    watch = scheduler(live, hourly(old, 3))
    assert [each.slot for each in watch.run_due(NOON + HOUR)] == [NOON + HOUR]
    assert [each.slot for each in watch.run_due(NOON + HOUR, as_of=old)] == [old]
    later = watch.run_due(NOON + HOUR, as_of=old + 3 * HOUR)
    assert [each.slot - old for each in later] == [HOUR, 2 * HOUR, 3 * HOUR]
    assert watch.run_due(NOON + HOUR, as_of=old + 3 * HOUR) == ()
    assert [each.slot for each in watch.run_due(NOON + 2 * HOUR)] == [NOON + 2 * HOUR]


def test_slots_that_a_pause_skipped_can_be_requested(live: NaiveStore) -> None:
    watch = scheduler(live, Logged())
    first = NOON + HOUR
    watch.run_due(first)
    pause = first + 100 * HOUR
    assert len(watch.run_due(pause)) == 24
    skipped = watch.run_due(pause, as_of=first + 10 * HOUR)
    assert [each.slot for each in skipped] == [first + n * HOUR for n in range(1, 11)]


def test_a_clock_that_ran_ahead_stops_nothing_once_it_is_right(live: NaiveStore) -> None:
    watch = scheduler(live, Logged())
    watch.run_due(NOON + HOUR)
    assert len(watch.run_due(NOON + 4000 * DAY)) == 24
    assert [each.slot for each in watch.run_due(NOON + 2 * HOUR)] == [NOON + 2 * HOUR]
    assert watch.run_due(NOON + 2 * HOUR) == ()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(-60, 60), min_size=1, max_size=12))
def test_whatever_is_requested_in_whatever_order_a_slot_has_one_report(hours: list[int]) -> None:
    store = NaiveStore()
    keep(store, story(Stage.PRODUCTION))
    watch = scheduler(store, hourly(NOON - 60 * HOUR, 120))
    made = [each for at in hours for each in watch.run_due(NOON, as_of=NOON + at * HOUR)]
    slots = [each.slot for each in made]
    assert len(set(slots)) == len(slots) == len(view(store).drift_reports.newest("m", limit=10_000))
    assert set(slots) >= {NOON + at * HOUR for at in hours}  # each that was sent was answered


def live_since(store: NaiveStore) -> datetime:
    """When the model's version in PRODUCTION went live."""
    state = view(store).models.get("m")
    assert state is not None
    assert state.state.champion is not None
    return state.state.champion.stage_since


MINUTES = st.integers(-14 * 24 * 60, 14 * 24 * 60)


@settings(deadline=None, max_examples=60)
@given(went_live=MINUTES, rows=st.lists(MINUTES, max_size=5), looks=st.lists(MINUTES, min_size=1))
def test_no_slot_before_going_live_is_due_and_none_soon_after_it_is_without_data(
    went_live: int, rows: list[int], looks: list[int]
) -> None:
    store = NaiveStore()
    keep(store, story(Stage.PRODUCTION, since=NOON + timedelta(minutes=went_live)))
    since = live_since(store)
    moments = sorted(NOON + timedelta(minutes=at) for at in rows)
    watch = scheduler(store, Logged(nanoseconds(moments), {"x": np.zeros(len(moments))}))
    for look in looks:
        now = NOON + timedelta(minutes=look)
        for made in watch.run_due(now):
            assert since <= made.slot <= now
            signs = [since, *(row for row in moments if row <= made.slot)]
            assert (made.status == "NO_DATA") == (made.slot.date() - max(signs).date() > 5 * DAY)


@settings(deadline=None, max_examples=60)
@given(went_live=MINUTES, rows=st.lists(MINUTES, max_size=5), looks=st.lists(MINUTES, min_size=1))
def test_a_replay_before_going_live_judges_where_rows_are_and_never_their_absence(
    went_live: int, rows: list[int], looks: list[int]
) -> None:
    store = NaiveStore()
    keep(store, story(Stage.PRODUCTION, since=NOON + timedelta(minutes=went_live)))
    since = live_since(store)
    moments = sorted(NOON + timedelta(minutes=at) for at in rows)
    watch = scheduler(store, Logged(nanoseconds(moments), {"x": np.zeros(len(moments))}))
    for look in looks:
        for made in watch.run_due(NOON + 30 * DAY, as_of=NOON + timedelta(minutes=look)):
            before = [row for row in moments if row <= made.slot]
            if made.slot < since:
                assert made.status != "NO_DATA"
                assert made.slot.date() - before[-1].date() <= 5 * DAY


def test_a_version_that_comes_back_is_watched_from_then_on() -> None:
    """Its earlier reports stay; slots at which another one was live are not its own."""
    store, history = NaiveStore(), Story().registered().with_version(Stage.PRODUCTION)
    keep(store, history)
    watch = scheduler(store, Logged())

    def scanned(at: datetime) -> list[tuple[int, timedelta]]:
        return [(each.version, each.slot - NOON) for each in watch.run_due(at)]

    assert scanned(NOON + HOUR) == [(1, HOUR)]
    known, history.now = len(history.events), NOON + 2 * HOUR
    history.with_version(Stage.PRODUCTION)
    commit(store, "m", known, history.events[known:])
    assert scanned(NOON + 4 * HOUR) == [(2, 4 * HOUR)]
    known, history.now = len(history.events), NOON + 20 * HOUR
    history.does(OPERATOR, promote_to(1, Stage.PRODUCTION))
    commit(store, "m", known, history.events[known:])
    assert scanned(NOON + 22 * HOUR) == [(1, 21 * HOUR), (1, 22 * HOUR)]


def test_a_model_that_cannot_be_scanned_does_not_stop_the_others() -> None:
    store = NaiveStore()
    keep(store, *(story(Stage.PRODUCTION, name=name) for name in ("a", "broken", "z")))

    def policy(state: ModelState) -> Policy:
        if state.name == "broken":
            raise PolicyInvalid("its windows contradict each other")
        return get_policy_for_model(state.name)

    with pytest.raises(PolicyInvalid):
        scheduler(store, Logged(), policy).run_due(NOON + HOUR)
    assert [len(view(store).drift_reports.newest(name)) for name in ("a", "broken", "z")] == [
        1,
        0,
        1,
    ]


def test_a_model_that_went_live_today_has_not_gone_silent(live: NaiveStore) -> None:
    watch = scheduler(live, Logged())
    (fresh,) = watch.run_due(NOON + HOUR)
    assert (fresh.status, fresh.severity) == ("INSUFFICIENT", None)
    assert "the current window holds 0 of the 20 rows" in str(fresh.shortage)
    (silent,) = watch.run_due(NOON + HOUR, as_of=NOON + 7 * DAY)[-1:]
    assert (silent.status, silent.severity) == ("NO_DATA", "SEVERE")


def test_a_feed_that_fell_silent_is_severe(live: NaiveStore) -> None:
    last = NOON + 10 * DAY + 11 * HOUR
    rows = Logged(nanoseconds([last - n * HOUR for n in range(900)][::-1]), {"x": np.zeros(900)})
    watch = scheduler(live, rows)
    statuses = [
        watch.run_due(last, as_of=last + after)[-1].status for after in (HOUR, 5 * DAY, 7 * DAY)
    ]
    assert statuses == ["OK", "OK", "NO_DATA"]


def test_no_row_is_missed_while_a_version_is_stopped_nor_soon_after() -> None:
    store, history = NaiveStore(), Story().registered().with_version(Stage.PRODUCTION)
    history.does(OPERATOR, Quarantine(1), "broken feed")
    keep(store, history)
    last = NOON + 11 * HOUR
    rows = Logged(nanoseconds([last - n * HOUR for n in range(900)][::-1]), {"x": np.zeros(900)})
    watch = scheduler(store, rows)

    def scanned(at: datetime) -> tuple[str, str | None]:
        newest = watch.run_due(NOON, as_of=at)[-1]
        return newest.status, newest.severity

    assert scanned(NOON + 12 * DAY) == ("INSUFFICIENT", None)
    known, history.now = len(history.events), NOON + 20 * DAY
    history.does(OPERATOR, LiftQuarantine(1), "mended")
    commit(store, "m", known, history.events[known:])
    assert scanned(NOON + 21 * DAY) == ("INSUFFICIENT", None)
    assert scanned(NOON + 27 * DAY) == ("NO_DATA", "SEVERE")


def test_rows_that_were_logged_late_take_their_place(live: NaiveStore, tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, mode="fast")
    made_by = Origin("m", 1, "d" * 64, "e" * 64, "f" * 64, "f" * 64, 1, ("x",))
    moments = [NOON + day * DAY + n * HOUR / 4 for day in range(12) for n in range(30)]
    late_first = [*moments[60:], *moments[:60]]

    async def work() -> None:
        for number, moment in enumerate(late_first):
            rows = np.array([[float(number % 7)]])
            await log.append(
                log.declare(made_by),
                now=int(NOON.timestamp()) * 1_000_000_000 + number,
                event_time=int(nanoseconds([moment])[0]),
                actor="ada",
                rows=rows,
                outputs=rows[:, 0],
            )

    asyncio.run(work())
    log.close()
    watch = scheduler(live, PredictionHistory(tmp_path))
    (record,) = watch.run_due(moments[-1] + HOUR)
    assert (record.status, record.report["current_rows"]) == ("OK", 30)
    assert record.report["reference_rows"] == 330


def day_shape(hours: np.ndarray) -> np.ndarray:
    """A day in which the first hours are wild and the middle is calm."""
    return 0.2 + 3.0 * np.exp(-hours / 2.0)


def test_a_day_that_has_begun_is_compared_with_as_much_of_the_days_before() -> None:
    """Opening hours are always wild; against whole days they would look like drift every day."""
    rng = np.random.default_rng(5)
    opening, bars = 13.5 * HOUR, 78
    days = [datetime(2026, 2, 2, tzinfo=UTC) + n * DAY for n in range(160)]
    moments = [day + opening + n * HOUR / 12 for day in days for n in range(bars)]
    values = rng.normal(size=len(moments)) * day_shape(np.tile(np.arange(bars) / 12, len(days)))
    rows = Logged(nanoseconds(moments), {"x": values})
    severities = []
    for day in days[-12:]:
        store = NaiveStore()
        keep(store, story(Stage.PRODUCTION))
        (record,) = scheduler(store, rows).run_due(days[-1], as_of=day + 16 * HOUR)
        assert record.report["current_rows"] == 31
        assert record.report["reference_rows"] == 30 * 31
        severities.append(record.severity)
    assert severities.count("NORMAL") >= 10
    shaken = np.array(values)
    shaken[-bars:] *= 4.0
    (record,) = scheduler(store, Logged(rows.event_time, {"x": shaken})).run_due(
        days[-1], as_of=days[-1] + 17 * HOUR
    )
    assert record.severity == "SEVERE"
