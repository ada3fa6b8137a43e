"""The artifact's files are those that the manifest names."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.advice import TRAIN
from tradeworthy.promotion.findings import Finding, require
from tradeworthy.promotion.gate import EVERY_STEP, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class ArtifactFileFacts:
    """Whether every artifact file is there with the size and digest of the manifest."""

    artifact_digests_match: bool | None = None


def _artifact_digests(facts: ArtifactFileFacts, _: Policy) -> Finding:
    return require(
        facts.artifact_digests_match,
        "has the files that the manifest names",
        "has files that differ from the manifest, or lacks them",
    )


CONCERN = Concern(
    ArtifactFileFacts,
    (
        Gate(
            "artifact_digests",
            EVERY_STEP,
            _artifact_digests,
            "restore the blobs folder of the home from a backup, or train a new version, which "
            f"uploads its files: {TRAIN}",
            before_rollback=True,
        ),
    ),
)
