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
    return DriftRows(*whole) if len(whole) == len(counts) else None
