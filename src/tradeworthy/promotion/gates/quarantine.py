"""Nobody and nothing stopped the version."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.findings import Finding, failed, passed
from tradeworthy.promotion.gate import DEPLOYMENT, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class QuarantineFacts:
    """Whether somebody or something stopped the version, and in words who, when and why."""

    quarantined: bool | None = None
    quarantine: str = "quarantined"


def _not_quarantined(facts: QuarantineFacts, _: Policy) -> Finding:
    if facts.quarantined is None:
        return failed(None, False, "unknown whether it is quarantined")
    if facts.quarantined:
        return failed(True, False, f"it was {facts.quarantine}")
    return passed(False, False, "it is not quarantined")


CONCERN = Concern(
    QuarantineFacts,
    (
        Gate(
            "not_quarantined",
            DEPLOYMENT,
            _not_quarantined,
            "clear the cause, then an operator runs `tradeworthy lift-quarantine MODEL VERSION "
            "--reason WHY`",
            before_rollback=True,
        ),
    ),
)
