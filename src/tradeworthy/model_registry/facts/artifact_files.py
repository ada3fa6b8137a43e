"""Whether the artifact's files are those of the manifest."""

from __future__ import annotations

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.artifact_files import ArtifactFileFacts


def gather(case: Case) -> ArtifactFileFacts:
    """Return the facts."""
    if case.manifest is None:
        return ArtifactFileFacts()
    return ArtifactFileFacts(case.artifact is not None)
