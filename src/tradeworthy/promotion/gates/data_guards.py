"""The market data passed its guards."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.advice import TRAIN
from tradeworthy.promotion.findings import Finding, failed, passed
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class DataGuardFacts:
    """The data guards that failed, each with symbol and day; empty when all passed."""

    data_guard_failures: tuple[str, ...] | None = None


def _data_guards(facts: DataGuardFacts, _: Policy) -> Finding:
    failures = facts.data_guard_failures
    if failures is None:
        return failed(None, 0, "the data guards have not run")
    if failures:
        return failed(len(failures), 0, "failed: " + "; ".join(failures))
    return passed(0, 0, "every data guard passed")


CONCERN = Concern(
    DataGuardFacts,
    (
        Gate(
            "data_guards",
            EVIDENCE,
            _data_guards,
            f"repair or adjust the bars that the reason names and train on them: {TRAIN}",
        ),
    ),
    from_backtest=True,
)
