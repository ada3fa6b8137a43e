"""Whether the artifact loads."""

from __future__ import annotations

from tradeworthy.errors import TradeworthyError
from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.artifact_load import ArtifactLoadFacts


def gather(case: Case) -> ArtifactLoadFacts:
    """Return the facts."""
    if case.manifest is None:
        return ArtifactLoadFacts()
    if isinstance(fault := case.loaded, TradeworthyError):
        return ArtifactLoadFacts(False, fault.message, "library" in fault.details)
    return ArtifactLoadFacts(case.predictor is not None)
