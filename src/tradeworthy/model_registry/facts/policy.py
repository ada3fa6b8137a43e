"""Facts about the policy: there are none besides it."""

from __future__ import annotations

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.policy import PolicyFacts


def gather(_: Case) -> PolicyFacts:
    """Return the facts."""
    return PolicyFacts()
