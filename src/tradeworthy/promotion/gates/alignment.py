"""Bound, active and running features are the same."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.advice import TRAIN
from tradeworthy.promotion.findings import Finding, failed, require
from tradeworthy.promotion.gate import DEPLOYMENT, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class AlignmentFacts:
    """Whether bound, active and running features are the same, what differs and what helps."""

    aligned: bool | None = None
    alignment_differences: tuple[str, ...] = ()
    ways_out: tuple[str, ...] = ()


def _aligned(facts: AlignmentFacts, _: Policy) -> Finding:
    finding = require(
        facts.aligned,
        "is bound to the features that are active and running",
        "is bound to other features than are active and running",
    )
    advice = "; ".join(facts.ways_out) or None
    if facts.aligned is False and facts.alignment_differences:
        differences = "; ".join(facts.alignment_differences)
        return failed(False, True, f"{finding.reason}: {differences}", advice)
    return finding.advising(advice)


CONCERN = Concern(
    AlignmentFacts,
    (
        Gate(
            "aligned",
            DEPLOYMENT,
            _aligned,
            "put the feature file of its training back into the home's strategies folder, run "
            f"`tradeworthy features activate FILE`, or train a new version: {TRAIN}",
            before_rollback=True,
        ),
    ),
)
