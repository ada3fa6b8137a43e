"""The best of many trials is not the best by luck alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tradeworthy.promotion.advice import (
    BACKTEST,
    LONGEST_YEARS,
    MORE_BARS,
    MORE_DATA,
    NOT_EARNING,
    UNDEFINED,
    longer_period,
)
from tradeworthy.promotion.findings import Finding, at_least, at_most, not_applicable
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy

# Fewer trials than this say nothing about how overfitting ranks among them.
LEAST_TRIALS = 10

_COMPARABLE = (
    f"at least {LEAST_TRIALS} trials of the strategy have to be tested on the same data and under "
    f"the policy in force: {BACKTEST}, and the same for its other versions"
)
_BY_LUCK = (
    "the best of as many trials as the strategy has had looks like this by luck, and each new one "
    "raises the bar"
)
_ANOTHER_RULE = (
    "change the idea behind features, label or signal rule, and try few variants of the next one"
)
_SPREAD_UNKNOWN = (
    "fewer than two of the strategy's trials have a Sharpe ratio, so what luck alone shows is not "
    f"known: {BACKTEST}, and the same for its other versions"
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
    luck_sharpe
        What the best of as many worthless trials shows, alike.
    track_record
        Periods that the policy's ``min_dsr`` needs at these figures; infinite for never.
    """

    n_trials: int | None = None
    dsr: float | None = None
    pbo: float | None = None
    sharpe_per_period: float | None = None
    luck_sharpe: float | None = None
    track_record: float | None = None


def _dsr(facts: OverfittingFacts, policy: Policy) -> Finding:
    counted = facts.n_trials is not None and facts.n_trials >= 1
    finding = at_least("dsr", facts.dsr if counted else None, policy.number("min_dsr"))
    return finding.advising(_dsr_advice(facts, policy.evaluation.periods_per_year))


def _dsr_advice(facts: OverfittingFacts, per_year: float) -> str | None:
    if facts.dsr is None or facts.sharpe_per_period is None:
        known = facts.sharpe_per_period is None or facts.n_trials in {None, 1}
        return UNDEFINED if known or facts.luck_sharpe is not None else _SPREAD_UNKNOWN
    if facts.sharpe_per_period <= 0:
        return NOT_EARNING
    needed = facts.track_record
    if needed is None or math.isnan(needed):
        return MORE_DATA if facts.n_trials == 1 else None
    if facts.n_trials == 1:
        return longer_period(needed, per_year)
    if needed / per_year <= LONGEST_YEARS:
        return f"{_BY_LUCK}: {longer_period(needed, per_year)}"
    years = f"only {needed / per_year:,.0f} years" if math.isfinite(needed) else "no length"
    return (
        f"{_BY_LUCK}; at these figures {years} out of sample would show otherwise: {_ANOTHER_RULE}"
    )


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
            f"{_BY_LUCK}: {MORE_DATA}",
        ),
        Gate(
            "max_pbo",
            EVIDENCE,
            _pbo,
            "the strategy's trials rank by luck, and no formula says how many years of data would "
            f"end that: {_ANOTHER_RULE}, or evaluate the versions there are on a longer period, "
            f"each by {MORE_BARS}",
        ),
    ),
    from_backtest=True,
)
