"""The manifest records what validation needs besides."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.advice import TRAIN
from tradeworthy.promotion.findings import Finding, nothing_missing
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class ValidationFieldFacts:
    """What the manifest lacks for VALIDATED, as `tradeworthy.manifest.completeness` says."""

    missing_evidence: tuple[str, ...] | None = None


def _evidence_complete(facts: ValidationFieldFacts, _: Policy) -> Finding:
    return nothing_missing(facts.missing_evidence)


CONCERN = Concern(
    ValidationFieldFacts,
    (
        Gate(
            "evidence_complete",
            EVIDENCE,
            _evidence_complete,
            f"record what is missing, which this command does, and train a new version: {TRAIN}",
        ),
    ),
)
