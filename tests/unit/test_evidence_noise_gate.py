"""Pure noise at the gate: the best of 50 strategies over 3 years of days must not get through.

How often the naive figures let it through is known in closed form, and what is measured is
compared with that: one of N independent strategies passes with 1 - (1 - p)^N, where p is the
chance of a single one.
"""

import math
from statistics import NormalDist

import numpy as np
import pytest

from tradeworthy.statistics.performance import kurtosis, sharpe_per_period, sharpe_ratio, skewness
from tradeworthy.statistics.significance import (
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    probabilistic_sharpe_ratio,
)

N_STRATEGIES, N_DAYS, YEAR = 50, 756, 252


def chance_that_one_passes(least: float) -> float:
    """Chance that one of the strategies shows ``least`` standard errors of a Sharpe ratio."""
    return 1 - NormalDist().cdf(least) ** N_STRATEGIES


# The standard error of a Sharpe ratio per day is T^-1/2, so an annual 1 is sqrt(3) of them over
# three years; a probabilistic Sharpe of .95 is z(.95) of them; a deflated one is that many above
# what the best of N is expected to show (a little more, as the best widens the trials' spread).
Z95 = NormalDist().inv_cdf(0.95)
CLOSED_FORM = {
    "annual Sharpe > 1": chance_that_one_passes(math.sqrt(N_DAYS / YEAR)),
    "PSR > .95": chance_that_one_passes(Z95),
    "DSR > .95": chance_that_one_passes(expected_maximum_sharpe(N_STRATEGIES, 1.0) + Z95),
}


def best_of_noise(seed: int) -> tuple[float, float, float]:
    """Annual Sharpe, probabilistic and deflated Sharpe of the best of the strategies."""
    trials = np.random.default_rng(seed).normal(0.0, 0.01, size=(N_STRATEGIES, N_DAYS))
    sharpes = np.array([sharpe_per_period(trial) for trial in trials])
    best = trials[sharpes.argmax()]
    record = (sharpes.max(), N_DAYS, skewness(best), kurtosis(best))
    deflated = deflated_sharpe_ratio(
        *record, n_trials=N_STRATEGIES, trial_sharpe_variance=float(sharpes.var(ddof=1))
    )
    return sharpe_ratio(best), probabilistic_sharpe_ratio(*record), deflated


def share_with_interval(hits: int, runs: int, confidence: float) -> tuple[float, float, float]:
    """Share and its Wilson interval."""
    z, share = NormalDist().inv_cdf((1 + confidence) / 2), hits / runs
    centre = (share + z * z / (2 * runs)) / (1 + z * z / runs)
    half = z / (1 + z * z / runs) * math.sqrt(share * (1 - share) / runs + z * z / (4 * runs**2))
    return share, max(centre - half, 0.0), min(centre + half, 1.0)


def judge(runs: int) -> dict[str, int]:
    figures = np.array([best_of_noise(seed) for seed in range(runs)])
    limits = {"annual Sharpe > 1": 1.0, "PSR > .95": 0.95, "DSR > .95": 0.95}
    hits = {}
    for column, (name, limit) in enumerate(limits.items()):
        hits[name] = int((figures[:, column] > limit).sum())
        share, low, high = share_with_interval(hits[name], runs, 0.95)
        print(
            f"{name}: {share:.1%} of {runs} runs, 95% interval {low:.1%} to {high:.1%}, "
            f"closed form {CLOSED_FORM[name]:.1%}"
        )
    return hits


def check(hits: dict[str, int], runs: int) -> None:
    assert hits["annual Sharpe > 1"] > 0.8 * runs
    assert hits["PSR > .95"] > 0.85 * runs
    assert hits["DSR > .95"] <= 0.01 * runs
    for name, expected in CLOSED_FORM.items():
        _, low, high = share_with_interval(hits[name], runs, 0.999)
        assert low <= expected <= high, name


def test_the_closed_form() -> None:
    rounded = {name: round(share, 3) for name, share in CLOSED_FORM.items()}
    assert rounded == {"annual Sharpe > 1": 0.881, "PSR > .95": 0.923, "DSR > .95": 0.002}


def test_noise_passes_the_naive_figures_and_not_the_deflated_one() -> None:
    check(judge(60), 60)


@pytest.mark.acceptance
def test_noise_passes_the_naive_figures_and_not_the_deflated_one_in_400_runs() -> None:
    check(judge(400), 400)


def test_true_skill_passes_the_deflated_figure() -> None:
    rng = np.random.default_rng(1)
    trials = rng.normal(0.0, 0.01, size=(N_STRATEGIES, N_DAYS))
    trials[7] += 0.0025  # an annual Sharpe ratio near 4
    sharpes = [sharpe_per_period(trial) for trial in trials]
    best = trials[int(np.argmax(sharpes))]
    deflated = deflated_sharpe_ratio(
        max(sharpes),
        N_DAYS,
        skewness(best),
        kurtosis(best),
        n_trials=N_STRATEGIES,
        trial_sharpe_variance=float(np.var(sharpes, ddof=1)),
    )
    assert deflated > 0.95
