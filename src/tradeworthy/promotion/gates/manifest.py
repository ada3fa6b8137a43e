"""The manifest records what a TRAINED version needs."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.advice import TRAIN
from tradeworthy.promotion.findings import Finding, nothing_missing
from tradeworthy.promotion.gate import EVERY_STEP, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class ManifestFacts:
    """What the manifest lacks for TRAINED, as `tradeworthy.manifest.completeness` says."""

    missing_fields: tuple[str, ...] | None = None


def _manifest_complete(facts: ManifestFacts, _: Policy) -> Finding:
    return nothing_missing(facts.missing_fields)


CONCERN = Concern(
    ManifestFacts,
    (
        Gate(
            "manifest_complete",
            EVERY_STEP,
            _manifest_complete,
            f"record what is missing, which this command does, and train a new version: {TRAIN}",
        ),
    ),
)
