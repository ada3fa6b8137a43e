"""There are enough observations for the Sharpe ratio to mean something."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist

from tradeworthy.promotion.advice import MORE_DATA, NOT_EARNING, UNDEFINED, longer_period
from tradeworthy.promotion.findings import Finding, at_least, failed
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.promotion.policy.policy_schema import AUTO

# What `min_track_record: auto` means, whatever min_psr asks for.
TRACK_RECORD_CONFIDENCE = 0.95
_QUANTILE = NormalDist().inv_cdf


@dataclass(frozen=True, slots=True)
class SignificanceFacts:
    """How sure the Sharpe ratio is.

    Attributes
    ----------
    evaluation_observations
        Out-of-sample periods that there are.
    minimum_track_record
        Periods that the Sharpe ratio needs (MinTRL) at `TRACK_RECORD_CONFIDENCE`.
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
    name, observations = "track record in observations", facts.evaluation_observations
    needed = facts.minimum_track_record
    if policy.text("min_track_record") != AUTO:
        needed = policy.number("min_track_record")
    elif needed is None or not math.isfinite(needed):
        reason = "no track record is long enough, or none is known"
        return failed(observations, None, reason, _earning_advice(facts.psr, None, policy))
    advice = _earning_advice(facts.psr, needed, policy)
    if needed is None or observations is None:
        return at_least(name, observations, needed).advising(advice)
    finding = at_least(name, observations, float(math.ceil(needed)))
    per_year = policy.evaluation.periods_per_year
    years = f"{needed / per_year:.3g} years at {per_year:.6g} a year"
    return replace(finding, reason=f"{finding.reason}, {years}", advice=advice)


def _psr(facts: SignificanceFacts, policy: Policy) -> Finding:
    bound, needed = policy.number("min_psr"), facts.minimum_track_record
    if needed is not None and bound is not None and bound > 0.5:
        # A length grows with the square of the quantile of its confidence.
        ratio = _QUANTILE(bound) / _QUANTILE(TRACK_RECORD_CONFIDENCE)
        needed = 1.0 + (needed - 1.0) * ratio**2
    finding = at_least("psr", facts.psr, bound)
    return finding.advising(_earning_advice(facts.psr, needed, policy))


def _earning_advice(psr: float | None, needed: float | None, policy: Policy) -> str | None:
    """Advise how long a period would help: a Sharpe ratio of zero, which has a PSR of a half, none.

    Where the length that is ``needed`` is not known, the gate's own advice stands.
    """
    if psr is None or math.isnan(psr):
        return UNDEFINED
    if psr <= 0.5:
        return NOT_EARNING
    if needed is None or math.isnan(needed):
        return None
    return longer_period(needed, policy.evaluation.periods_per_year)


CONCERN = Concern(
    SignificanceFacts,
    (
        Gate("min_evaluation_observations", EVIDENCE, _observations, MORE_DATA),
        Gate("min_track_record", EVIDENCE, _track_record, MORE_DATA),
        Gate("min_psr", EVIDENCE, _psr, MORE_DATA),
    ),
    from_backtest=True,
)
