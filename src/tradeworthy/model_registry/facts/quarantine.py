"""Whether a version was stopped."""

from __future__ import annotations

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.quarantine import QuarantineFacts


def gather(case: Case) -> QuarantineFacts:
    """Return the facts."""
    return QuarantineFacts(case.version.quarantined, case.version.quarantine)
