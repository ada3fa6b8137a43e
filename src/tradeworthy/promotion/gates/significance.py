"""There are enough observations for the Sharpe ratio to mean something."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tradeworthy.promotion.findings import Finding, at_least, failed
from tradeworthy.promotion.gate import EVIDENCE, MORE_DATA, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.promotion.policy.policy_schema import AUTO


@dataclass(frozen=True, slots=True)
class SignificanceFacts:
    """How sure the Sharpe ratio is.

    Attributes
    ----------
    evaluation_observations
        Out-of-sample periods that there are.
    minimum_track_record
        Periods that the Sharpe ratio needs (MinTRL).
    psr
        Probabilistic Sharpe ratio against zero, between 0 and 1.
    """

    evaluation_observations: int | None = None
    minimum_track_record: float | None = None
    psr: float | None = None


def _observations(facts: SignificanceFacts, policy: Policy) -> Finding:
    required = policy.number("min_evaluation_observations")
    return at_least("evaluation observations", facts.evaluation_observations, required)


def _track_record(facts: SignificanceFacts, policy: Policy) -> Finding:
    name = "track record in observations"
    if policy.text("min_track_record") != AUTO:
        required = policy.number("min_track_record")
        return at_least(name, facts.evaluation_observations, required)
    needed = facts.minimum_track_record
    if needed is None or not math.isfinite(needed):
        return failed(
            facts.evaluation_observations, None, "no track record is long enough, or none is known"
        )
    return at_least(name, facts.evaluation_observations, needed)


def _psr(facts: SignificanceFacts, policy: Policy) -> Finding:
    return at_least("psr", facts.psr, policy.number("min_psr"))


CONCERN = Concern(
    SignificanceFacts,
    (
        Gate("min_evaluation_observations", EVIDENCE, _observations, MORE_DATA),
        Gate("min_track_record", EVIDENCE, _track_record, MORE_DATA),
        Gate("min_psr", EVIDENCE, _psr, MORE_DATA),
    ),
)
