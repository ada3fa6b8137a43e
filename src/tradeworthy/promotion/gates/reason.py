"""A version is withdrawn for a reason."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.base.text_forms import says_something
from tradeworthy.promotion.findings import Finding, failed, passed
from tradeworthy.promotion.gate import WITHDRAWAL, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class ReasonFacts:
    """Why the version is retired."""

    reason: str | None = None


def _reason(facts: ReasonFacts, _: Policy) -> Finding:
    if facts.reason is None or not says_something(facts.reason):
        return failed(None, True, "no reason is given")
    return passed(True, True, facts.reason)


CONCERN = Concern(
    ReasonFacts,
    (
        Gate(
            "reason",
            WITHDRAWAL,
            _reason,
            "say why the version is withdrawn: `tradeworthy retire MODEL VERSION --reason WHY`",
        ),
    ),
)
