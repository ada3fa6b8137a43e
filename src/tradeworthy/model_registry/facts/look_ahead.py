"""Whether a feature saw the future in the evaluation."""

from __future__ import annotations

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.look_ahead import LookAheadFacts


def gather(case: Case) -> LookAheadFacts:
    """Return the facts."""
    if case.evidence is None:
        return LookAheadFacts()
    found = case.evidence.look_ahead
    ahead = (name for name, each in found.features.items() if not each.passed)
    return LookAheadFacts(found.passed, tuple(sorted(ahead)))
