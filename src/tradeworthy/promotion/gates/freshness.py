"""The validation is not too old."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.advice import BACKTEST, TRAIN
from tradeworthy.promotion.findings import Finding, at_most, failed
from tradeworthy.promotion.gate import DEPLOYMENT, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy

# Clocks of two servers differ by less.
CLOCK_TOLERANCE_DAYS = 1.0


@dataclass(frozen=True, slots=True)
class FreshnessFacts:
    """The age, in days, of the verdict that validated the version.

    In STAGING it is that of a later backtest if there is one, since the last step judges it by
    every gate again; ``renewed_by_backtest`` says that it stands there.
    """

    days_since_validation: float | None = None
    renewed_by_backtest: bool = False


def _validation_fresh(facts: FreshnessFacts, policy: Policy) -> Finding:
    allowed = policy.number("revalidate_every")
    age = facts.days_since_validation
    if allowed is not None and age is not None and age < -CLOCK_TOLERANCE_DAYS:
        reason = "the validation lies in the future, so its age is not known"
        return failed(age, allowed, reason, "set the clocks of the servers right, then try again")
    finding = at_most("days since validation", age, allowed)
    return finding.advising(BACKTEST if facts.renewed_by_backtest else None)


CONCERN = Concern(
    FreshnessFacts,
    (
        Gate(
            "validation_fresh",
            DEPLOYMENT,
            _validation_fresh,
            f"train a new version: {TRAIN}",
        ),
    ),
)
