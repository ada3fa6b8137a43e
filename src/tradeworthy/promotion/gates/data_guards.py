"""The market data passed its guards."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.findings import Finding, failed, passed
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class DataGuardFacts:
    """Names of the data guards that failed; empty when all passed."""

    data_guard_failures: tuple[str, ...] | None = None


def _data_guards(facts: DataGuardFacts, _: Policy) -> Finding:
    failures = facts.data_guard_failures
    if failures is None:
        return failed(None, 0, "the data guards have not run")
    if failures:
        return failed(len(failures), 0, "failed: " + ", ".join(failures))
    return passed(0, 0, "every data guard passed")


CONCERN = Concern(
    DataGuardFacts,
    (Gate("data_guards", EVIDENCE, _data_guards, "repair or adjust the data"),),
)
