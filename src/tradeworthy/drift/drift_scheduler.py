"""The drift schedule: every production model's due slots, scanned and stored once each.

Any number of schedulers may run anywhere: ``model_drift_reports`` is unique on (version, slot),
and the slots are the same for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from tradeworthy.digests import Json, json_digest
from tradeworthy.drift.drift_calibration import Windows
from tradeworthy.drift.drift_report import DriftReport
from tradeworthy.drift.drift_scan import scan_features
from tradeworthy.drift.schedule import Schedule, due_slots, slot_text
from tradeworthy.drift.session_frame import Rows
from tradeworthy.drift.training_profile import TrainingProfile
from tradeworthy.lifecycle.state import ModelState, VersionState
from tradeworthy.promotion.policy import Policy
from tradeworthy.provenance.manifest import Manifest
from tradeworthy.store.protocol import Store
from tradeworthy.store.records import DriftReportRecord

# The longest that markets usually stay closed: a long weekend. Without an exchange's calendar a
# longer silence is taken for a dead feed.
LONGEST_CLOSURE = timedelta(days=5)
_DAY_NS = 86_400_000_000_000


class LoggedRows(Protocol):
    """What was predicted from, as columns of equal length."""

    @property
    def event_time(self) -> NDArray[np.int64]:
        """Nanoseconds since 1970 in UTC."""

    @property
    def features(self) -> Mapping[str, NDArray[np.float64]]:
        """Feature name to values."""


class History(Protocol):
    """Where logged rows come from."""

    def columns(self, model: str, version: int, *, until: int) -> LoggedRows:
        """Return a version's rows up to an event time."""


@dataclass(frozen=True, slots=True)
class DriftScheduler:
    """Scans what is due.

    Parameters
    ----------
    store
        Where production models and reports are kept.
    history
        The prediction log.
    policy
        The policy of a model.
    manifest
        The manifest of a version.
    """

    store: Store
    history: History
    policy: Callable[[ModelState], Policy]
    manifest: Callable[[VersionState], Manifest]

    def run_due(
        self, now: datetime, *, model: str | None = None, as_of: datetime | None = None
    ) -> tuple[DriftReportRecord, ...]:
        """Scan every due slot of every production model; return the reports that are new.

        Parameters
        ----------
        now
            When the reports are made, UTC.
        model
            Only this model.
        as_of
            Take slots as due up to this time instead of ``now``: to catch up on, or replay, a
            stretch of the log.
        """
        made: list[DriftReportRecord] = []
        for state in self.store.production():
            if model in {None, state.name}:
                made += self._run_model(state, now, as_of or now)
        return tuple(made)

    def _run_model(
        self, state: ModelState, now: datetime, as_of: datetime
    ) -> list[DriftReportRecord]:
        champion = state.champion
        if champion is None:
            return []
        policy = self.policy(state)
        schedule = Schedule(timedelta(seconds=policy.drift.every_seconds))
        latest = self.store.drift_reports(state.name, version=champion.version, limit=1)
        last_slot = latest[0].slot if latest else None
        made = []
        for slot in due_slots(schedule, last_slot, as_of):
            report = self.scan(state, champion, policy, slot)
            record = _record(report, slot, now)
            if self.store.add_drift_report(record):
                made.append(record)
        return made

    def scan(
        self, state: ModelState, version: VersionState, policy: Policy, slot: datetime
    ) -> DriftReport:
        """Compare a version's last sessions at ``slot`` with the ones before and with training."""
        manifest = self.manifest(version)
        columns = self.history.columns(
            state.name, version.version, until=int(slot.timestamp()) * 1_000_000_000
        )
        return scan_features(
            _rows(columns, slot),
            model=state.name,
            version=version.version,
            slot=slot_text(slot),
            importances=manifest.inputs,
            windows=Windows(policy.drift.current_sessions, policy.drift.reference_sessions),
            training=_profiles(manifest),
        )


def _rows(columns: LoggedRows, slot: datetime) -> Rows:
    """Return the logged rows by UTC day; none once the feed has been silent for too long."""
    sessions = columns.event_time // _DAY_NS
    today = int(slot.timestamp()) // 86_400
    silent = sessions.size > 0 and today - int(sessions[-1]) > LONGEST_CLOSURE.days
    kept = slice(0, 0) if silent else slice(None)
    return Rows({name: values[kept] for name, values in columns.features.items()}, sessions[kept])


def _profiles(manifest: Manifest) -> dict[str, TrainingProfile]:
    told = manifest.evidence.training_profiles or {}
    return {
        name: TrainingProfile.from_json(cast("Mapping[str, Any]", profile))
        for name, profile in told.items()
    }


def _record(report: DriftReport, slot: datetime, now: datetime) -> DriftReportRecord:
    told = cast("dict[str, Json]", report.to_json())
    return DriftReportRecord(
        model=report.model,
        version=report.version,
        slot=slot.astimezone(UTC),
        status=report.status.value,
        severity=None if report.severity is None else report.severity.value,
        digest=json_digest("drift-report/v1", told),
        report=told,
        created_at=now,
    )
