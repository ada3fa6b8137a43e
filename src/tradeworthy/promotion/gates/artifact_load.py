"""The artifact can be loaded."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.advice import TRAIN
from tradeworthy.promotion.findings import Finding, failed, require
from tradeworthy.promotion.gate import DEPLOYMENT, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class ArtifactLoadFacts:
    """Whether the predictor can be made from the artifact.

    ``fault`` says why not, and ``lacks_library`` that this environment is the cause.
    """

    artifact_loads: bool | None = None
    fault: str | None = None
    lacks_library: bool = False


def _artifact_loads(facts: ArtifactLoadFacts, _: Policy) -> Finding:
    if facts.fault is None:
        return require(facts.artifact_loads, "loads", "does not load")
    if facts.lacks_library:
        return failed(False, True, "it cannot be loaded in this environment", facts.fault)
    return failed(False, True, f"it does not load: {facts.fault}")


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
