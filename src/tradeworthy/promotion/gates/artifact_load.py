"""The artifact can be loaded."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.advice import TRAIN
from tradeworthy.promotion.findings import Finding, require
from tradeworthy.promotion.gate import DEPLOYMENT, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class ArtifactLoadFacts:
    """Whether the predictor can be made from the artifact."""

    artifact_loads: bool | None = None


def _artifact_loads(facts: ArtifactLoadFacts, _: Policy) -> Finding:
    return require(facts.artifact_loads, "loads", "does not load")


CONCERN = Concern(
    ArtifactLoadFacts,
    (
        Gate(
            "artifact_loads",
            DEPLOYMENT,
            _artifact_loads,
            f"train a new version, which is checked for loading when it is exported: {TRAIN}",
            before_rollback=True,
        ),
    ),
)
