"""What the version reads now looks like what it was trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tradeworthy.drift.row_shortage import WindowRows
from tradeworthy.promotion.advice import BACKTEST, TRAIN
from tradeworthy.promotion.findings import Finding, GateStatus, failed, passed
from tradeworthy.promotion.gate import EVIDENCE, LIVE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.promotion.policy.policy_schema import SEVERITIES

_RECENT = f"train a new version on data up to the present: {TRAIN}"
_RECORD = f"train a new version, which records a drift profile of its inputs: {TRAIN}"


@dataclass(frozen=True, slots=True)
class DriftRows:
    """Rows that were compared: in the window of ``sessions``, trained on, and the fewest needed.

    ``reference_sessions`` are those of the window that live rows will be compared with.
    """

    current: int
    least_current: int
    sessions: int
    trained: int
    least_trained: int
    reference_sessions: int

    @property
    def windows(self) -> tuple[WindowRows, WindowRows]:
        """Both windows of live rows, when they are full; the bars say how many rows they hold."""
        length, before = self.sessions, self.reference_sessions
        rows = self.current * before // length
        # A reference needs as many rows as a training profile does.
        return (
            WindowRows("drift.current_sessions", length, length, self.current, self.least_current),
            WindowRows("drift.reference_sessions", before, before, rows, self.least_trained),
        )


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
    if not short:
        reason = f"drift can be judged by {rows.current} rows, {rows.least_current} are needed"
        return passed(rows.current, rows.least_current, reason)
    return failed(
        short[0].rows,
        short[0].least,
        "; ".join(
            f"{each.key}: {each.length} holds {each.rows} {'row' if each.rows == 1 else 'rows'}, "
            f"{each.least} are needed"
            for each in short
        ),
        "in the policy file, raise "
        + " and ".join(
            f"{each.key} to {each.sessions_needed(rows.current / rows.sessions)}" for each in short
        )
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
