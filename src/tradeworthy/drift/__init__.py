"""Drift of live features: metrics, nulls, calibration, reports and the schedule. All pure."""

from typing import TYPE_CHECKING

__all__ = [
    "DriftMetrics",
    "Floors",
    "Severity",
    "classify_severity",
    "ks_statistic",
    "mean_shift",
    "population_stability_index",
    "tail_shift",
    "variance_shift",
]

if TYPE_CHECKING:
    from tradeworthy.drift.drift_detection import (
        ks_statistic,
        mean_shift,
        population_stability_index,
        tail_shift,
        variance_shift,
    )
    from tradeworthy.drift.severity import DriftMetrics, Floors, Severity, classify_severity
else:
    from tradeworthy.base.lazy_names import lazy_names

    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "DriftMetrics": "tradeworthy.drift.severity",
            "Floors": "tradeworthy.drift.severity",
            "Severity": "tradeworthy.drift.severity",
            "classify_severity": "tradeworthy.drift.severity",
            "ks_statistic": "tradeworthy.drift.drift_detection",
            "mean_shift": "tradeworthy.drift.drift_detection",
            "population_stability_index": "tradeworthy.drift.drift_detection",
            "tail_shift": "tradeworthy.drift.drift_detection",
            "variance_shift": "tradeworthy.drift.drift_detection",
        },
    )
