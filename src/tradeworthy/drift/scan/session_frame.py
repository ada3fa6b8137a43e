"""Rows by session: which sessions stand where, and how many rows each window holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeworthy.drift.calibration.drift_calibration import Windows
from tradeworthy.errors import InvalidInput

DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Feature columns and the session id of each row, in time order.

    Parameters
    ----------
    columns
        Feature name to values; NaN is missing, infinities are kept.
    sessions
        Integers, dates or strings that sort like time, non-decreasing.
    finished
        Where ``columns`` hold only a part of each session, as today's is not over: the rows of
        the last sessions that are, as many as in the current window. The training profile is
        one of whole sessions and is compared with these.
    """

    columns: Mapping[str, ArrayLike]
    sessions: NDArray[Any]
    finished: Rows | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SessionFrame:
    """Sessions in order, the first row of each, and the rows used, counted from the end."""

    names: tuple[int | str, ...]
    starts: NDArray[np.int64]
    size: int

    def bounds(self, windows: Windows) -> dict[str, Any]:
        """Return the sessions and row counts of both windows, as a report names them.

        Examples
        --------
        >>> frame = SessionFrame((1, 2, 3), np.array([0, 3, 23]), 44)
        >>> frame.bounds(Windows(1, 30))["median_session_rows"]
        20.5
        """
        here = max(len(self.names) - windows.current_sessions, 0)
        before = max(here - windows.reference_sessions, 0)
        ends = np.append(self.starts, self.size)
        # The first session may have begun in the middle of a day, when the version went live.
        whole = np.diff(ends)[before:]
        whole = whole[1:] if whole.size > 1 else whole
        return {
            "current_sessions": self.names[here:],
            "reference_sessions": self.names[before:here],
            "current_rows": int(self.size - ends[here]),
            "reference_rows": int(ends[here] - ends[before]),
            "median_session_rows": float(np.median(whole)) if whole.size else 0.0,
        }


def rows_so_far(
    event_time: NDArray[np.int64], sessions: NDArray[np.int64], now: int
) -> NDArray[np.bool_]:
    """Mark the rows of each session that came as early in it as today's have come by ``now``.

    Markets have hours of their own: the first hour compared with whole days is drift on any day.
    Time counts from a session's first row, so that summer time moves nothing. All rows are marked
    when the last session is over.

    Parameters
    ----------
    event_time, sessions
        Time and session of each row, in order of time; a session is a day since 1970.
    now
        In the unit of ``event_time``, nanoseconds since 1970.

    Examples
    --------
    >>> hour = 3_600_000_000_000
    >>> time = np.array([9, 10, 11, 33, 34]) * hour
    >>> rows_so_far(time, time // (24 * hour), 34 * hour).tolist()
    [True, True, False, True, True]
    >>> rows_so_far(time, time // (24 * hour), 50 * hour).tolist()
    [True, True, True, True, True]
    """
    if sessions.size == 0 or sessions[-1] != now // DAY_NS:
        return np.ones(sessions.shape, dtype=bool)
    _, starts, owner = np.unique(sessions, return_index=True, return_inverse=True)
    opened = event_time[starts]
    return np.asarray(event_time - opened[owner] <= now - opened[-1])


def session_frame(
    rows: Rows, calendar: Sequence[int | str] | None, windows: Windows
) -> SessionFrame:
    """Lay out as many of the newest sessions as a scan can use.

    Raises
    ------
    InvalidInput
        For sessions out of order, of an unknown kind or not in the calendar, and for columns of
        another length.
    """
    ids = np.asarray(rows.sessions)
    if ids.ndim != 1 or (ids[1:] < ids[:-1]).any():
        raise InvalidInput("give one session id a row, in non-decreasing order")
    if ids.dtype.kind not in "iuUM":
        raise InvalidInput("session ids are integers, strings or dates")
    for name, column in rows.columns.items():
        if np.shape(column) != ids.shape:
            raise InvalidInput(f"column {name} has another length than the session ids")
    known = np.unique(ids)
    if calendar is not None:
        expected = np.unique(np.asarray(calendar, dtype=ids.dtype if ids.size else None))
        if expected.size and not np.isin(known[known >= expected[0]], expected).all():
            raise InvalidInput("rows belong to sessions that the calendar does not have")
        known = expected
    known = known[-(windows.history_sessions + windows.current_sessions) :]
    starts = np.searchsorted(ids, known) if ids.size else np.zeros(known.size, dtype=int)
    first = int(starts[0]) if known.size else ids.size
    names = tuple(_plain(name) for name in known)
    return SessionFrame(names, (starts - first).astype(np.int64), ids.size - first)


def _plain(name: Any) -> int | str:
    return int(name) if isinstance(name, np.integer) else str(name)
