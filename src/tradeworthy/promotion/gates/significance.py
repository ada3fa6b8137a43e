"""There are enough observations for the Sharpe ratio to mean something."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tradeworthy.promotion.advice import MORE_DATA, NOT_EARNING, UNDEFINED
from tradeworthy.promotion.findings import Finding, at_least, failed
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
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
    advice = _earning_advice(facts.psr)
    if policy.text("min_track_record") != AUTO:
        required = policy.number("min_track_record")
        return at_least(name, facts.evaluation_observations, required).advising(advice)
    needed = facts.minimum_track_record
    if needed is None or not math.isfinite(needed):
        reason = "no track record is long enough, or none is known"
        return failed(facts.evaluation_observations, None, reason, advice)
    return at_least(name, facts.evaluation_observations, needed).advising(advice)


def _psr(facts: SignificanceFacts, policy: Policy) -> Finding:
    return at_least("psr", facts.psr, policy.number("min_psr")).advising(_earning_advice(facts.psr))


def _earning_advice(psr: float | None) -> str | None:
    """Advise whom a longer period would not help: a Sharpe ratio of zero has a PSR of a half."""
    if psr is None or math.isnan(psr):
        return UNDEFINED
    return NOT_EARNING if psr <= 0.5 else None


CONCERN = Concern(
    SignificanceFacts,
    (
        Gate("min_evaluation_observations", EVIDENCE, _observations, MORE_DATA),
        Gate("min_track_record", EVIDENCE, _track_record, MORE_DATA),
        Gate("min_psr", EVIDENCE, _psr, MORE_DATA),
    ),
    from_backtest=True,
)
