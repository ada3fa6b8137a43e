"""How far the latest data are from those that the version was trained on."""

from __future__ import annotations

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.drift import DriftFacts


def gather(case: Case) -> DriftFacts:
    """Return the facts."""
    severity = case.evidence.drift.get("severity") if case.evidence else None
    return DriftFacts(severity if isinstance(severity, str) else None)
