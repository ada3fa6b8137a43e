"""Which slots of a schedule are due: pure arithmetic on UTC instants, free of daylight saving.

Slots are whole multiples of ``every`` after 1970-01-01T00:00:00Z plus ``offset``, so that every
scheduler names the same slots whenever it was started.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tradeworthy.errors import InvalidInput

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A tick every ``every``, moved by ``offset``; both in whole seconds.

    Raises
    ------
    InvalidInput
        Unless every > 0 and 0 <= offset < every, in whole seconds.

    Examples
    --------
    >>> Schedule(timedelta(days=1), offset=timedelta(hours=21)).every
    datetime.timedelta(days=1)
    """

    every: timedelta = timedelta(hours=1)
    offset: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if self.every < _SECOND or not timedelta(0) <= self.offset < self.every:
            raise InvalidInput("a schedule needs every of a second or more and offset below it")
        if self.every % _SECOND or self.offset % _SECOND:
            raise InvalidInput("a schedule is given in whole seconds")

    def slot_at(self, instant: datetime) -> datetime:
        """Return the latest slot at or before ``instant``.

        Raises
        ------
        InvalidInput
            For a datetime that is not in UTC.

        Examples
        --------
        >>> slot_text(Schedule().slot_at(datetime(2026, 1, 5, 10, 59, tzinfo=UTC)))
        '2026-01-05T10:00:00Z'
        """
        first = _EPOCH + self.offset
        return first + (_utc(instant) - first) // self.every * self.every

    def first_from(self, instant: datetime) -> datetime:
        """Return the earliest slot at or after ``instant``.

        Raises
        ------
        InvalidInput
            For a datetime that is not in UTC.

        Examples
        --------
        >>> slot_text(Schedule().first_from(datetime(2026, 1, 5, 10, 59, tzinfo=UTC)))
        '2026-01-05T11:00:00Z'
        """
        before = self.slot_at(instant)
        return before if before == instant else before + self.every


def due_slots(
    schedule: Schedule,
    last_slot: datetime | None,
    now: datetime,
    max_catch_up: int = 24,
    since: datetime | None = None,
) -> tuple[datetime, ...]:
    """Return the slots after ``last_slot`` up to and including ``now``, oldest first.

    After a long pause only the newest ``max_catch_up`` slots are due; older ones are skipped for
    good, since the newest report supersedes theirs. A first run (no last slot) has one due slot,
    the latest. A clock behind the last slot makes nothing due.

    Parameters
    ----------
    schedule
        The schedule.
    last_slot
        The last slot that was done; need not lie on the schedule, which may have changed since.
    now
        The present, in UTC.
    max_catch_up
        Most slots returned, at least 1.
    since
        When the version that is watched went live, in UTC: no earlier slot is due.

    Raises
    ------
    InvalidInput
        For datetimes that are not in UTC, or max_catch_up below 1.

    Examples
    --------
    >>> last = datetime(2026, 1, 5, 8, tzinfo=UTC)
    >>> now = datetime(2026, 1, 5, 10, 30, tzinfo=UTC)
    >>> [slot_text(slot) for slot in due_slots(Schedule(), last, now)]
    ['2026-01-05T09:00:00Z', '2026-01-05T10:00:00Z']
    """
    if max_catch_up < 1:
        raise InvalidInput("max_catch_up is at least 1")
    newest = schedule.slot_at(now)
    number = 1
    if last_slot is not None:
        behind = (newest - schedule.slot_at(last_slot)) // schedule.every
        number = min(behind, max_catch_up)
    if since is not None:
        number = min(number, (newest - schedule.first_from(since)) // schedule.every + 1)
    return tuple(newest - schedule.every * back for back in reversed(range(number)))


def next_slot(
    schedule: Schedule, last_slot: datetime | None, now: datetime, since: datetime
) -> datetime:
    """Return the slot that is scanned next: the oldest that is due, or else the first to come.

    Parameters
    ----------
    schedule, last_slot, now, since
        As for `due_slots`.

    Examples
    --------
    >>> live = datetime(2026, 1, 5, 10, 8, tzinfo=UTC)
    >>> slot_text(next_slot(Schedule(), None, live, since=live))
    '2026-01-05T11:00:00Z'
    """
    due = due_slots(schedule, last_slot, now, since=since)
    if due:
        return due[0]
    first = schedule.first_from(since)
    return first if last_slot is None else max(first, schedule.slot_at(last_slot) + schedule.every)


def slot_text(slot: datetime) -> str:
    """Write a slot as reports key it, ``2026-01-05T10:00:00Z``.

    Raises
    ------
    InvalidInput
        For a datetime that is not in UTC or not on a whole second.
    """
    if _utc(slot).microsecond:
        raise InvalidInput("a slot lies on a whole second")
    return slot.strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_slot(text: str) -> datetime:
    """Read what ``slot_text`` wrote, and nothing else.

    Examples
    --------
    >>> parse_slot("2026-01-05T10:00:00Z")
    datetime.datetime(2026, 1, 5, 10, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        slot = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidInput(f"{text!r} is not a slot like 2026-01-05T10:00:00Z") from error
    if slot_text(slot) != text:
        raise InvalidInput(f"{text!r} is not a slot like 2026-01-05T10:00:00Z")
    return slot


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None or instant.utcoffset() != timedelta(0):
        raise InvalidInput("give a timezone-aware datetime in UTC")
    return instant
