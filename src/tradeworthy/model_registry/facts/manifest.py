"""What a manifest lacks for TRAINED."""

from __future__ import annotations

from tradeworthy.manifest.completeness import missing_fields
from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.manifest import ManifestFacts


def gather(case: Case) -> ManifestFacts:
    """Return the facts."""
    if case.manifest is None:
        return ManifestFacts()
    return ManifestFacts(missing_fields(case.manifest))
