"""The best of many trials is not the best by luck alone."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.advice import BACKTEST, MORE_BARS, MORE_DATA, NOT_EARNING, UNDEFINED
from tradeworthy.promotion.findings import Finding, at_least, at_most, not_applicable
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy

# Fewer trials than this say nothing about how overfitting ranks among them.
LEAST_TRIALS = 10

_COMPARABLE = (
    f"at least {LEAST_TRIALS} trials of the strategy have to be tested on the same data and under "
    f"the policy in force: {BACKTEST}, and the same for its other versions"
)


@dataclass(frozen=True, slots=True)
class OverfittingFacts:
    """What the number of trials leaves of the figures.

    Attributes
    ----------
    n_trials
        Trials of the strategy.
    dsr
        Deflated Sharpe ratio at that number, between 0 and 1.
    pbo
        Probability of backtest overfitting, between 0 and 1.
    sharpe_per_period
        Sharpe ratio of the candidate, not annualised.
    """

    n_trials: int | None = None
    dsr: float | None = None
    pbo: float | None = None
    sharpe_per_period: float | None = None


def _dsr(facts: OverfittingFacts, policy: Policy) -> Finding:
    counted = facts.n_trials is not None and facts.n_trials >= 1
    finding = at_least("dsr", facts.dsr if counted else None, policy.number("min_dsr"))
    return finding.advising(_dsr_advice(facts))


def _dsr_advice(facts: OverfittingFacts) -> str | None:
    if facts.dsr is None or facts.sharpe_per_period is None:
        return UNDEFINED
    if facts.sharpe_per_period <= 0:
        return NOT_EARNING
    return MORE_DATA if facts.n_trials == 1 else None


def _pbo(facts: OverfittingFacts, policy: Policy) -> Finding:
    trials = facts.n_trials
    if policy.number("max_pbo") is not None and trials is not None and trials < LEAST_TRIALS:
        counted = f"{trials} {'trial' if trials == 1 else 'trials'}"
        return not_applicable(f"{counted}; the probability of overfitting needs {LEAST_TRIALS}")
    finding = at_most("pbo", facts.pbo, policy.number("max_pbo"))
    return finding.advising(_COMPARABLE if facts.pbo is None else None)


CONCERN = Concern(
    OverfittingFacts,
    (
        Gate(
            "min_dsr",
            EVIDENCE,
            _dsr,
            "the best of as many trials as the strategy has had looks like this by luck, and each "
            f"new one raises the bar: {MORE_DATA}",
        ),
        Gate(
            "max_pbo",
            EVIDENCE,
            _pbo,
            "the strategy's trials rank by luck: evaluate its versions on a longer period, each by "
            f"{MORE_BARS}",
        ),
    ),
    from_backtest=True,
)
