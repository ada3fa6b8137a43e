"""The prediction log as a scan reads it: kept up by reading only what is new, bounded in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from tradeworthy.prediction_log.reader import (
    Cursor,
    FloatArray,
    IntArray,
    PredictionRecord,
    read_from,
    to_columns,
)

SPARE_DAYS = 10
"""Kept besides, for scans that are a little behind and for rows dated in the future."""

_DAY_NS = 86_400_000_000_000
_Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class LoggedColumns:
    """What a version predicted from, one entry a row, in the order of events.

    A feature that some rows do not have is NaN in them.
    """

    event_time: IntArray
    features: Mapping[str, FloatArray]

    @property
    def days(self) -> IntArray:
        """The UTC days that have rows, since 1970, oldest first."""
        return np.unique(self.event_time // _DAY_NS)

    def merged(self, other: LoggedColumns) -> LoggedColumns:
        """Return the rows of both in the order of events, this one's first where they tie."""
        time = np.concatenate([self.event_time, other.event_time])
        order = np.argsort(time, kind="stable")
        names = dict.fromkeys([*self.features, *other.features])
        return LoggedColumns(
            time[order],
            {
                name: np.concatenate([self._feature(name), other._feature(name)])[order]
                for name in names
            },
        )

    def newest(self, days: int, until: int) -> LoggedColumns:
        """Return the rows of the last ``days`` days that have any up to an event time."""
        stop = int(np.searchsorted(self.event_time, until, side="right"))
        known = np.unique(self.event_time[:stop] // _DAY_NS)[-days:]
        start = int(np.searchsorted(self.event_time, known[0] * _DAY_NS)) if known.size else stop
        # Copies, so that what is left out can be freed.
        return LoggedColumns(
            self.event_time[start:stop].copy(),
            {name: values[start:stop].copy() for name, values in self.features.items()},
        )

    def _feature(self, name: str) -> FloatArray:
        absent = np.full(self.event_time.size, np.nan)
        return self.features.get(name, absent)


_NOTHING = LoggedColumns(np.empty(0, dtype=np.int64), {})
_FOR_EVER = np.iinfo(np.int64).max


class PredictionHistory:
    """Logged predictions by model and version, up to date on request.

    Only the newest days of each version are kept in memory, as many as any scan needed; what
    is older is read from the log again when a scan needs it.

    Parameters
    ----------
    folder
        The prediction log's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cursor: Cursor | None = None
        self._kept: dict[_Key, LoggedColumns] = {}
        self._trimmed: set[_Key] = set()
        self._most_days = 0
        self._lock = Lock()

    def columns(self, model: str, version: int, *, until: int, sessions: int) -> LoggedColumns:
        """Return a version's newest days of predictions up to an event time.

        Parameters
        ----------
        model, version
            Whose predictions.
        until
            Nanoseconds since 1970 in UTC, included.
        sessions
            How many UTC days with rows, at most.
        """
        key = (model, version)
        with self._lock:
            if sessions > self._most_days:
                self._begin_anew(sessions)
            self._read_on()
            kept = self._kept.get(key, _NOTHING)
            rows = kept.newest(sessions, until)
            if key in self._trimmed and rows.days.size < sessions:
                kept = _by_version(read_from(self._folder).records).get(key, _NOTHING)
                rows = kept.newest(sessions, until)
            return rows

    def _begin_anew(self, days: int) -> None:
        """Forget what was kept; days that were dropped would be holes in a longer stretch."""
        self._most_days, self._cursor = days, None
        self._kept, self._trimmed = {}, set()

    def _read_on(self) -> None:
        scan = read_from(self._folder, self._cursor)
        self._cursor = scan.cursor
        for key, new in _by_version(scan.records).items():
            rows = self._kept.get(key, _NOTHING).merged(new)
            self._kept[key] = rows.newest(self._most_days + SPARE_DAYS, _FOR_EVER)
            if self._kept[key].event_time.size < rows.event_time.size:
                self._trimmed.add(key)


def _by_version(records: Iterable[PredictionRecord]) -> dict[_Key, LoggedColumns]:
    """Return the rows of each model's version; the log's order breaks ties of event time."""
    members: dict[_Key, list[PredictionRecord]] = defaultdict(list)
    for record in records:
        members[record.origin.model, record.origin.version].append(record)
    return {key: _columns(each) for key, each in members.items()}


def _columns(records: list[PredictionRecord]) -> LoggedColumns:
    columns = to_columns(records)
    return _NOTHING.merged(LoggedColumns(columns.event_time, columns.features))
