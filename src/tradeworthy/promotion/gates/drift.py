"""What the version reads now looks like what it was trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tradeworthy.drift.row_shortage import WindowRows
from tradeworthy.promotion.advice import BACKTEST, MORE_DATA, TRAIN
from tradeworthy.promotion.findings import Finding, GateStatus, failed, passed
from tradeworthy.promotion.gate import EVIDENCE, LIVE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.promotion.policy.policy_schema import SEVERITIES

_RECENT = f"train a new version on data up to the present: {TRAIN}"
_RECORD = f"train a new version, which records a drift profile of its inputs: {TRAIN}"


@dataclass(frozen=True, slots=True)
class DriftRows:
    """Rows that were compared: in the window of ``sessions``, trained on, and the fewest needed.

    ``reference_sessions`` are those of the window that live rows will be compared with, and
    ``a_session`` the median of the rows of a session of the data.
    """

    current: int
    least_current: int
    sessions: int
    trained: int
    least_trained: int
    reference_sessions: int
    a_session: float

    @property
    def windows(self) -> tuple[WindowRows, WindowRows]:
        """Both windows of live rows, when they are full of sessions like those of the data."""
        # A reference needs as many rows as a training profile does.
        return (
            self._full("drift.current_sessions", self.sessions, self.least_current),
            self._full("drift.reference_sessions", self.reference_sessions, self.least_trained),
        )

    def _full(self, key: str, length: int, least: int) -> WindowRows:
        return WindowRows(key, length, length, int(self.a_session * length), least)


@dataclass(frozen=True, slots=True)
class DriftFacts:
    """Severity of the training profile against current values by name, and rows compared."""

    drift_severity: str | None = None
    drift_rows: DriftRows | None = None


def _drift_rows(facts: DriftFacts, _: Policy) -> Finding:
    found = _enough_rows(facts.drift_rows)
    if found.status is GateStatus.PASSED:
        return found
    return replace(found, reason=f"PRODUCTION would be refused, since {found.reason}")


def _drift(facts: DriftFacts, policy: Policy) -> Finding:
    allowed = policy.text("max_drift_severity")
    severity = facts.drift_severity
    rows = _enough_rows(facts.drift_rows)
    if severity not in SEVERITIES or allowed not in SEVERITIES:
        enough = rows.status is GateStatus.PASSED
        why = "one of the features could not be compared" if enough else rows.reason
        return failed(None, allowed, f"drift has no verdict: {why}", rows.advice)
    reason = f"drift is {severity}, at most {allowed} is allowed"
    if SEVERITIES.index(severity) <= SEVERITIES.index(allowed):
        return passed(severity, allowed, reason)
    return failed(severity, allowed, reason)


def _enough_rows(rows: DriftRows | None) -> Finding:
    """Say whether drift can be judged, and what to do if it cannot."""
    if rows is None:
        reason = "no comparison with a profile of the training is recorded"
        return failed(None, None, reason, _RECORD)
    if rows.trained < rows.least_trained:
        reason = f"the version was trained on {rows.trained} rows, {rows.least_trained} are needed"
        more = f"train a new version on more rows: {TRAIN}"
        return failed(rows.trained, rows.least_trained, reason, more)
    short = [window for window in rows.windows if window.short]
    if short:
        return _too_short(rows, short)
    counted = f"the last {rows.sessions} whole sessions of the data hold {rows.current} rows"
    reason = f"{counted}, {rows.least_current} are needed"
    if rows.current < rows.least_current:
        return failed(rows.current, rows.least_current, reason, MORE_DATA)
    return passed(rows.current, rows.least_current, f"drift can be judged: {reason}")


def _too_short(rows: DriftRows, short: list[WindowRows]) -> Finding:
    return failed(
        short[0].rows,
        short[0].least,
        f"at {rows.a_session:g} rows a session, the median of the data, "
        + "; ".join(
            f"{each.key}: {each.length} holds {each.rows} {'row' if each.rows == 1 else 'rows'}, "
            f"{each.least} are needed"
            for each in short
        ),
        "in the policy file, raise "
        + " and ".join(f"{each.key} to {each.sessions_needed(rows.a_session)}" for each in short)
        + f", then {BACKTEST}",
    )


CONCERN = Concern(
    DriftFacts,
    (
        Gate("drift_rows", EVIDENCE, _drift_rows, _RECORD),
        Gate("drift", LIVE, _drift, _RECENT),
    ),
    from_backtest=True,
)
