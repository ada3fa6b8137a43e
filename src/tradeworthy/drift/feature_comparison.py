"""One feature's current window against its own past and against its training profile."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tradeworthy.drift.drift_calibration import (
    LEAVE_OUT_EFFECTIVE,
    MOST_WINDOWS,
    REPLAY_EFFECTIVE,
    REPLAY_WINDOWS,
    Calibration,
    Windows,
    calibrate,
    leave_out_windows,
    replay_windows,
)
from tradeworthy.drift.drift_detection import (
    DriftMetrics,
    FloatArray,
    Floors,
    ks_statistic,
)
from tradeworthy.drift.drift_null import joint_p_value, null_quantiles
from tradeworthy.drift.drift_profile import atom_bins, edges_digest, freeze_edges
from tradeworthy.drift.feature_drift import Comparison
from tradeworthy.drift.profile_stack import (
    ProfileStack,
    compare_stacks,
    profile_sessions,
    psi_bins,
    stack_metrics,
    stack_profiles,
)
from tradeworthy.drift.training_profile import TrainingProfile, null_table


@dataclass(frozen=True, slots=True, eq=False)
class FeatureHistory:
    """One feature's sessions, summed into today's windows and those it is ranked against.

    Parameters
    ----------
    reference, current
        Today's windows, stacks of shape (1,).
    past_reference, past_current
        The windows ranked against, shape (K,): past ones when there are enough (``replayed``),
        else blocks of the reference against its rest.
    reference_rows, current_rows
        The values of today's windows, for the exact Kolmogorov-Smirnov distance.
    """

    edges: tuple[float, ...]
    windows: Windows
    reference: ProfileStack
    current: ProfileStack
    past_reference: ProfileStack
    past_current: ProfileStack
    replayed: bool
    effective: float
    reference_rows: FloatArray
    current_rows: FloatArray


def feature_history(
    values: FloatArray, starts: NDArray[np.int64], windows: Windows
) -> FeatureHistory:
    """Profile and sum one feature's sessions.

    Parameters
    ----------
    values
        The feature, ``bounded``, in time order.
    starts
        First row of each session, shape (S,); S exceeds ``windows.current_sessions``.
    windows
        The geometry.
    """
    here = starts.size - windows.current_sessions
    before = max(here - windows.reference_sessions, 0)
    older = values[: starts[here]]
    edges = freeze_edges(older) if np.isfinite(older).any() else ()
    sessions = profile_sessions(values, starts, edges)
    references, currents = replay_windows(starts.size, windows)
    reference, current = sessions.summed(references), sessions.summed(currents)
    kept = np.flatnonzero(_enough(reference, current, windows)[1:]) + 1
    effective = kept.size / windows.current_sessions
    replayed = kept.size >= REPLAY_WINDOWS and effective >= REPLAY_EFFECTIVE
    past_reference, past_current = reference[kept], current[kept]
    if not replayed:
        inside = sessions[before:here]
        length = windows.current_sessions
        rest, block = leave_out_windows(here - before, length, MOST_WINDOWS)
        past_reference, past_current = inside.summed(rest), inside.summed(block)
        good = _enough(past_reference, past_current, replace(windows, min_reference_rows=4))
        past_reference, past_current = past_reference[good], past_current[good]
        effective = min(float(good.sum()), (here - before) / length)
    return FeatureHistory(
        edges=edges,
        windows=windows,
        reference=reference[:1],
        current=current[:1],
        past_reference=past_reference,
        past_current=past_current,
        replayed=replayed,
        effective=effective,
        reference_rows=values[starts[before] : starts[here]],
        current_rows=values[starts[here] :],
    )


def against_past(history: FeatureHistory, floors: Floors) -> Comparison | None:
    """Compare the current window with the sessions before it; None when too little is finite."""
    reference, current = history.reference, history.current
    if not _enough(reference, current, history.windows)[0]:
        return None
    atoms = atom_bins(history.edges)
    (today,), (upper,) = compare_stacks(reference, current, atoms)
    lower, upper = float(today[1]), float(upper)
    null = stack_metrics(history.past_reference, history.past_current, atoms)
    sizes = (int(reference.comparable[0]), int(current.comparable[0]))
    bins = max(int(psi_bins(reference, atoms)[0]), 2)
    ranked = calibrate(null, today, history.effective) if len(null) else None
    if any(lower < edge <= upper for edge in (floors.moderate.ks, floors.severe.ks)):
        lower = upper = ks_statistic(history.reference_rows, history.current_rows)
    metrics = _metrics(today, lower)
    if history.replayed and ranked is not None:
        method = "replay"
    else:
        method, ranked = _cold_start(history, ranked, joint_p_value(metrics, *sizes, bins))
    return Comparison(
        anchor="rolling",
        metrics=metrics,
        ks_upper=upper,
        null=null_quantiles(*sizes, bins),
        p_value=ranked.p_value,
        p_tail=ranked.p_tail,
        method=method,
        windows=ranked.windows,
        effective=ranked.effective,
        capped=not history.replayed,
        reference_rows=sizes[0],
        current_rows=sizes[1],
        edges=edges_digest(history.edges),
    )


def _cold_start(
    history: FeatureHistory, ranked: Calibration | None, independent: float
) -> tuple[str, Calibration]:
    """Take the larger of the blocks' p and that of independent rows."""
    if ranked is None or history.effective < LEAVE_OUT_EFFECTIVE:
        return "independent", Calibration(independent, independent, independent, 0, 0.0)
    return "leave_out", replace(
        ranked,
        p_value=max(ranked.p_value, independent),
        p_tail=max(ranked.p_tail, independent),
    )


def against_training(
    values: FloatArray, trained: TrainingProfile, windows: Windows, floors: Floors
) -> Comparison | None:
    """Compare current values with the frozen training profile; None when too little is finite.

    Only the bracket of the Kolmogorov-Smirnov distance is known without the training rows; where
    a floor lies inside, its upper end counts.
    """
    edges = trained.profile.edges
    reference = stack_profiles([trained.profile])
    current = profile_sessions(values, np.zeros(1, dtype=np.int64), edges)
    if not _enough(reference, current, windows)[0]:
        return None
    atoms = atom_bins(edges)
    (today,), (upper,) = compare_stacks(reference, current, atoms)
    lower, upper = float(today[1]), float(upper)
    sizes = (int(reference.comparable[0]), int(current.comparable[0]))
    bins = max(int(psi_bins(reference, atoms)[0]), 2)
    straddles = any(lower < edge <= upper for edge in (floors.moderate.ks, floors.severe.ks))
    metrics = _metrics(today, upper if straddles else lower)
    independent = joint_p_value(_metrics(today, lower), *sizes, bins)
    if trained.effective >= LEAVE_OUT_EFFECTIVE and trained.null:
        method, ranked = "leave_out", calibrate(null_table(trained), today, trained.effective)
    else:
        method = "independent"
        ranked = Calibration(independent, independent, independent, 0, 0.0)
    return Comparison(
        anchor="training",
        metrics=metrics,
        ks_upper=upper,
        null=null_quantiles(*sizes, bins),
        p_value=max(ranked.p_value, independent),
        p_tail=max(ranked.p_tail, independent),
        method=method,
        windows=ranked.windows,
        effective=ranked.effective,
        capped=trained.effective < REPLAY_WINDOWS,
        reference_rows=sizes[0],
        current_rows=sizes[1],
        edges=edges_digest(edges),
    )


def _metrics(values: FloatArray, ks: float) -> DriftMetrics:
    psi, _, mean, variance, tail = (float(value) for value in values)
    return DriftMetrics(psi, ks, mean, variance, tail)


def _enough(reference: ProfileStack, current: ProfileStack, windows: Windows) -> NDArray[np.bool_]:
    """Tell which windows hold enough finite values on both sides, shape (...)."""
    return np.asarray(
        (reference.finite >= windows.min_reference_rows)
        & (current.finite >= windows.min_current_rows)
    )
