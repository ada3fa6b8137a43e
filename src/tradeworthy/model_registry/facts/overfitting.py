"""What the number of trials leaves of the figures."""

from __future__ import annotations

from collections.abc import Mapping

from tradeworthy.errors import InvalidInput
from tradeworthy.evidence.evidence import Evidence
from tradeworthy.evidence.trial_ledger import (
    LedgerSummary,
    deflated_sharpe_from_ledger,
    track_record_from_ledger,
)
from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.overfitting import LEAST_TRIALS, OverfittingFacts
from tradeworthy.statistics.overfitting import probability_of_backtest_overfitting
from tradeworthy.store.unit_of_work import View


def gather(case: Case) -> OverfittingFacts:
    """Return the facts."""
    ledger = case.ledger
    if ledger is None:
        return OverfittingFacts()
    if case.evidence is None:
        return OverfittingFacts(ledger.n_trials)
    pbo = None
    if case.policy.number("max_pbo") is not None and ledger.n_trials >= LEAST_TRIALS:
        with case.sources.store.read() as view:
            pbo = overfitting_probability(view, case.state.strategy, case.evidence)
    metrics = case.evidence.metrics
    dsr, track_record = _deflated(metrics, ledger, case.policy.number("min_dsr"))
    return OverfittingFacts(
        ledger.n_trials,
        dsr,
        pbo,
        metrics.get("sharpe_per_period"),
        ledger.luck_sharpe,
        track_record,
    )


def _deflated(
    metrics: Mapping[str, float | None], ledger: LedgerSummary, required: float | None
) -> tuple[float | None, float | None]:
    """Return the deflated Sharpe ratio, and how many observations give the one ``required``."""
    sharpe, observations = metrics.get("sharpe_per_period"), metrics.get("n_observations")
    skewness, kurtosis = metrics.get("skewness"), metrics.get("kurtosis")
    if sharpe is None or observations is None or skewness is None or kurtosis is None:
        return None, None
    try:
        dsr = deflated_sharpe_from_ledger(ledger, sharpe, int(observations), skewness, kurtosis)
        if required is None:
            return dsr, None
        return dsr, track_record_from_ledger(ledger, sharpe, skewness, kurtosis, required)
    except InvalidInput:  # moments that leave the statistic undefined; unknown never passes
        return None, None


def overfitting_probability(view: View, strategy: str, candidate: Evidence) -> float | None:
    """Compare the returns of every trial that was tested like the candidate, on the same days.

    Returns
    -------
    float or None
        The probability; None below ten such trials, or where it is not defined.
    """
    trials: dict[str, tuple[float, ...]] = {}
    for record in view.backtests.of_strategy(strategy):
        document = view.documents.get(record.evidence_digest)
        if document is None or record.dataset_hash != candidate.dataset_hash:
            continue
        evidence = Evidence.from_json(document.content())
        if evidence.comparable_with == candidate.comparable_with:
            trials[record.trial_digest] = evidence.returns
    if len(trials) < LEAST_TRIALS:
        return None
    try:
        return probability_of_backtest_overfitting(list(trials.values()))
    except InvalidInput:  # too few days, or trials that never traded; unknown never passes
        return None
