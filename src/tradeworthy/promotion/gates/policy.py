"""The policy itself has to judge something."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.findings import Finding, failed, passed
from tradeworthy.promotion.gate import EVERY_STEP, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.promotion.policy.policy_schema import JUDGING


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """Nothing: the policy itself is what this gate reads."""


def _policy_judges(_: PolicyFacts, policy: Policy) -> Finding:
    judging = sorted(JUDGING & policy.values.keys())
    if judging:
        return passed(len(judging), 1, "the policy sets " + ", ".join(judging))
    return failed(0, 1, "the policy sets no threshold on performance or statistics")


CONCERN = Concern(
    PolicyFacts,
    (
        Gate(
            "policy_judges",
            EVERY_STEP,
            _policy_judges,
            "set min_sharpe or its like in the policy file, and see what holds with `tradeworthy "
            "policy show MODEL`",
        ),
    ),
)
