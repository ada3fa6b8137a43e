"""Whether the artifact loads."""

from __future__ import annotations

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.artifact_loading import ArtifactLoadingFacts


def gather(case: Case) -> ArtifactLoadingFacts:
    """Return the facts."""
    if case.manifest is None:
        return ArtifactLoadingFacts()
    return ArtifactLoadingFacts(case.predictor is not None)
