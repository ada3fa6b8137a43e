"""Drift reports, one a version and scheduled time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tradeworthy.base.digests import Json
from tradeworthy.drift.row_shortage import row_shortage


@dataclass(frozen=True, slots=True)
class DriftReportRecord:
    """A row of ``model_drift_reports``."""

    model: str
    version: int
    slot: datetime
    status: str
    severity: str | None
    digest: str
    report: Mapping[str, Json]
    created_at: datetime

    @property
    def shortage(self) -> str | None:
        """What keeps the windows from being compared; None if they were, or the status says why."""
        return row_shortage(self.report)


class ReadDriftReports(Protocol):
    """What can be read of drift reports."""

    @abstractmethod
    def newest(
        self,
        model: str,
        *,
        version: int | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> tuple[DriftReportRecord, ...]:
        """Return a model's drift reports, of slots up to ``until``, newest slot first."""


class WriteDriftReports(ReadDriftReports, Protocol):
    """Drift reports, read and added."""

    @abstractmethod
    def add(self, record: DriftReportRecord) -> bool:
        """Keep a report; False if its (version, slot) has one already.

        Raises
        ------
        VersionNotFound
            If there is no such version.
        """
