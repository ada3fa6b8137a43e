"""Laws of the schedule: complete, in order, without repeats, bounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.drift.schedule import (
    Schedule,
    due_slots,
    next_slot,
    parse_slot,
    slot_text,
)
from tradeworthy.errors import InvalidInput

seconds = st.integers(1, 200_000)
schedules = st.builds(
    lambda every, share: Schedule(timedelta(seconds=every), timedelta(seconds=share % every)),
    seconds,
    seconds,
)
instants = st.datetimes(
    datetime(1980, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
spans = st.timedeltas(timedelta(0), timedelta(days=3))


@settings(deadline=None)
@given(schedules, instants, spans, st.integers(1, 50))
def test_due_slots_are_the_newest_of_all_slots_in_between(
    schedule: Schedule, last: datetime, span: timedelta, most: int
) -> None:
    due = due_slots(schedule, last, last + span, most)
    assert len(due) <= most
    assert all(b - a == schedule.every for a, b in pairwise(due))
    assert all(last < slot <= last + span for slot in due)
    assert all(schedule.slot_at(slot) == slot for slot in due)
    newest = schedule.slot_at(last + span)
    if newest > last:
        assert due[-1] == newest
        before = due[0] - schedule.every
        assert before <= last or len(due) == most
    else:
        assert due == ()


@settings(deadline=None)
@given(schedules, instants, st.lists(spans, min_size=1, max_size=6))
def test_polling_often_gives_each_slot_once(
    schedule: Schedule, start: datetime, steps: list[timedelta]
) -> None:
    last, now, seen = schedule.slot_at(start), start, []
    for step in steps:
        now += step / 20
        due = due_slots(schedule, last, now, max_catch_up=10**6)
        seen += due
        last = due[-1] if due else last
    assert tuple(seen) == due_slots(schedule, schedule.slot_at(start), now, max_catch_up=10**6)


@settings(deadline=None)
@given(schedules, instants)
def test_a_first_run_has_one_slot_and_a_second_none(schedule: Schedule, now: datetime) -> None:
    (slot,) = due_slots(schedule, None, now)
    assert slot <= now < slot + schedule.every
    assert due_slots(schedule, slot, now) == ()


@settings(deadline=None)
@given(schedules, instants, spans)
def test_a_clock_that_goes_back_makes_nothing_due(
    schedule: Schedule, now: datetime, back: timedelta
) -> None:
    assert due_slots(schedule, now, now - back) == ()


@settings(deadline=None)
@given(schedules, instants, st.none() | spans, spans, spans)
def test_going_live_leaves_out_the_slots_before_it(
    schedule: Schedule,
    start: datetime,
    reported: timedelta | None,
    went_live: timedelta,
    span: timedelta,
) -> None:
    last = None if reported is None else start + reported
    since, now = start + went_live, start + span
    due = due_slots(schedule, last, now, since=since)
    assert due == tuple(slot for slot in due_slots(schedule, last, now) if slot >= since)
    following = next_slot(schedule, last, now, since=since)
    assert following == schedule.slot_at(following) >= since
    if due:
        assert following == due[0]
    else:
        assert following > now or (last is not None and last > now)
        assert due_slots(schedule, last, following, since=since) == (following,)


@settings(deadline=None)
@given(schedules, instants)
def test_slots_survive_their_text(schedule: Schedule, now: datetime) -> None:
    slot = schedule.slot_at(now)
    assert parse_slot(slot_text(slot)) == slot


def test_a_long_pause_skips_all_but_the_newest() -> None:
    last, now = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, 0, 5, tzinfo=UTC)
    due = due_slots(Schedule(), last, now, max_catch_up=3)
    assert [slot_text(slot) for slot in due] == [
        "2026-01-31T22:00:00Z",
        "2026-01-31T23:00:00Z",
        "2026-02-01T00:00:00Z",
    ]


def test_summer_time_changes_nothing() -> None:
    last, now = datetime(2026, 3, 28, 21, tzinfo=UTC), datetime(2026, 3, 30, 21, tzinfo=UTC)
    daily = Schedule(timedelta(days=1), timedelta(hours=21))
    assert [slot.hour for slot in due_slots(daily, last, now)] == [21, 21]


@pytest.mark.parametrize(
    "instant",
    [
        datetime(2026, 1, 1),  # noqa: DTZ001
        datetime(2026, 7, 1, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_only_utc_is_taken(instant: datetime) -> None:
    with pytest.raises(InvalidInput):
        due_slots(Schedule(), None, instant)
    with pytest.raises(InvalidInput):
        due_slots(Schedule(), instant, datetime(2026, 8, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("every", "offset"), [(0, 0), (-5, 0), (60, 60), (60, -1), (0.5, 0), (60.5, 0), (60, 0.5)]
)
def test_bad_schedules_are_refused(every: float, offset: float) -> None:
    with pytest.raises(InvalidInput):
        Schedule(timedelta(seconds=every), timedelta(seconds=offset))


@pytest.mark.parametrize(
    "text", ["2026-01-05 10:00:00Z", "2026-01-05T10:00:00", "2026-1-5T10:00:00Z", ""]
)
def test_other_texts_are_no_slots(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_slot(text)


def test_bounds_are_checked() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(InvalidInput):
        due_slots(Schedule(), now, now, max_catch_up=0)
    with pytest.raises(InvalidInput):
        slot_text(now + timedelta(microseconds=1))
