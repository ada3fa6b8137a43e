"""The hourly scan of many features from stored profiles: only new rows are ever read.

State per feature: the merged profile of the reference sessions, and the metrics that earlier
scans recorded. All features are compared in one vectorised pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradeworthy.drift.calibration.drift_calibration import (
    REPLAY_EFFECTIVE,
    REPLAY_WINDOWS,
    joint_ranks,
)
from tradeworthy.drift.drift_detection import FloatArray
from tradeworthy.drift.profiles.profile_stack import ProfileStack, compare_stacks
from tradeworthy.drift.severity import MODERATE_P, SEVERE_P, Floors
from tradeworthy.errors import InvalidInput

_BLOCK = 64  # features at a time, whose arrays stay in the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class ProfileScan:
    """What one pass over F features found.

    Parameters
    ----------
    metrics
        Shape (F, 5). The Kolmogorov-Smirnov distance is the lower end of its bracket.
    ks_upper
        Upper end of the bracket, shape (F,).
    p_value, p_tail
        The calibration, shape (F,).
    severity
        Rank of the severity: 0, 1 or 2, shape (F,).
    """

    metrics: FloatArray
    ks_upper: FloatArray
    p_value: FloatArray
    p_tail: FloatArray
    severity: NDArray[np.int64]


def scan_profiles(
    reference: ProfileStack,
    current: ProfileStack,
    atoms: NDArray[np.bool_],
    past: FloatArray,
    effective: float,
    *,
    floors: Floors | None = None,
) -> ProfileScan:
    """Compare F features with their references and rank them against their recorded past.

    Where a floor of the Kolmogorov-Smirnov distance lies inside its bracket, the upper end
    counts, as the rows are not at hand.

    Parameters
    ----------
    reference, current
        Stacks of shape (F,), with finite values on both sides of every feature.
    atoms
        ``atom_bins`` of each feature's edges, shape (F, 128).
    past
        The metrics that earlier scans recorded, shape (F, K, 5), K at least 100.
    effective
        How many of those scans had current windows that do not overlap, at least 20.
    floors
        Effect sizes that matter.

    Raises
    ------
    InvalidInput
        For too little recorded past, or a feature without finite values in a window.
    """
    if past.shape[1] < REPLAY_WINDOWS or effective < REPLAY_EFFECTIVE:
        raise InvalidInput(
            f"ranks need {REPLAY_WINDOWS} recorded scans, {REPLAY_EFFECTIVE} of them apart; "
            "scan from the rows until then"
        )
    if min(reference.finite.min(), current.finite.min()) < 2:
        raise InvalidInput("every feature needs finite values in both windows")
    limits = floors or Floors()
    parts = [
        _scan_block(reference[block], current[block], atoms[block], past[block], effective, limits)
        for block in (slice(at, at + _BLOCK) for at in range(0, len(atoms), _BLOCK))
    ]
    return ProfileScan(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _scan_block(
    reference: ProfileStack,
    current: ProfileStack,
    atoms: NDArray[np.bool_],
    past: FloatArray,
    effective: float,
    floors: Floors,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, NDArray[np.int64]]:
    metrics, upper = compare_stacks(reference, current, atoms)
    p_value, _, p_tail = joint_ranks(past, metrics, effective)
    judged = metrics.copy()
    judged[:, 1] = upper  # a floor above the bracket is met by neither end, one below by both
    severe = (judged >= np.array(floors.severe.values())).any(axis=1) & (p_value <= SEVERE_P)
    moderate = (judged >= np.array(floors.moderate.values())).any(axis=1)
    rank = np.where(severe, 2, (moderate & (p_value <= MODERATE_P)).astype(int))
    return metrics, upper, p_value, p_tail, rank.astype(np.int64)
