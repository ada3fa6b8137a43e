"""The probability that the best of a strategy's trials is the best by luck alone."""

from __future__ import annotations

import json

from tradeworthy.errors import InvalidInput
from tradeworthy.evidence.evidence import Evidence
from tradeworthy.statistics.overfitting import probability_of_backtest_overfitting
from tradeworthy.store.protocol import Reader

LEAST_TRIALS = 10


def overfitting_probability(store: Reader, strategy: str, candidate: Evidence) -> float | None:
    """Compare the returns of every trial that was tested like the candidate, on the same days.

    Returns
    -------
    float or None
        The probability; None below ten such trials, or where it is not defined.
    """
    trials: dict[str, tuple[float, ...]] = {}
    for record in store.strategy_backtests(strategy):
        document = store.document(record.evidence_digest)
        if document is None or record.dataset_hash != candidate.dataset_hash:
            continue
        evidence = Evidence.from_json(json.loads(document.body))
        if evidence.comparable_with == candidate.comparable_with:
            trials[record.trial_digest] = evidence.returns
    if len(trials) < LEAST_TRIALS:
        return None
    try:
        return probability_of_backtest_overfitting(list(trials.values()))
    except InvalidInput:  # too few days, or trials that never traded; unknown never passes
        return None
