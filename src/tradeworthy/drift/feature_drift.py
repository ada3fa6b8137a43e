"""The evidence on one feature: its comparisons, its data quality and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from tradeworthy.drift.calibration.drift_calibration import HUGE_P
from tradeworthy.drift.data_quality import HARD_GATES, QualityFinding, QualityFloors
from tradeworthy.drift.severity import DriftMetrics, Floors, Severity, classify_severity
from tradeworthy.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Comparison:
    """One feature's current window against one anchor.

    Parameters
    ----------
    anchor
        ``rolling`` (the sessions before) or ``training`` (the frozen training profile).
    metrics
        The five metrics; ``ks`` is exact or, where no floor lies between, the lower end of its
        bracket, and ``ks_upper`` the upper end.
    null
        95% quantiles of the metrics for independent rows at these sample sizes.
    p_value, p_tail, windows, effective
        The calibration, see ``Calibration``.
    method
        What it was ranked against: ``replay`` (its past windows), ``leave_out`` (blocks of
        sessions of the reference), ``row_blocks`` (of rows, for want of sessions) or
        ``independent`` (nothing but formulas). SEVERE needs one of the first two.
    capped
        True when the history is too short for SEVERE, unless the shift is far beyond it.
    edges
        Digest of the bin edges.
    """

    anchor: str
    metrics: DriftMetrics
    ks_upper: float
    null: DriftMetrics
    p_value: float
    p_tail: float
    method: str
    windows: int
    effective: float
    capped: bool
    reference_rows: int
    current_rows: int
    edges: str

    def severity(self, floors: Floors) -> Severity:
        """Return the severity of this comparison alone."""
        found = classify_severity(self.metrics, self.p_value, floors)
        if not self.capped:
            return found
        # Far beyond anything in a short history is still beyond it.
        huge = self.method in {"replay", "leave_out"} and self.p_tail <= HUGE_P
        return (
            classify_severity(self.metrics, 0.0, floors) if huge else min(found, Severity.MODERATE)
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Comparison:
        """Return the comparison that ``encode`` wrote."""
        metrics, null = DriftMetrics(**data["metrics"]), DriftMetrics(**data["null"])
        return cls(**{**data, "metrics": metrics, "null": null})


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """One feature's evidence and severity; None when it could not be judged."""

    feature: str
    importance: float
    comparisons: tuple[Comparison, ...]
    findings: tuple[QualityFinding, ...]
    findings_capped: bool
    severity: Severity | None
    floors_met: tuple[str, ...] = ()

    @property
    def p_value(self) -> float:
        """The smallest p over the anchors and findings, corrected for their number of anchors."""
        if any(finding.kind in HARD_GATES for finding in self.findings):
            return 0.0
        tails = [one.p_tail * len(self.comparisons) for one in self.comparisons]
        rates = [one.p_value for one in self.findings if one.p_value is not None]
        return min([1.0, *tails, *rates])

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FeatureDrift:
        """Return the feature's evidence that ``encode`` wrote."""
        read = {
            "comparisons": tuple(Comparison.from_json(one) for one in data["comparisons"]),
            "findings": tuple(QualityFinding(**one) for one in data["findings"]),
            "severity": None if data["severity"] is None else Severity(data["severity"]),
            "floors_met": tuple(data["floors_met"]),
        }
        return cls(**{**data, **read})


def feature_severity(
    comparisons: Sequence[Comparison],
    findings: Sequence[QualityFinding],
    floors: Floors,
    quality_floors: QualityFloors,
    *,
    capped: bool,
) -> Severity | None:
    """Return the worst of drift and data quality; None without a comparison, unless SEVERE."""
    worst = max(
        [one.severity(floors) for one in comparisons]
        + [one.severity(quality_floors, capped) for one in findings],
        default=None,
    )
    return worst if comparisons or worst is Severity.SEVERE else None


def encode(value: Any) -> Any:
    """Return dataclasses as JSON objects, tuples as lists and enumerations by value.

    Raises
    ------
    InvalidInput
        For a number that JSON does not have.
    """
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {item.name: encode(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput("a drift report holds finite numbers only")
    return value
