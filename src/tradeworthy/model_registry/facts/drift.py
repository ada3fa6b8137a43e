"""How far the latest data are from those that the version was trained on."""

from __future__ import annotations

from collections.abc import Mapping

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.drift import DriftFacts, DriftRows


def gather(case: Case) -> DriftFacts:
    """Return the facts."""
    if case.evidence is None:
        return DriftFacts()
    report = case.evidence.drift
    severity = report.get("severity")
    return DriftFacts(severity if isinstance(severity, str) else None, _rows(report))


def _rows(report: Mapping[str, object]) -> DriftRows | None:
    windows = report.get("windows")
    if not isinstance(windows, Mapping):
        return None
    counts = (
        report.get("current_rows"),
        windows.get("min_current_rows"),
        windows.get("current_sessions"),
        report.get("reference_rows"),
        windows.get("min_reference_rows"),
        windows.get("reference_sessions"),
    )
    whole = [count for count in counts if isinstance(count, int) and count >= 0]
    a_session = report.get("median_session_rows")
    if len(whole) < len(counts) or not isinstance(a_session, int | float):
        return None
    current, least_current, sessions, trained, least_trained, before = whole
    return DriftRows(
        current, least_current, sessions, trained, least_trained, before, float(a_session)
    )
