"""Which data guards failed in the evaluation."""

from __future__ import annotations

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.data_guards import DataGuardFacts


def gather(case: Case) -> DataGuardFacts:
    """Return the facts."""
    return DataGuardFacts(case.evidence.data_guard_failures if case.evidence else None)
