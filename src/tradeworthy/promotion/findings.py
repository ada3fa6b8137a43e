"""What a gate found: passed, failed or not applicable, with the figures and the reason."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

Shown: TypeAlias = "bool | int | float | str | None"


class GateStatus(StrEnum):
    """Outcome of a gate; NOT_APPLICABLE always carries its reason."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_APPLICABLE = "NOT_APPLICABLE"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a gate saw, what it compared with, and why it decided so.

    ``advice`` is what to do about a failure where the gate's standing advice would be wrong.
    """

    status: GateStatus
    observed: Shown
    threshold: Shown
    reason: str
    advice: str | None = None

    def advising(self, advice: str | None) -> Finding:
        """Return the finding with this advice, the gate's own if it is None."""
        return replace(self, advice=advice)


def passed(observed: Shown, threshold: Shown, reason: str) -> Finding:
    """Return a finding that passes."""
    return Finding(GateStatus.PASSED, observed, threshold, reason)


def failed(observed: Shown, threshold: Shown, reason: str, advice: str | None = None) -> Finding:
    """Return a finding that fails."""
    return Finding(GateStatus.FAILED, observed, threshold, reason, advice)


def not_applicable(reason: str) -> Finding:
    """Return a finding that has nothing to judge, and says why."""
    return Finding(GateStatus.NOT_APPLICABLE, None, None, reason)


def require(fact: bool | None, good: str, bad: str) -> Finding:
    """Pass if ``fact`` is true; false and unknown fail, each with its own words.

    Examples
    --------
    >>> require(None, "loads", "does not load").reason
    'unknown whether it loads'
    """
    if fact is True:
        return passed(True, True, f"it {good}")
    if fact is False:
        return failed(False, True, f"it {bad}")
    return failed(None, True, f"unknown whether it {good}")


def nothing_missing(missing: tuple[str, ...] | None) -> Finding:
    """Pass if the manifest lacks none of the fields that a step needs.

    Examples
    --------
    >>> nothing_missing(("config",)).reason
    'the manifest does not record config'
    """
    if missing is None:
        return failed(None, 0, "there is no manifest")
    if missing:
        return failed(len(missing), 0, "the manifest does not record " + ", ".join(missing))
    return passed(0, 0, "the manifest records what this step needs")


def at_least(name: str, observed: float | None, threshold: float | None) -> Finding:
    """Pass if ``observed`` is a number no smaller than ``threshold``.

    Examples
    --------
    >>> at_least("sharpe", float("nan"), 0.5).status
    <GateStatus.FAILED: 'FAILED'>
    >>> at_least("sharpe", 0.7, None).reason
    'the policy sets no bound on sharpe'
    """
    return _compared(name, observed, threshold, lower_bound=True)


def at_most(name: str, observed: float | None, threshold: float | None) -> Finding:
    """Pass if ``observed`` is a number no larger than ``threshold``."""
    return _compared(name, observed, threshold, lower_bound=False)


def _compared(
    name: str, observed: float | None, threshold: float | None, *, lower_bound: bool
) -> Finding:
    if threshold is None:
        return not_applicable(f"the policy sets no bound on {name}")
    if observed is None or math.isnan(observed):
        return failed(None, threshold, f"{name} is not known")
    if math.isinf(observed):
        return failed(None, threshold, f"{name} is infinite, so it was not measured")
    good = observed >= threshold if lower_bound else observed <= threshold
    bound = "at least" if lower_bound else "at most"
    reason = f"{name} is {_shown(observed)}, {bound} {_shown(threshold)} is required"
    return passed(observed, threshold, reason) if good else failed(observed, threshold, reason)


def _shown(number: float) -> str:
    """Show a count as a whole number, any other to six digits."""
    whole = float(number).is_integer() and abs(number) < 1e15
    return f"{number:.0f}" if whole else f"{number:.6g}"
