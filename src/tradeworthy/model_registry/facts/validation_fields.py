"""What a manifest lacks for VALIDATED."""

from __future__ import annotations

from tradeworthy.manifest.completeness import missing_evidence
from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.validation_fields import ValidationFieldFacts


def gather(case: Case) -> ValidationFieldFacts:
    """Return the facts."""
    if case.manifest is None:
        return ValidationFieldFacts(("manifest",))
    return ValidationFieldFacts(missing_evidence(case.manifest))
