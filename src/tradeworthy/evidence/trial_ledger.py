"""The trial ledger: every distinct attempt ever made for a strategy, and what that costs.

A trial is one distinct (artifact, evaluation data, backtest configuration). Repeats and cost
stresses of a trial add nothing. Training adds a pending trial, which the first backtest of its
artifact completes. Failed and retired trials count like any other: the more was tried, the
better the best looks by luck alone.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from tradeworthy.base.digests import is_digest, tagged_digest
from tradeworthy.errors import InvalidInput
from tradeworthy.statistics.significance import (
    VarianceMethod,
    expected_maximum_sharpe,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
)


def trial_digest(
    artifact_digest: str, evaluation_data_digest: str, backtest_config_digest: str
) -> str:
    """Identify a trial by what was evaluated, on what, and how.

    The configuration must leave out cost multiples, so that a stress test is no new trial.

    Raises
    ------
    InvalidInput
        If an argument is no digest.

    Examples
    --------
    >>> trial_digest("a" * 64, "b" * 64, "c" * 64)[:8] == trial_digest(
    ...     "b" * 64, "a" * 64, "c" * 64
    ... )[:8]
    False
    """
    parts = (artifact_digest, evaluation_data_digest, backtest_config_digest)
    if not all(is_digest(part) for part in parts):
        raise InvalidInput("a trial is identified by three digests of 64 hexadecimal characters")
    return tagged_digest("trial/v1", *(part.encode() for part in parts))


def pending_trial_digest(artifact_digest: str) -> str:
    """Identify the trial of an artifact that was trained and not backtested yet."""
    if not is_digest(artifact_digest):
        raise InvalidInput("an artifact digest has 64 hexadecimal characters")
    return tagged_digest("trial/v1/pending", artifact_digest.encode())


@dataclass(frozen=True, slots=True)
class Trial:
    """An entry of the ledger.

    Attributes
    ----------
    digest
        `trial_digest`, or `pending_trial_digest` while there is no backtest.
    strategy
        The strategy it was an attempt at.
    artifact_digest
        The artifact that was tried.
    sharpe_per_period
        Of its backtest, not annualised; ``None`` while pending or when it has none (the backtest
        failed, or never traded).
    n_observations
        Returns behind the Sharpe ratio; 0 while pending.
    """

    digest: str
    strategy: str
    artifact_digest: str
    sharpe_per_period: float | None = None
    n_observations: int = 0

    def __post_init__(self) -> None:
        if self.sharpe_per_period is not None and not math.isfinite(self.sharpe_per_period):
            raise InvalidInput("a trial without a finite Sharpe ratio is recorded with None")

    @property
    def is_pending(self) -> bool:
        """Whether no backtest has been made of the artifact."""
        return self.digest == pending_trial_digest(self.artifact_digest)


@dataclass(frozen=True, slots=True)
class LedgerSummary:
    """The ledger of a strategy up to a position.

    Attributes
    ----------
    position
        Number of entries read; a verdict stores it to say what it had seen.
    n_trials
        Distinct trials, pending and failed ones included.
    n_pending
        Those of them that are pending.
    sharpe_variance
        Sample variance of the known Sharpe ratios per period; ``None`` below two of them.
    """

    position: int
    n_trials: int
    n_pending: int
    sharpe_variance: float | None

    @property
    def luck_sharpe(self) -> float | None:
        """Sharpe ratio per period that the best of as many worthless trials is expected to show.

        ``None`` when there were several trials and fewer than two of them have a Sharpe ratio:
        then the spread of luck is unknown.
        """
        if self.n_trials == 1:
            return 0.0
        if self.sharpe_variance is None:
            return None
        return expected_maximum_sharpe(self.n_trials, self.sharpe_variance)


def summarise_ledger(trials: Iterable[Trial]) -> LedgerSummary:
    """Count the distinct trials of one strategy.

    Of entries with the same digest the first that has a Sharpe ratio stands.

    Parameters
    ----------
    trials
        Entries in the order they were recorded, all of one strategy.

    Raises
    ------
    InvalidInput
        If they are of different strategies.

    Examples
    --------
    >>> artifact, other = "a" * 64, "b" * 64
    >>> ledger = [
    ...     Trial(pending_trial_digest(artifact), "trend", artifact),
    ...     Trial(trial_digest(artifact, "c" * 64, "d" * 64), "trend", artifact, 0.05, 250),
    ...     Trial(pending_trial_digest(other), "trend", other),
    ... ]
    >>> summarise_ledger(ledger)
    LedgerSummary(position=3, n_trials=2, n_pending=1, sharpe_variance=None)
    """
    entries = list(trials)
    if len({entry.strategy for entry in entries}) > 1:
        raise InvalidInput("a ledger is of one strategy; select its trials first")
    sharpes: dict[str, float | None] = {}
    for entry in entries:
        if not entry.is_pending and sharpes.get(entry.digest) is None:
            sharpes[entry.digest] = entry.sharpe_per_period
    tried = {entry.artifact_digest for entry in entries if not entry.is_pending}
    pending = {entry.artifact_digest for entry in entries if entry.is_pending} - tried
    known = [sharpe for sharpe in sharpes.values() if sharpe is not None]
    return LedgerSummary(
        position=len(entries),
        n_trials=len(sharpes) + len(pending),
        n_pending=len(pending),
        sharpe_variance=statistics.variance(known) if len(known) > 1 else None,
    )


def deflated_sharpe_from_ledger(
    ledger: LedgerSummary,
    sharpe: float,
    n_observations: int,
    skewness: float = 0.0,
    kurtosis: float = 3.0,
    *,
    method: VarianceMethod = "2012",
) -> float | None:
    """Deflated Sharpe ratio of a trial against everything its strategy's ledger has seen.

    Parameters
    ----------
    ledger
        Summary that includes the trial itself.
    sharpe, n_observations, skewness, kurtosis, method
        As for `significance.deflated_sharpe_ratio`, per period.

    Returns
    -------
    float or None
        ``None``, which no gate passes, while the spread of luck is unknown.

    Raises
    ------
    InvalidInput
        If the ledger is empty, or a figure is not finite.

    Examples
    --------
    >>> round(deflated_sharpe_from_ledger(LedgerSummary(40, 30, 2, 0.001), 0.12, 750), 3)
    0.931
    """
    if ledger.n_trials < 1:
        raise InvalidInput("the ledger is empty; record the trial before judging it")
    luck = ledger.luck_sharpe
    if luck is None:
        return None
    return probabilistic_sharpe_ratio(
        sharpe, n_observations, skewness, kurtosis, luck, method=method
    )


def track_record_from_ledger(
    ledger: LedgerSummary, sharpe: float, skewness: float, kurtosis: float, required: float
) -> float | None:
    """Observations from which on the deflated Sharpe ratio is at least ``required``.

    For a Sharpe ratio and a ledger that stay what they are.

    Returns
    -------
    float or None
        Not rounded; infinite where the Sharpe ratio is no more than luck shows, ``None`` while the
        spread of luck is unknown.

    Raises
    ------
    InvalidInput
        If a figure is not finite, or the moments are impossible.

    Examples
    --------
    >>> ledger = LedgerSummary(40, 30, 2, 0.001)
    >>> needed = math.ceil(track_record_from_ledger(ledger, 0.12, 0.0, 3.0, 0.95))
    >>> needed, deflated_sharpe_from_ledger(ledger, 0.12, needed) >= 0.95
    (921, True)
    """
    luck = ledger.luck_sharpe
    if luck is None:
        return None
    # One half is reached at once by whatever beats luck, and never by what does not.
    return minimum_track_record_length(sharpe, skewness, kurtosis, luck, max(required, 0.5))
