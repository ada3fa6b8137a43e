"""No feature saw the future."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.findings import Finding, not_applicable, require
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class LookAheadFacts:
    """Whether no feature saw the future."""

    look_ahead_passed: bool | None = None


def _look_ahead(facts: LookAheadFacts, policy: Policy) -> Finding:
    if not policy.require_lookahead_pass:
        return not_applicable("the policy does not ask for the look-ahead test")
    return require(
        facts.look_ahead_passed, "sees no future value", "uses values that lie in the future"
    )


CONCERN = Concern(
    LookAheadFacts,
    (Gate("look_ahead", EVIDENCE, _look_ahead, "let features use past values only"),),
)
