"""No feature saw the future."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.advice import TRAIN
from tradeworthy.promotion.findings import Finding, not_applicable, require
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class LookAheadFacts:
    """Whether no feature saw the future, and which ones did."""

    look_ahead_passed: bool | None = None
    features_ahead: tuple[str, ...] = ()


def _look_ahead(facts: LookAheadFacts, policy: Policy) -> Finding:
    if not policy.require_lookahead_pass:
        return not_applicable("the policy does not ask for the look-ahead test")
    which = f": {', '.join(facts.features_ahead)}" if facts.features_ahead else ""
    return require(
        facts.look_ahead_passed,
        "sees no future value",
        f"uses values that lie in the future{which}",
    )


CONCERN = Concern(
    LookAheadFacts,
    (
        Gate(
            "look_ahead",
            EVIDENCE,
            _look_ahead,
            f"let features use past values only and train a new version: {TRAIN}",
        ),
    ),
    from_backtest=True,
)
