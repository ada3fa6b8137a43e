"""Whether the evaluation rebuilt the training table."""

from __future__ import annotations

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.training_data import TrainingDataFacts


def gather(case: Case) -> TrainingDataFacts:
    """Return the facts."""
    if case.evidence is None or case.manifest is None:
        return TrainingDataFacts()
    sources = {source.digest for source in case.manifest.dataset.sources or ()}
    tested_on_its_source = case.evidence.dataset_hash in sources
    return TrainingDataFacts(case.evidence.training_data_rebuilt, tested_on_its_source)
