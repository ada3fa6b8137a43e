"""Whether a version's features are the ones that are active and running."""

from __future__ import annotations

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.alignment import AlignmentFacts


def gather(case: Case) -> AlignmentFacts:
    """Return the facts."""
    if case.manifest is None or case.manifest.feature_graph is None:
        return AlignmentFacts()
    alignment = case.sources.alignment(case.manifest)
    return AlignmentFacts(alignment.aligned, alignment.lines(), alignment.ways_out(case.manifest))
