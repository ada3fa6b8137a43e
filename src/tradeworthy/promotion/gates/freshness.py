"""The validation is not too old."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.findings import Finding, at_most, failed
from tradeworthy.promotion.gate import DEPLOYMENT, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy

# Clocks of two servers differ by less.
CLOCK_TOLERANCE_DAYS = 1.0


@dataclass(frozen=True, slots=True)
class FreshnessFacts:
    """The age, in days, of the verdict that validated the version.

    In STAGING it is that of a later backtest if there is one, since the last step judges it by
    every gate again.
    """

    days_since_validation: float | None = None


def _validation_fresh(facts: FreshnessFacts, policy: Policy) -> Finding:
    allowed = policy.number("revalidate_every")
    age = facts.days_since_validation
    if allowed is not None and age is not None and age < -CLOCK_TOLERANCE_DAYS:
        return failed(age, allowed, "the validation lies in the future, so its age is not known")
    return at_most("days since validation", age, allowed)


CONCERN = Concern(
    FreshnessFacts,
    (
        Gate(
            "validation_fresh",
            DEPLOYMENT,
            _validation_fresh,
            "backtest it again if it is in STAGING, else train a new version",
        ),
    ),
)
