"""The prediction log as a scan reads it: kept up by reading only what is new."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from threading import Lock

from tradeworthy.serving.log_reader import (
    Cursor,
    Fault,
    PredictionColumns,
    PredictionRecord,
    read_from,
    to_columns,
)


class PredictionHistory:
    """Every logged prediction by model and version, up to date on request.

    Parameters
    ----------
    folder
        The prediction log's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cursor: Cursor | None = None
        self._records: dict[tuple[str, int], list[PredictionRecord]] = defaultdict(list)
        self._faults: list[Fault] = []
        self._lock = Lock()

    def columns(self, model: str, version: int, *, until: int) -> PredictionColumns:
        """Return a version's predictions up to an event time, in the order of their events.

        Parameters
        ----------
        model, version
            Whose predictions.
        until
            Nanoseconds since 1970 in UTC, included.
        """
        with self._lock:
            self._read_on()
            records = [r for r in self._records[model, version] if r.event_time <= until]
            faults = tuple(self._faults)
        records.sort(key=lambda record: record.event_time)
        return to_columns(records, faults)

    def _read_on(self) -> None:
        scan = read_from(self._folder, self._cursor)
        self._cursor = scan.cursor
        self._faults += scan.faults
        for record in scan.records:
            self._records[record.origin.model, record.origin.version].append(record)
