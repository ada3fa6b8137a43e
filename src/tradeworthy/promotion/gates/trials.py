"""A long search was reviewed."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.findings import Finding, at_most
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class TrialFacts:
    """How many trials there were since somebody last reviewed the search."""

    trials_since_review: int | None = None


def _trials(facts: TrialFacts, policy: Policy) -> Finding:
    allowed = policy.number("max_trials_without_review")
    return at_most("trials since a review", facts.trials_since_review, allowed)


CONCERN = Concern(
    TrialFacts,
    (
        Gate(
            "max_trials_without_review",
            EVIDENCE,
            _trials,
            "let somebody else review the search, then raise max_trials_without_review for the "
            "strategy in the policy file",
        ),
    ),
)
