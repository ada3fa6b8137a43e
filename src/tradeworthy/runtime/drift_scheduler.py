"""The drift schedule: every production model's due slots, scanned and stored once each.

Any number of schedulers may run anywhere: ``model_drift_reports`` is unique on (version, slot),
and the slots are the same for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from tradeworthy.base.digests import Json, json_digest
from tradeworthy.drift.calibration.drift_calibration import Windows
from tradeworthy.drift.drift_report import DriftReport
from tradeworthy.drift.profiles.training_profile import TrainingProfile
from tradeworthy.drift.scan.drift_scan import scan_features
from tradeworthy.drift.scan.session_frame import DAY_NS, Rows, rows_so_far
from tradeworthy.drift.schedule import Schedule, due_slots, slot_text
from tradeworthy.errors import StoreUnavailable
from tradeworthy.lifecycle.state import ModelState, VersionState
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.store.ports.drift_reports import DriftReportRecord
from tradeworthy.store.unit_of_work import Store

# How often a process looks for due slots.
SCHEDULER_SECONDS = 30.0
# The longest that markets usually stay closed: a long weekend. Without an exchange's calendar a
# longer silence is taken for a dead feed.
LONGEST_CLOSURE = timedelta(days=5)


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

    def columns(self, model: str, version: int, *, until: int, sessions: int) -> LoggedRows:
        """Return a version's rows of its newest sessions up to an event time, oldest first."""


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

        See `due_reports`.
        """
        return tuple(self.due_reports(now, model=model, as_of=as_of))

    def due_reports(
        self, now: datetime, *, model: str | None = None, as_of: datetime | None = None
    ) -> Iterator[DriftReportRecord]:
        """Scan what is due, one slot at a time; yield each new report once it is stored.

        A model that cannot be scanned does not keep the others from it: what it raised is raised
        when all are done.

        Parameters
        ----------
        now
            When the reports are made, UTC.
        model
            Only this model.
        as_of
            Take slots as due up to this time instead of ``now``: to catch up on, or replay, a
            stretch of the log. Later reports do not matter to what is due.

        A slot from before the version went live is not due. A replay reaches further back, as far
        as the log has rows of the version: there they say when it predicted.
        """
        failures: list[Exception] = []
        with self.store.read() as view:
            states = view.models.production()
        for state in states:
            if model not in {None, state.name}:
                continue
            try:
                yield from self._model_reports(state, now, as_of)
            except StoreUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - raised below
                error.add_note(f"while scanning model {state.name}")
                failures.append(error)
        if len(failures) > 1:
            failures[0].add_note(f"and {len(failures) - 1} more models: {failures[1:]!r}")
        if failures:
            raise failures[0]

    def _model_reports(
        self, state: ModelState, now: datetime, as_of: datetime | None
    ) -> Iterator[DriftReportRecord]:
        champion = state.champion
        if champion is None:
            return
        policy = self.policy(state)
        schedule = Schedule(timedelta(seconds=policy.drift.every_seconds))
        # The newest up to as_of, not the newest of all: a report of another stretch of time, or
        # of a clock that ran ahead, says nothing of these slots.
        until, since = (now, champion.stage_since) if as_of is None else (as_of, None)
        with self.store.read() as view:
            latest = view.drift_reports.newest(
                state.name, version=champion.version, until=until, limit=1
            )
        for slot in due_slots(schedule, latest[0].slot if latest else None, until, since=since):
            report = self.scan(state, champion, policy, slot)
            if report is None:
                continue
            record = _record(report, slot, now)
            if self._keep(record):
                yield record

    def _keep(self, record: DriftReportRecord) -> bool:
        with self.store.begin() as unit:
            return unit.drift_reports.add(record)

    def scan(
        self, state: ModelState, version: VersionState, policy: Policy, slot: datetime
    ) -> DriftReport | None:
        """Compare a version's last sessions at ``slot`` with the ones before and with training.

        None for a slot at which it was not live and had not predicted: there is nothing to judge.
        """
        manifest = self.manifest(version)
        windows = Windows(policy.drift.current_sessions, policy.drift.reference_sessions)
        columns = self.history.columns(
            state.name,
            version.version,
            until=_nanoseconds(slot),
            sessions=windows.history_sessions + windows.current_sessions,
        )
        live = version.stage_since <= slot
        silent = _silent(columns.event_time, version.stage_since if live else None, slot)
        # While it is stopped nobody gets an answer, and afterwards a feed has to come back.
        expected = silent and _silent(columns.event_time, version.answering_since or slot, slot)
        if silent and not live:
            return None
        return scan_features(
            _rows(columns, slot, windows, silent=silent),
            model=state.name,
            version=version.version,
            slot=slot_text(slot),
            importances=manifest.inputs,
            windows=windows,
            training=_profiles(manifest),
            rows_expected=expected,
        )


def _silent(event_time: NDArray[np.int64], live_since: datetime | None, slot: datetime) -> bool:
    """Tell whether no row came, since a version went live, for longer than markets close."""
    signs = [int(event_time[-1])] if event_time.size else []
    signs += [] if live_since is None else [_nanoseconds(live_since)]
    if not signs:
        return True
    return _nanoseconds(slot) // DAY_NS - max(signs) // DAY_NS > LONGEST_CLOSURE.days


def _rows(columns: LoggedRows, slot: datetime, windows: Windows, *, silent: bool) -> Rows:
    """Return the logged rows by UTC day, none of a silent feed.

    While today's session lasts, every session is taken only as far as today's has come.
    """

    def taken(marks: Any) -> Rows:
        return Rows({name: each[marks] for name, each in columns.features.items()}, days[marks])

    days = columns.event_time // DAY_NS
    if silent:
        return taken(slice(0, 0))
    so_far = rows_so_far(columns.event_time, days, _nanoseconds(slot))
    if so_far.all():
        return taken(slice(None))
    finished = np.unique(days[days < days[-1]])[-windows.current_sessions :]
    return replace(taken(so_far), finished=taken(np.isin(days, finished)))


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000


def _profiles(manifest: Manifest) -> dict[str, TrainingProfile]:
    profiles = manifest.evidence.training_profiles or {}
    return {
        name: TrainingProfile.from_json(cast("Mapping[str, Any]", profile))
        for name, profile in profiles.items()
    }


def _record(report: DriftReport, slot: datetime, now: datetime) -> DriftReportRecord:
    body = cast("dict[str, Json]", report.to_json())
    return DriftReportRecord(
        model=report.model,
        version=report.version,
        slot=slot.astimezone(UTC),
        status=report.status.value,
        severity=None if report.severity is None else report.severity.value,
        digest=json_digest("drift-report/v1", body),
        report=body,
        created_at=now,
    )
