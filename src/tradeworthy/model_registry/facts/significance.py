"""How sure the Sharpe ratio is."""

from __future__ import annotations

from collections.abc import Mapping

from tradeworthy.errors import InvalidInput
from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.significance import TRACK_RECORD_CONFIDENCE, SignificanceFacts
from tradeworthy.statistics.significance import minimum_track_record_length


def gather(case: Case) -> SignificanceFacts:
    """Return the facts."""
    if case.evidence is None:
        return SignificanceFacts()
    metrics = case.evidence.metrics
    observations = metrics.get("n_observations")
    return SignificanceFacts(
        evaluation_observations=None if observations is None else int(observations),
        minimum_track_record=_track_record(metrics),
        psr=metrics.get("psr"),
    )


def _track_record(metrics: Mapping[str, float | None]) -> float | None:
    sharpe = metrics.get("sharpe_per_period")
    skewness, kurtosis = metrics.get("skewness"), metrics.get("kurtosis")
    if sharpe is None or skewness is None or kurtosis is None:
        return None
    try:
        return minimum_track_record_length(
            sharpe, skewness, kurtosis, confidence=TRACK_RECORD_CONFIDENCE
        )
    except InvalidInput:
        return None
