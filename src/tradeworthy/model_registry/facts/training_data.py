"""Whether the evaluation rebuilt the training table."""

from __future__ import annotations

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.training_data import TrainingDataFacts


def gather(case: Case) -> TrainingDataFacts:
    """Return the facts."""
    return TrainingDataFacts(case.evidence.training_data_rebuilt if case.evidence else None)
