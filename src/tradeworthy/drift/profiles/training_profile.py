"""The frozen training profile of a feature, with the null that its own blocks make.

A rolling reference forgets any shift within its length; the training profile does not. It also
keeps how far blocks of the training rows lie from the rest, in the geometry of live windows, so
that live rows can be judged years later without the training data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeworthy.base.digests import Json
from tradeworthy.drift.calibration.drift_calibration import Windows, leave_out_windows
from tradeworthy.drift.drift_detection import METRICS, FloatArray, bounded
from tradeworthy.drift.profiles.drift_profile import Profile, atom_bins, freeze_edges, profile
from tradeworthy.drift.profiles.profile_stack import profile_sessions, stack_metrics
from tradeworthy.errors import InvalidInput

MOST_BLOCKS = 100
SCHEME = "training-profile/v1"


@dataclass(frozen=True, slots=True)
class TrainingProfile:
    """A profile, and the metrics of its blocks against the rest.

    Parameters
    ----------
    profile
        Of all training rows.
    null
        Five metrics for each of up to 100 blocks.
    effective
        Number of blocks that do not overlap.
    """

    profile: Profile
    null: tuple[tuple[float, ...], ...] = ()
    effective: float = 0.0

    def __post_init__(self) -> None:
        table = np.array(self.null, dtype=float).reshape(-1, len(METRICS))
        if len(table) != len(self.null) or not np.isfinite(table).all() or (table < 0).any():
            raise InvalidInput("a training null holds five finite metrics from 0 up per block")

    def to_json(self) -> dict[str, Json]:
        """Return JSON-ready values for the manifest."""
        return {
            "scheme": SCHEME,
            "profile": self.profile.to_json(),
            "null": [list(row) for row in self.null],
            "effective": self.effective,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrainingProfile:
        """Return the training profile that ``to_json`` described.

        Raises
        ------
        InvalidInput
            For another scheme or values that make no training profile.
        """
        if data.get("scheme") != SCHEME:
            raise InvalidInput(f"not a training profile of scheme {SCHEME}")
        try:
            null = tuple(tuple(float(x) for x in row) for row in data["null"])
            return cls(Profile.from_json(data["profile"]), null, float(data["effective"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"not a training profile: {error}") from error


def training_profile(
    values: ArrayLike, sessions: NDArray[Any], windows: Windows
) -> TrainingProfile:
    """Profile a feature's training rows.

    Parameters
    ----------
    values
        The feature, one row each, in time order.
    sessions
        The session id of each row, non-decreasing.
    windows
        The geometry of the live windows.

    Raises
    ------
    InvalidInput
        When no finite value is there or the lengths differ.

    Examples
    --------
    >>> rows = np.random.default_rng(7).normal(size=3000)
    >>> trained = training_profile(rows, np.arange(3000) // 30, Windows())
    >>> len(trained.null), trained.effective, trained.profile.rows
    (100, 100.0, 3000)
    """
    array, ids = bounded(values), np.asarray(sessions)
    if array.shape != ids.shape or (ids[1:] < ids[:-1]).any():
        raise InvalidInput("give one session id a row, in non-decreasing order")
    edges = freeze_edges(array)
    starts = np.unique(ids, return_index=True)[1].astype(np.int64)
    stack = profile_sessions(array, starts, edges)
    length = windows.current_sessions
    rest, block = leave_out_windows(starts.size, length, MOST_BLOCKS)
    outer, inner = stack.summed(rest), stack.summed(block)
    enough = (inner.finite >= windows.min_current_rows) & (
        outer.finite >= windows.min_reference_rows
    )
    null = stack_metrics(outer[enough], inner[enough], atom_bins(edges))
    return TrainingProfile(
        profile=profile(array, edges),
        null=tuple(tuple(float(f"{x:.9g}") for x in row) for row in null),
        effective=min(float(enough.sum()), starts.size / length) if enough.any() else 0.0,
    )


def null_table(trained: TrainingProfile) -> FloatArray:
    """Return the block metrics as an array of shape (K, 5)."""
    return np.array(trained.null, dtype=float).reshape(-1, len(METRICS))
