"""One check: what it is asked for, what it found, and how a waiver marks it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from tradeworthy.lifecycle.stages import Stage
from tradeworthy.promotion.facts import Facts
from tradeworthy.promotion.policy.policy import Policy

Shown: TypeAlias = "bool | int | float | str | None"


class GateStatus(StrEnum):
    """Outcome of a gate; NOT_APPLICABLE always carries its reason."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_APPLICABLE = "NOT_APPLICABLE"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a gate saw, what it compared with, and why it decided so."""

    status: GateStatus
    observed: Shown
    threshold: Shown
    reason: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """A finding with the gate's name, what to do about it, and who waived it, if anybody did."""

    gate: str
    status: GateStatus
    observed: Shown
    threshold: Shown
    reason: str
    advice: str | None = None
    waived_by: str | None = None

    @property
    def lets_through(self) -> bool:
        """Whether this gate does not stand in the way."""
        return self.status is not GateStatus.FAILED or self.waived_by is not None


@dataclass(frozen=True, slots=True)
class Gate:
    """One check, the targets that ask for it, advice for who fails it, and whether it is waivable.

    Approvals, digests and whatever guards them are not waivable.
    """

    name: str
    targets: frozenset[Stage]
    judge: Callable[[Facts, Policy], Finding]
    advice: str
    waivable: bool = False

    def check(self, facts: Facts, policy: Policy) -> GateResult:
        """Judge the facts; a failure that was waived stays a failure and names who waived it."""
        finding = self.judge(facts, policy)
        failed_here = finding.status is GateStatus.FAILED
        result = GateResult(
            gate=self.name,
            status=finding.status,
            observed=_finite(finding.observed),
            threshold=_finite(finding.threshold),
            reason=finding.reason,
            advice=self.advice if failed_here else None,
        )
        if failed_here and self.waivable:
            return replace(result, waived_by=_waived_by(self.name, facts))
        return result


def _finite(value: Shown) -> Shown:
    # A verdict is JSON, which has no NaN; the reason says what was seen.
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _waived_by(gate: str, facts: Facts) -> str | None:
    involved = {facts.author, facts.trainer}
    granted = (
        waiver.granted_by
        for waiver in facts.waivers
        if waiver.gate == gate and waiver.granted_by not in involved | {waiver.asked_by}
    )
    return min(granted, default=None)


def passed(observed: Shown, threshold: Shown, reason: str) -> Finding:
    """Return a finding that passes."""
    return Finding(GateStatus.PASSED, observed, threshold, reason)


def failed(observed: Shown, threshold: Shown, reason: str) -> Finding:
    """Return a finding that fails."""
    return Finding(GateStatus.FAILED, observed, threshold, reason)


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
    reason = f"{name} is {observed:.6g}, {bound} {threshold:.6g} is asked for"
    return passed(observed, threshold, reason) if good else failed(observed, threshold, reason)
