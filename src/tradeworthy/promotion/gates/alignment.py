"""Bound, active and running features are the same."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.findings import Finding, failed, require
from tradeworthy.promotion.gate import DEPLOYMENT, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class AlignmentFacts:
    """Whether bound, active and running features are the same, and what differs."""

    aligned: bool | None = None
    alignment_differences: tuple[str, ...] = ()


def _aligned(facts: AlignmentFacts, _: Policy) -> Finding:
    finding = require(
        facts.aligned,
        "is bound to the features that are active and running",
        "is bound to other features than are active and running",
    )
    if facts.aligned is False and facts.alignment_differences:
        differences = "; ".join(facts.alignment_differences)
        return failed(False, True, f"{finding.reason}: {differences}")
    return finding


CONCERN = Concern(
    AlignmentFacts,
    (
        Gate(
            "aligned",
            DEPLOYMENT,
            _aligned,
            "retrain on the active release, or activate the bound one",
            before_rollback=True,
        ),
    ),
)
