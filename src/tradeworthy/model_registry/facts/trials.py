"""How many trials nobody has reviewed: all of them, since no review can be recorded yet."""

from __future__ import annotations

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.trials import TrialFacts


def gather(case: Case) -> TrialFacts:
    """Return the facts."""
    return TrialFacts(case.ledger.n_trials if case.ledger else None)
