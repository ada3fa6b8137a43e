"""Data quality of one feature: hard gates that need no statistics, and rates that do.

A dead feed is drift of the worst kind, but no distance between distributions is needed to see it:
a missing column or one of nothing but nulls is SEVERE at once. Rates (missing, infinite,
repeated values) are ranked against the same windows as the metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tradeworthy.drift.drift_detection import FloatArray
from tradeworthy.drift.profiles.profile_stack import ProfileStack
from tradeworthy.drift.severity import MODERATE_P, SEVERE_P, Severity
from tradeworthy.errors import InvalidInput

HARD_GATES = ("missing_column", "type_change", "all_null", "constant", "no_rows")
RATES = ("missing", "infinite", "repeated")


@dataclass(frozen=True, slots=True)
class QualityFloors:
    """Rises of a bad-row rate, in shares of the rows, from which it matters.

    ``huge`` stands in for p <= .01 while there is too little history to show it: the rise must
    be that many times the largest rise seen before.
    """

    moderate: float = 0.01
    severe: float = 0.05
    huge: float = 2.0

    def __post_init__(self) -> None:
        if not (0.0 < self.moderate <= self.severe <= 1.0 and self.huge >= 1.0):
            raise InvalidInput("rate floors need 0 < moderate <= severe <= 1 and huge >= 1")


@dataclass(frozen=True, slots=True)
class QualityFinding:
    """One check of the data and what it saw.

    Parameters
    ----------
    kind
        One of ``HARD_GATES`` or ``RATES``.
    observed, expected
        Shares of rows in the current window and in the reference; None for a hard gate.
    p_value
        How often earlier windows rose as much; None for a hard gate.
    windows
        Number of earlier windows ranked against.
    largest_past
        The largest rise among them; None when there are none.
    """

    kind: str
    observed: float | None = None
    expected: float | None = None
    p_value: float | None = None
    windows: int = 0
    largest_past: float | None = None

    def severity(self, floors: QualityFloors, capped: bool) -> Severity:
        """Return how bad the finding is.

        Parameters
        ----------
        floors
            Rises that matter.
        capped
            True while there are too few past windows for p <= .01 to mean anything.

        Examples
        --------
        >>> QualityFinding("all_null").severity(QualityFloors(), capped=True).value
        'SEVERE'
        >>> few = QualityFinding("missing", 0.03, 0.0, p_value=0.03, windows=30, largest_past=0.0)
        >>> few.severity(QualityFloors(), capped=True).value
        'MODERATE'
        """
        if self.kind in HARD_GATES:
            return Severity.SEVERE
        if self.observed is None or self.expected is None or self.p_value is None:
            raise InvalidInput(f"finding {self.kind} lacks its rates; scan the window again")
        rise = self.observed - self.expected
        if rise < floors.moderate:
            return Severity.NORMAL
        if rise >= floors.severe and self._beyond_doubt(rise, floors, capped):
            return Severity.SEVERE
        return Severity.MODERATE if self.p_value <= MODERATE_P else Severity.NORMAL

    def _beyond_doubt(self, rise: float, floors: QualityFloors, capped: bool) -> bool:
        if not capped:
            return self.p_value is not None and self.p_value <= SEVERE_P
        return self.largest_past is not None and rise >= floors.huge * self.largest_past

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON-ready values."""
        return {name: getattr(self, name) for name in self.__slots__}


def hard_findings(
    reference: ProfileStack, current: ProfileStack, past: ProfileStack
) -> tuple[QualityFinding, ...]:
    """Check one feature's current window for states that need no statistics.

    Constant counts only when neither the reference nor any earlier window was: an indicator that
    rests for a day has done so before.

    Parameters
    ----------
    reference, current
        Stacks of shape (): the two windows.
    past
        Stack of shape (K,): earlier windows as long as the current one.
    """
    if current.rows == 0:
        return (QualityFinding("no_rows"),)
    if current.specials[..., 0] == current.rows:
        return () if _all_null(reference) else (QualityFinding("all_null"),)
    varied = reference.finite > 1 and not _constant(reference)
    if varied and _constant(current) and not _constant(past).any():
        return (QualityFinding("constant"),)
    return ()


def rate_findings(
    reference: ProfileStack,
    current: ProfileStack,
    past_reference: ProfileStack,
    past: ProfileStack,
) -> tuple[QualityFinding, ...]:
    """Rank the rise of each bad-row rate against earlier windows; only rises are returned.

    Parameters
    ----------
    reference, current
        Stacks of shape ().
    past_reference, past
        Stacks of shape (K,): earlier windows of the same geometry.
    """
    findings = []
    for kind, before, now, rises in zip(
        RATES,
        _rates(reference),
        _rates(current),
        _rates(past) - _rates(past_reference),
        strict=True,
    ):
        if now <= before:
            continue
        at_least = float((rises >= now - before).sum())
        findings.append(
            QualityFinding(
                kind,
                observed=float(now),
                expected=float(before),
                p_value=(1.0 + at_least) / (rises.size + 1.0),
                windows=rises.size,
                largest_past=max(float(rises.max()), 0.0) if rises.size else None,
            )
        )
    return tuple(findings)


def _rates(stack: ProfileStack) -> FloatArray:
    rows = np.maximum(stack.rows, 1.0)
    infinite = stack.specials[..., 1] + stack.specials[..., 2]
    return np.stack([stack.specials[..., 0] / rows, infinite / rows, stack.repeats / rows])


def _all_null(stack: ProfileStack) -> bool:
    return bool(stack.specials[..., 0] == stack.rows)


def _constant(stack: ProfileStack) -> np.ndarray[Any, np.dtype[np.bool_]]:
    only_finite = stack.specials[..., 1:].sum(axis=-1) == 0
    return np.asarray((stack.finite > 1) & (stack.minimum == stack.maximum) & only_finite)
