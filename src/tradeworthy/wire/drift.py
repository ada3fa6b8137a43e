"""Drift: runs of the schedule, and reports."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tradeworthy.wire.bodies import RequestBody, ResponseBody
from tradeworthy.wire.field_types import Moment, Name


class ScanDrift(RequestBody):
    """A run of the drift schedule."""

    model: Name | None = None
    as_of: Moment | None = None


class LatestDrift(ResponseBody):
    """The last drift report in short."""

    slot: datetime
    status: str
    severity: str | None
    digest: str


class StoredDriftReport(ResponseBody):
    """A drift report with its evidence."""

    model: str
    version: int
    slot: datetime
    status: str
    severity: str | None
    digest: str
    created_at: datetime
    report: dict[str, Any]
