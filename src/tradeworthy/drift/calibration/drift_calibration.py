"""How surprising a shift is, ranked against what the same feature did before.

A feature's own past windows, in the same geometry, carry its autocorrelation and its volatility
clustering; no formula for independent rows does. With 100 past windows or more the current
metrics are ranked against them (``replay``); below, against the blocks of the reference itself
(``leave_out``), and then SEVERE is reserved for shifts far beyond anything the reference holds.

References
----------
Chernozhukov, Wuthrich and Zhu (2018), arXiv:1802.06300; Barber and Pananjady (2025),
arXiv:2510.02471; Benjamini and Hochberg (1995).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradeworthy.drift.drift_detection import FloatArray
from tradeworthy.errors import InvalidInput

REPLAY_WINDOWS = 100
REPLAY_EFFECTIVE = 20
MOST_WINDOWS = 250
LEAVE_OUT_EFFECTIVE = 10
HUGE_P = 0.002
DISCOVERY_RATE = 0.10
_QUANTILE = 0.9
_LEAST_SCALE = 0.05


@dataclass(frozen=True, slots=True)
class Windows:
    """The geometry of a comparison: sessions on each side and the fewest rows that can say much.

    Examples
    --------
    >>> Windows()  # intraday: the last session against the 30 before
    Windows(current_sessions=1, reference_sessions=30, min_current_rows=20, min_reference_rows=200)
    >>> daily = Windows(current_sessions=20, reference_sessions=250)
    """

    current_sessions: int = 1
    reference_sessions: int = 30
    min_current_rows: int = 20
    min_reference_rows: int = 200

    def __post_init__(self) -> None:
        if self.current_sessions < 1 or self.reference_sessions < self.current_sessions:
            raise InvalidInput("windows need 1 <= current_sessions <= reference_sessions")
        if self.min_current_rows < 4 or self.min_reference_rows < 4:
            raise InvalidInput("windows need at least 4 rows on each side")

    @property
    def most_past_windows(self) -> int:
        """How far back replay looks; longer current windows overlap, so more of them are taken."""
        return MOST_WINDOWS * min(self.current_sessions, 4)

    @property
    def history_sessions(self) -> int:
        """Sessions before the current window that a scan can use."""
        return self.reference_sessions + self.most_past_windows + self.current_sessions - 1


@dataclass(frozen=True, slots=True)
class Calibration:
    """Where a comparison stands among the windows it is ranked against.

    Parameters
    ----------
    p_value
        The p of the verdict: the rank where so few windows can resolve it, else the tail.
    p_rank
        (1 + windows at least as extreme) / (windows + 1).
    p_tail
        Extrapolated beyond the largest windows, for comparisons across many features.
    windows
        K, the number of windows ranked against.
    effective
        How many of them do not overlap.
    """

    p_value: float
    p_rank: float
    p_tail: float
    windows: int
    effective: float


def replay_windows(sessions: int, windows: Windows) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Mark the sessions of the current comparison and of the past ones, newest first.

    A past current window never overlaps today's: drift that has lasted a while must not hide
    among its own beginnings.

    Parameters
    ----------
    sessions
        Number of sessions at hand, the current window included.
    windows
        The geometry.

    Returns
    -------
    tuple of ndarray
        References and current windows, shape (1 + K, sessions) each; row 0 is today's.

    Examples
    --------
    >>> reference, current = replay_windows(5, Windows(1, 2))
    >>> reference.astype(int).tolist()
    [[0, 0, 1, 1, 0], [0, 1, 1, 0, 0], [1, 1, 0, 0, 0]]
    >>> current.astype(int).tolist()
    [[0, 0, 0, 0, 1], [0, 0, 0, 1, 0], [0, 0, 1, 0, 0]]
    """
    length, before = windows.current_sessions, windows.reference_sessions
    first_end = length + before
    ends = np.arange(sessions - length, first_end - 1, -1)[: windows.most_past_windows]
    starts = np.concatenate([[sessions], ends])[:, None] - length
    at = np.arange(sessions)
    return (at >= starts - before) & (at < starts), (at >= starts) & (at < starts + length)


def leave_out_windows(
    sessions: int, length: int, most: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Mark every block of ``length`` among ``sessions`` and the rest, shape (K, sessions) each.

    At most about ``most`` blocks, evenly spread.

    Examples
    --------
    >>> rest, block = leave_out_windows(3, 1, most=10)
    >>> block.astype(int).tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    every = sessions - length + 1
    number = max(min(every, most), 0)
    starts = np.unique(np.linspace(0, max(every - 1, 0), number).round().astype(int))[:, None]
    at = np.arange(sessions)
    block = (at >= starts) & (at < starts + length)
    return ~block, block


def calibrate(null: FloatArray, current: FloatArray, effective: float) -> Calibration:
    """Rank one comparison against others of the same geometry, all metrics jointly.

    Every metric is divided by its 90% quantile over null and current together, which keeps the
    rank exact; the largest of them is ranked. PSI enters by its square root, as it grows with the
    square of a shift. Beyond the null's own 90% quantile the tail is taken as exponential with a
    mean known from only a tenth of the effective windows, which makes the predictive tail
    .1 (1 + x / (m b))^-m: heavier, the fewer windows there are.

    Parameters
    ----------
    null
        Metrics of the other windows, shape (K, 5), K at least 1.
    current
        Metrics of the comparison, shape (5,).
    effective
        Number of those windows that do not overlap, at most K.

    Raises
    ------
    InvalidInput
        For an empty null or a metric that is not finite.

    Examples
    --------
    >>> null = np.linspace(0.0, 1.0, 199)[:, None] * np.ones(5)
    >>> calibrate(null, np.full(5, 0.5), effective=199).p_value
    0.505
    >>> far = calibrate(null, np.full(5, 9.0), effective=199)
    >>> far.p_rank, far.p_tail < 1e-6
    (0.005, True)
    """
    if null.shape[0] == 0 or not (np.isfinite(null).all() and np.isfinite(current).all()):
        raise InvalidInput("a rank needs at least one past window and finite metrics")
    p_value, p_rank, p_tail = joint_ranks(null, current, effective)
    return Calibration(
        float(p_value), float(p_rank), float(p_tail), null.shape[0], float(effective)
    )


def joint_ranks(
    null: FloatArray, current: FloatArray, effective: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return p_value, p_rank and p_tail of ``calibrate`` for many features at once.

    Parameters
    ----------
    null
        Shape (..., K, 5).
    current
        Shape (..., 5).
    effective
        Windows that do not overlap, the same for all.

    Returns
    -------
    tuple of ndarray
        Shape (...) each.
    """
    every = np.concatenate([current[..., None, :], null], axis=-2)
    every[..., 0] = np.sqrt(every[..., 0])
    by_metric = np.ascontiguousarray(np.moveaxis(every, -2, -1))
    scale = np.maximum(_high_quantile(by_metric), 1e-12)[..., None]
    largest = (by_metric / scale).max(axis=-2)
    now, past = largest[..., :1], largest[..., 1:]
    p_rank = (1.0 + (past >= now).sum(axis=-1)) / (past.shape[-1] + 1.0)
    tail = _tail(past, now[..., 0], effective)
    p_value = np.where(p_rank >= 1.0 / (effective + 1.0), p_rank, np.maximum(p_rank, tail))
    beyond = (past < now).all(axis=-1)
    return p_value, p_rank, np.where(beyond, np.minimum(p_value, tail), p_value)


def _high_quantile(values: FloatArray) -> FloatArray:
    """Return the 90% quantile along the last axis, the order statistic above it."""
    position = math.ceil(_QUANTILE * (values.shape[-1] - 1) - 1e-9)
    return np.asarray(np.partition(values, position, axis=-1)[..., position])


def _tail(past: FloatArray, now: FloatArray, effective: float) -> FloatArray:
    threshold = _high_quantile(past)
    over = np.maximum(past - threshold[..., None], 0.0)
    number = np.maximum((over > 0).sum(axis=-1), 1)
    scale = np.maximum(over.sum(axis=-1) / number, _LEAST_SCALE)
    known = max((1.0 - _QUANTILE) * effective, 1.0)
    excess = np.maximum(now - threshold, 0.0)
    return np.asarray((1.0 - _QUANTILE) * (1.0 + excess / (known * scale)) ** -known)


def discoveries(p_values: FloatArray, rate: float = DISCOVERY_RATE) -> NDArray[np.bool_]:
    """Tell which p-values survive Benjamini and Hochberg's step-up procedure at ``rate``.

    Examples
    --------
    >>> discoveries(np.array([0.9, 0.001, 0.02, 0.5])).tolist()
    [False, True, True, False]
    """
    values = np.asarray(p_values, dtype=float)
    ordered = np.sort(values)
    passed = np.flatnonzero(ordered <= rate * np.arange(1, values.size + 1) / max(values.size, 1))
    if passed.size == 0:
        return np.zeros(values.shape, dtype=bool)
    return np.asarray(values <= ordered[passed[-1]])
