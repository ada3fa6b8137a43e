"""The best of many trials is not the best by luck alone."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.findings import Finding, at_least, at_most, not_applicable
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy

# Fewer trials than this say nothing about how overfitting ranks among them.
LEAST_TRIALS = 10


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
    """

    n_trials: int | None = None
    dsr: float | None = None
    pbo: float | None = None


def _dsr(facts: OverfittingFacts, policy: Policy) -> Finding:
    counted = facts.n_trials is not None and facts.n_trials >= 1
    return at_least("dsr", facts.dsr if counted else None, policy.number("min_dsr"))


def _pbo(facts: OverfittingFacts, policy: Policy) -> Finding:
    trials = facts.n_trials
    if policy.number("max_pbo") is not None and trials is not None and trials < LEAST_TRIALS:
        return not_applicable(
            f"{trials} trials; the probability of overfitting needs {LEAST_TRIALS}"
        )
    return at_most("pbo", facts.pbo, policy.number("max_pbo"))


CONCERN = Concern(
    OverfittingFacts,
    (
        Gate(
            "min_dsr",
            EVIDENCE,
            _dsr,
            "the best of so many trials looks like this by luck; try fewer ideas",
        ),
        Gate("max_pbo", EVIDENCE, _pbo, "try fewer, better founded variants"),
    ),
)
