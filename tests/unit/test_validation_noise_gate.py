"""Pure noise at the gate: the best of 50 strategies over 3 years of days must not get through."""

import math

import numpy as np
import pytest

from tradeworthy.validation.performance import kurtosis, sharpe_per_period, sharpe_ratio, skewness
from tradeworthy.validation.significance import deflated_sharpe_ratio, probabilistic_sharpe_ratio

N_STRATEGIES, N_DAYS = 50, 756


def best_of_noise(seed):
    """Annual Sharpe, probabilistic and deflated Sharpe of the best of the strategies."""
    trials = np.random.default_rng(seed).normal(0.0, 0.01, size=(N_STRATEGIES, N_DAYS))
    sharpes = np.array([sharpe_per_period(trial) for trial in trials])
    best = trials[sharpes.argmax()]
    record = (sharpes.max(), N_DAYS, skewness(best), kurtosis(best))
    deflated = deflated_sharpe_ratio(
        *record, n_trials=N_STRATEGIES, trial_sharpe_variance=float(sharpes.var(ddof=1))
    )
    return sharpe_ratio(best), probabilistic_sharpe_ratio(*record), deflated


def share_with_interval(hits, runs):
    """Share and its 95% Wilson interval."""
    z, share = 1.96, hits / runs
    centre = (share + z * z / (2 * runs)) / (1 + z * z / runs)
    half = z / (1 + z * z / runs) * math.sqrt(share * (1 - share) / runs + z * z / (4 * runs**2))
    return share, max(centre - half, 0.0), min(centre + half, 1.0)


def judge(runs):
    figures = np.array([best_of_noise(seed) for seed in range(runs)])
    limits = {"annual Sharpe > 1": 1.0, "PSR > .95": 0.95, "DSR > .95": 0.95}
    shares = {}
    for column, (name, limit) in enumerate(limits.items()):
        share, low, high = share_with_interval(int((figures[:, column] > limit).sum()), runs)
        shares[name] = share
        print(f"{name}: {share:.1%} of {runs} runs, 95% interval {low:.1%} to {high:.1%}")
    return shares


def check(shares):
    assert shares["annual Sharpe > 1"] > 0.8
    assert shares["PSR > .95"] > 0.85
    assert shares["DSR > .95"] <= 0.01


def test_noise_passes_the_naive_figures_and_not_the_deflated_one():
    check(judge(60))


@pytest.mark.acceptance
def test_noise_passes_the_naive_figures_and_not_the_deflated_one_in_400_runs():
    check(judge(400))


def test_true_skill_passes_the_deflated_figure():
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
