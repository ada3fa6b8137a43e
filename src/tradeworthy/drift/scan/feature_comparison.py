"""One feature's current window against its own past and against its training profile."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tradeworthy.drift.calibration.drift_calibration import (
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
from tradeworthy.drift.calibration.independent_null import joint_p_value, null_quantiles
from tradeworthy.drift.drift_detection import (
    DriftMetrics,
    FloatArray,
    Floors,
    ks_statistic,
)
from tradeworthy.drift.feature_drift import Comparison
from tradeworthy.drift.profiles.drift_profile import atom_bins, edges_digest, freeze_edges
from tradeworthy.drift.profiles.profile_stack import (
    ProfileStack,
    compare_stacks,
    profile_sessions,
    psi_bins,
    stack_metrics,
    stack_profiles,
)
from tradeworthy.drift.profiles.training_profile import TrainingProfile, null_table

LEAST_BLOCKS = 2
"""Blocks of the reference that do not overlap, below which nothing is known of its own past."""


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
    reference_rows, current_rows = values[starts[before] : starts[here]], values[starts[here] :]
    if not replayed:
        length = windows.current_sessions
        past_reference, past_current = _session_blocks(sessions[before:here], length)
        effective = (here - before) / length
        if effective < LEAVE_OUT_EFFECTIVE:
            past_reference, past_current = _row_blocks(reference_rows, current_rows.size, edges)
            effective = reference_rows.size / max(current_rows.size, 1)
        good = _enough(past_reference, past_current, replace(windows, min_reference_rows=4))
        past_reference, past_current = past_reference[good], past_current[good]
        effective = min(float(good.sum()), effective)
    return FeatureHistory(
        edges=edges,
        windows=windows,
        reference=reference[:1],
        current=current[:1],
        past_reference=past_reference,
        past_current=past_current,
        replayed=replayed,
        effective=effective,
        reference_rows=reference_rows,
        current_rows=current_rows,
    )


def _session_blocks(inside: ProfileStack, length: int) -> tuple[ProfileStack, ProfileStack]:
    """Return the rest and the block for every block of sessions in the reference."""
    rest, block = leave_out_windows(inside.finite.size, length, MOST_WINDOWS)
    return inside.summed(rest), inside.summed(block)


def _row_blocks(
    rows: FloatArray, length: int, edges: tuple[float, ...]
) -> tuple[ProfileStack, ProfileStack]:
    """Return the rest and the block for blocks of rows that begin anywhere in the reference.

    Few sessions make few blocks, too few to know a tail by; of overlapping ones there are many,
    which keep the rows' autocorrelation, and the calibration knows how few lie apart.
    """
    rest, block = leave_out_windows(rows.size, length, MOST_WINDOWS)
    cuts = np.flatnonzero(np.append(True, (block[:, 1:] != block[:, :-1]).any(axis=0)))
    cells = profile_sessions(rows, cuts.astype(np.int64), edges)
    repeated = np.append(False, (rows[1:] == rows[:-1]) & np.isfinite(rows[1:])).astype(float)

    def summed(marks: NDArray[np.bool_]) -> ProfileStack:
        return replace(cells.summed(marks[:, cuts]), repeats=marks @ repeated)  # seams included

    return summed(rest), summed(block)


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
    """Take the larger of the blocks' p and that of independent rows.

    One more window exceeds the largest of K blocks with probability 1 / (K + 1), which for few of
    them is more than the 10% beyond the quantile that the tail starts from.
    """
    if ranked is None or history.effective < LEAST_BLOCKS:
        return "independent", Calibration(independent, independent, independent, 0, 0.0)
    wider = max(LEAVE_OUT_EFFECTIVE / (history.effective + 1.0), 1.0)
    return "leave_out" if history.effective >= LEAVE_OUT_EFFECTIVE else "row_blocks", replace(
        ranked,
        p_value=min(max(ranked.p_value * wider, independent), 1.0),
        p_tail=min(max(ranked.p_tail * wider, independent), 1.0),
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
