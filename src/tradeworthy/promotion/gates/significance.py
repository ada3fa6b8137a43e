"""There are enough observations for the Sharpe ratio to mean something."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tradeworthy.promotion.advice import EARNING_LITTLE, MORE_DATA, NOT_EARNING, UNDEFINED
from tradeworthy.promotion.findings import Finding, at_least, failed
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.promotion.policy.policy_schema import AUTO

# Beyond it nobody waits for a track record, and older data are another market.
_LONGEST_YEARS = 20


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
    name, advice = "track record in observations", _earning_advice(facts, policy)
    observations, needed = facts.evaluation_observations, facts.minimum_track_record
    if policy.text("min_track_record") != AUTO:
        needed = policy.number("min_track_record")
    elif needed is None or not math.isfinite(needed):
        reason = "no track record is long enough, or none is known"
        return failed(observations, None, reason, advice)
    if needed is None or observations is None:
        return at_least(name, observations, needed).advising(advice)
    finding = at_least(name, observations, float(math.ceil(needed)))
    per_year = policy.evaluation.periods_per_year
    years = f"{needed / per_year:.3g} years at {per_year:.6g} a year"
    return replace(finding, reason=f"{finding.reason}, {years}", advice=advice)


def _psr(facts: SignificanceFacts, policy: Policy) -> Finding:
    finding = at_least("psr", facts.psr, policy.number("min_psr"))
    return finding.advising(_earning_advice(facts, policy))


def _earning_advice(facts: SignificanceFacts, policy: Policy) -> str | None:
    """Advise whom a longer period would not help: a Sharpe ratio of zero has a PSR of a half."""
    psr, needed = facts.psr, facts.minimum_track_record
    if psr is None or math.isnan(psr):
        return UNDEFINED
    if psr <= 0.5:
        return NOT_EARNING
    longest = _LONGEST_YEARS * policy.evaluation.periods_per_year
    return EARNING_LITTLE if needed and needed > longest else None


CONCERN = Concern(
    SignificanceFacts,
    (
        Gate("min_evaluation_observations", EVIDENCE, _observations, MORE_DATA),
        Gate("min_track_record", EVIDENCE, _track_record, MORE_DATA),
        Gate("min_psr", EVIDENCE, _psr, MORE_DATA),
    ),
    from_backtest=True,
)
