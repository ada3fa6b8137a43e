"""One scan: a model's rows in, its drift report out. Pure.

Profiles every session once, sums sessions into windows, and calibrates each feature against its
own past and, where given, its training profile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tradeworthy.drift.calibration.drift_calibration import Windows
from tradeworthy.drift.data_quality import (
    QualityFinding,
    QualityFloors,
    hard_findings,
    rate_findings,
)
from tradeworthy.drift.drift_detection import METRICS, Floors, Severity, bounded
from tradeworthy.drift.drift_report import (
    DriftReport,
    Status,
    model_severity,
)
from tradeworthy.drift.feature_drift import Comparison, FeatureDrift, feature_severity
from tradeworthy.drift.profiles.drift_profile import atom_bins
from tradeworthy.drift.profiles.profile_stack import profile_sessions, stack_profiles
from tradeworthy.drift.profiles.training_profile import TrainingProfile
from tradeworthy.drift.scan.feature_comparison import (
    against_past,
    against_training,
    feature_history,
)
from tradeworthy.drift.scan.session_frame import Rows, SessionFrame, session_frame
from tradeworthy.drift.schedule import parse_slot
from tradeworthy.errors import InvalidInput


def scan_features(
    rows: Rows,
    *,
    model: str,
    version: int,
    slot: str,
    importances: Mapping[str, float] | Sequence[str],
    windows: Windows | None = None,
    floors: Floors | None = None,
    quality_floors: QualityFloors | None = None,
    training: Mapping[str, TrainingProfile] | None = None,
    calendar: Sequence[int | str] | None = None,
    market_open: bool = True,
    rows_expected: bool = True,
) -> DriftReport:
    """Compare the last sessions of ``rows`` with the ones before, and with training.

    Parameters
    ----------
    rows
        The current window and as much history as there is; ``Windows.history_sessions`` says how
        much can be used.
    model, version, slot
        The key of the report.
    importances
        The features the model needs, with weights from 0 up; names alone weigh the same.
    windows, floors, quality_floors
        Geometry and effect sizes; the defaults of their classes.
    training
        Training profiles by feature, for the second anchor.
    calendar
        Sessions that were expected, oldest first, up to this slot; by default those in ``rows``.
    market_open
        False when no row is expected in this slot: the status is CLOSED.
    rows_expected
        False while nobody can say whether rows should have come, as for a model that has just
        gone live: none at all are INSUFFICIENT then, not NO_DATA.

    Returns
    -------
    DriftReport
        CLOSED without severity; NO_DATA and SEVERE when the current sessions have no row;
        INSUFFICIENT without severity below the fewest rows, or when a feature cannot be judged.

    Raises
    ------
    InvalidInput
        For no features, bad weights, sessions out of order, or columns of another length.

    Examples
    --------
    >>> draw = np.random.default_rng(1).normal(size=31 * 40)
    >>> draw[-40:] += 3.0
    >>> rows = Rows({"momentum": draw}, np.repeat(np.arange(31), 40))
    >>> report = scan_features(
    ...     rows, model="m", version=1, slot="2026-01-05T10:00:00Z", importances=["momentum"]
    ... )
    >>> report.status.value, report.severity.value, report.features[0].floors_met[:2]
    ('OK', 'SEVERE', ('psi', 'ks'))
    """
    setting = _Setting(windows or Windows(), floors or Floors(), quality_floors or QualityFloors())
    weights, trained = _weights(importances), training or {}
    key = setting.key(model, version, slot)
    if not market_open:
        return DriftReport(**key, status=Status.CLOSED, severity=None)
    frame = session_frame(rows, calendar, setting.windows)
    key |= frame.bounds(setting.windows) | {"session_under_way": rows.finished is not None}
    unjudged = _without_statistics(key, setting.windows, rows_expected=rows_expected)
    if unjudged is not None:
        return unjudged
    features = tuple(
        _feature((name, weight), rows, frame, setting, trained.get(name))
        for name, weight in weights.items()
    )
    return _judged(key, features)


def candidate_drift(
    training: Mapping[str, TrainingProfile],
    current: Mapping[str, ArrayLike],
    *,
    model: str,
    version: int,
    slot: str,
    importances: Mapping[str, float] | None = None,
    windows: Windows | None = None,
    floors: Floors | None = None,
) -> DriftReport:
    """Compare a candidate's training profiles with current values, for the promotion gate.

    Each feature is ranked against the blocks of its own training rows. With fewer than 100 of
    them that do not overlap, SEVERE is kept for shifts far beyond all of them; a profile without
    blocks is judged by the nulls of independent rows and is MODERATE at worst, since its
    autocorrelation is unknown.

    Parameters
    ----------
    training
        Training profiles by feature; every one is judged.
    current
        Current values by feature, one window's worth of rows.

    Raises
    ------
    InvalidInput
        For no features or bad weights.

    Examples
    --------
    >>> from tradeworthy.drift.profiles.training_profile import training_profile
    >>> draw = np.random.default_rng(2).normal(size=4000)
    >>> trained = {"x": training_profile(draw, np.arange(4000) // 40, Windows())}
    >>> verdict = candidate_drift(
    ...     trained, {"x": draw[:40] * 5}, model="m", version=2, slot="2026-01-05T10:00:00Z"
    ... )
    >>> verdict.severity.value
    'SEVERE'
    """
    setting = _Setting(windows or Windows(), floors or Floors(), QualityFloors())
    weights = _weights(importances if importances is not None else list(training))
    key = setting.key(model, version, slot) | {
        "current_rows": max((np.size(column) for column in current.values()), default=0),
        "reference_rows": max((one.profile.rows for one in training.values()), default=0),
    }
    unjudged = _without_statistics(key, setting.windows, rows_expected=True)
    if unjudged is not None:
        return unjudged
    features = tuple(
        _candidate_feature(name, weight, current, training.get(name), setting)
        for name, weight in weights.items()
    )
    return _judged(key, features)


@dataclass(frozen=True, slots=True)
class _Setting:
    windows: Windows
    floors: Floors
    quality: QualityFloors

    def key(self, model: str, version: int, slot: str) -> dict[str, Any]:
        parse_slot(slot)
        return {
            "model": model,
            "version": version,
            "slot": slot,
            "windows": self.windows,
            "floors": self.floors,
            "quality_floors": self.quality,
        }

    def evidence(
        self,
        name: str,
        weight: float,
        comparisons: Sequence[Comparison],
        findings: Sequence[QualityFinding],
        *,
        capped: bool,
    ) -> FeatureDrift:
        severity = feature_severity(comparisons, findings, self.floors, self.quality, capped=capped)
        met = {
            metric
            for one in comparisons
            for metric in self.floors.met(one.metrics, Severity.MODERATE)
        }
        return FeatureDrift(
            feature=name,
            importance=weight,
            comparisons=tuple(comparisons),
            findings=tuple(findings),
            findings_capped=capped,
            severity=severity,
            floors_met=tuple(metric for metric in METRICS if metric in met),
        )


def _weights(importances: Mapping[str, float] | Sequence[str]) -> dict[str, float]:
    by_name = importances if isinstance(importances, Mapping) else dict.fromkeys(importances, 1.0)
    weights = {name: float(by_name[name]) for name in sorted(by_name)}
    good = all(np.isfinite(weight) and weight >= 0.0 for weight in weights.values())
    if not good or sum(weights.values()) <= 0.0:
        raise InvalidInput("give at least one feature, and importances from 0 up, not all 0")
    return weights


def _without_statistics(
    key: dict[str, Any], windows: Windows, *, rows_expected: bool
) -> DriftReport | None:
    """Return the report of windows that cannot be compared, None for those that can."""
    if key["current_rows"] == 0 and rows_expected:
        return DriftReport(**key, status=Status.NO_DATA, severity=Severity.SEVERE)
    if (
        key["current_rows"] < windows.min_current_rows
        or key["reference_rows"] < windows.min_reference_rows
    ):
        return DriftReport(**key, status=Status.INSUFFICIENT, severity=None)
    return None


def _column_gate(columns: Mapping[str, ArrayLike], name: str) -> QualityFinding | None:
    if name not in columns:
        return QualityFinding("missing_column")
    if np.asarray(columns[name]).dtype.kind not in "fiub":
        return QualityFinding("type_change")
    return None


def _feature(
    feature: tuple[str, float],
    rows: Rows,
    frame: SessionFrame,
    setting: _Setting,
    trained: TrainingProfile | None,
) -> FeatureDrift:
    name, weight = feature
    gate = _column_gate(rows.columns, name)
    if gate is not None:
        return setting.evidence(name, weight, (), (gate,), capped=True)
    values = bounded(rows.columns[name])
    history = feature_history(values[values.size - frame.size :], frame.starts, setting.windows)
    reference, current = history.reference[0], history.current[0]
    findings = hard_findings(reference, current, history.past_current)
    findings += rate_findings(reference, current, history.past_reference, history.past_current)
    rolling = against_past(history, setting.floors)
    if rolling is None:  # unknown against its own past: not judged, whatever training says
        return setting.evidence(name, weight, (), findings, capped=not history.replayed)
    comparisons = [rolling]
    if trained is not None:
        whole = history.current_rows
        if rows.finished is not None:
            whole = bounded(rows.finished.columns[name])
        training = against_training(whole, trained, setting.windows, setting.floors)
        comparisons += [] if training is None else [training]
    return setting.evidence(name, weight, comparisons, findings, capped=not history.replayed)


def _candidate_feature(
    name: str,
    weight: float,
    current: Mapping[str, ArrayLike],
    trained: TrainingProfile | None,
    setting: _Setting,
) -> FeatureDrift:
    gate = _column_gate(current, name)
    if gate is not None or trained is None:
        gates = () if gate is None else (gate,)
        return setting.evidence(name, weight, (), gates, capped=True)
    values = bounded(current[name])
    edges = trained.profile.edges
    stack = profile_sessions(values, np.zeros(1, dtype=np.int64), edges)
    past = stack_profiles([])
    findings = hard_findings(stack_profiles([trained.profile])[0], stack[0], past)
    if (stack.counts[0] > 0)[atom_bins(edges)].any():  # resting on a value that training knows
        findings = tuple(finding for finding in findings if finding.kind != "constant")
    drift = against_training(values, trained, setting.windows, setting.floors)
    return setting.evidence(name, weight, () if drift is None else (drift,), findings, capped=True)


def _judged(key: dict[str, Any], features: tuple[FeatureDrift, ...]) -> DriftReport:
    severity = model_severity(features)
    status = Status.INSUFFICIENT if severity is None else Status.OK
    return DriftReport(**key, status=status, severity=severity, features=features)
