"""The artifact answers as the fitted estimator did."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tradeworthy.promotion.advice import TRAIN
from tradeworthy.promotion.findings import Finding, at_most, failed
from tradeworthy.promotion.gate import DEPLOYMENT, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy

_LOAD_FIRST = "do what `artifact_loads` says, then promote again"


@dataclass(frozen=True, slots=True)
class ParityFacts:
    """The largest absolute error on the golden rows, and the largest that is allowed.

    Neither is known of an artifact that ``answers`` nothing, since it does not load.
    """

    parity_error: float | None = None
    parity_tolerance: float | None = None
    answers: bool = True


def _parity(facts: ParityFacts, _: Policy) -> Finding:
    if not facts.answers:
        return failed(None, None, "nothing to compare: the artifact does not load", _LOAD_FIRST)
    tolerance = facts.parity_tolerance
    if tolerance is None or not math.isfinite(tolerance) or tolerance < 0:
        return failed(facts.parity_error, None, "no tolerance is known")
    return at_most("error on the golden rows", facts.parity_error, tolerance)


CONCERN = Concern(
    ParityFacts,
    (
        Gate(
            "parity",
            DEPLOYMENT,
            _parity,
            "train a new version, whose export is compared with what was fitted before it is "
            f"recorded: {TRAIN}",
        ),
    ),
)
