"""Drift: runs of the schedule, and reports."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from tradeworthy.wire.bodies import RequestBody, ResponseBody
from tradeworthy.wire.field_types import Moment, Name


class ScanDrift(RequestBody):
    """A run of the drift schedule."""

    model: Name | None = None
    as_of: Moment | None = None


class LatestDrift(ResponseBody):
    """The last drift report in short.

    ``shortage`` says which window holds too few rows of an INSUFFICIENT one, and what ends that.
    """

    slot: datetime
    status: str
    severity: str | None
    shortage: str | None = None
    digest: str


class DriftState(ResponseBody):
    """How drift of the version in PRODUCTION is watched: its newest report and the next slot.

    It is ``not yet due`` before the first slot after the version went live, ``due`` while a slot
    waits to be scanned, ``reported`` else, and ``not scheduled`` while the policy file cannot be
    used. A report is the version's own, of an earlier time in PRODUCTION if ``slot`` says so.
    """

    version: int
    state: Literal["not yet due", "due", "reported", "not scheduled"]
    next_slot: datetime | None
    report: LatestDrift | None


class StoredDriftReport(ResponseBody):
    """A drift report with its evidence."""

    model: str
    version: int
    slot: datetime
    status: str
    severity: str | None
    shortage: str | None = None
    digest: str
    created_at: datetime
    report: dict[str, Any]
