"""Why a version is withdrawn."""

from __future__ import annotations

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.reason import ReasonFacts


def gather(case: Case) -> ReasonFacts:
    """Return the facts."""
    return ReasonFacts(case.reason)
