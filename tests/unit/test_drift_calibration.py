"""Windows, ranks and their tails."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.drift.calibration.drift_calibration import (
    Windows,
    calibrate,
    discoveries,
    joint_ranks,
    leave_out_windows,
    replay_windows,
)
from tradeworthy.errors import InvalidInput

geometries = st.builds(
    lambda length, more: Windows(length, length + more), st.integers(1, 8), st.integers(0, 20)
)


@settings(deadline=None)
@given(geometries, st.integers(1, 90))
def test_windows_keep_their_geometry(windows: Windows, more: int) -> None:
    sessions = windows.current_sessions + more
    reference, current = replay_windows(sessions, windows)
    length, before = windows.current_sessions, windows.reference_sessions
    assert (current.sum(axis=1) == length).all()
    assert current[0, -length:].all()
    assert reference[0].sum() == min(before, sessions - length)
    assert (reference[1:].sum(axis=1) == before).all()
    assert not (reference & current).any()
    for row_reference, row_current in zip(reference, current, strict=True):
        marked = np.flatnonzero(row_reference | row_current)
        assert np.array_equal(marked, np.arange(marked[0], marked[-1] + 1))
        assert np.flatnonzero(row_reference)[-1] < np.flatnonzero(row_current)[0]
    assert not (current[1:] & current[0]).any()
    expected = max(sessions - 2 * length - before + 1, 0)
    assert len(current) - 1 == min(expected, windows.most_past_windows)


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 30), st.integers(1, 120))
def test_left_out_blocks_and_their_rest_make_the_whole(
    sessions: int, length: int, most: int
) -> None:
    rest, block = leave_out_windows(sessions, length, most)
    assert len(block) == max(min(sessions - length + 1, most), 0)
    assert (rest ^ block).all()
    assert (block.sum(axis=1) == length).all()
    assert len({row.tobytes() for row in block}) == len(block)


def brute_force_p(null: np.ndarray, current: np.ndarray) -> float:
    """The rank rule, from its words."""
    every = [list(row) for row in null] + [list(current)]
    for row in every:
        row[0] = row[0] ** 0.5
    scales = []
    for metric in range(5):
        column = sorted(row[metric] for row in every)
        at = -(-9 * (len(column) - 1) // 10)
        scales.append(max(column[at], 1e-12))
    largest = [max(x / s for x, s in zip(row, scales, strict=True)) for row in every]
    return (1 + sum(x >= largest[-1] for x in largest[:-1])) / len(every)


@settings(deadline=None)
@given(st.integers(1, 150), st.integers(0, 2**32 - 1))
def test_the_rank_is_that_of_the_rule(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    null, current = rng.gamma(2.0, size=(count, 5)), rng.gamma(2.5, size=5)
    ranked = calibrate(null, current, effective=count)
    assert ranked.p_rank == pytest.approx(brute_force_p(null, current))
    assert ranked.p_value == ranked.p_rank  # every rank is resolved when no windows overlap
    assert 0.0 < ranked.p_tail <= ranked.p_value <= 1.0


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_the_rank_of_one_among_exchangeable_ones_is_valid(seed: int, count: int) -> None:
    """Each in turn as the current one: at most a share a of them has p <= a; ties only raise p."""
    rng = np.random.default_rng(seed)
    every = rng.gamma(2.0, size=(count, 5))
    ranks = sorted(
        calibrate(np.delete(every, i, axis=0), every[i], count - 1).p_rank for i in range(count)
    )
    assert all(rank >= (i + 1) / count - 1e-12 for i, rank in enumerate(ranks))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_larger_shift_is_never_less_surprising(seed: int) -> None:
    rng = np.random.default_rng(seed)
    null = rng.gamma(2.0, size=(120, 5))
    current = rng.gamma(2.0, size=5)
    tails = [calibrate(null, current * k, 12.0).p_tail for k in (1.0, 2.0, 4.0, 16.0)]
    assert all(a >= b - 1e-12 for a, b in pairwise(tails))


def test_fewer_effective_windows_say_less() -> None:
    rng = np.random.default_rng(1)
    null = np.abs(rng.normal(size=(250, 5)))
    far = np.full(5, 4.0)
    p = [calibrate(null, far, effective).p_tail for effective in (10.0, 25.0, 100.0, 250.0)]
    assert p[0] > p[1] > p[2] > p[3] > 0.0
    assert calibrate(null, far, 10.0).p_value == p[0] > 1 / 251


def test_many_features_at_once_equal_one_by_one() -> None:
    rng = np.random.default_rng(9)
    null, current = rng.gamma(2.0, size=(7, 130, 5)), rng.gamma(3.0, size=(7, 5))
    together = joint_ranks(null, current, 40.0)
    for i in range(7):
        one = calibrate(null[i], current[i], 40.0)
        assert [float(part[i]) for part in together] == [one.p_value, one.p_rank, one.p_tail]


def test_a_feature_that_never_moved_is_not_surprising_when_it_stays() -> None:
    assert calibrate(np.zeros((100, 5)), np.zeros(5), 100.0).p_value == 1.0


@pytest.mark.parametrize(
    ("null", "current"),
    [
        (np.empty((0, 5)), np.zeros(5)),
        (np.full((3, 5), np.nan), np.zeros(5)),
        (np.zeros((3, 5)), np.array([0, 0, np.inf, 0, 0])),
    ],
)
def test_unknown_metrics_have_no_rank(null: np.ndarray, current: np.ndarray) -> None:
    with pytest.raises(InvalidInput):
        calibrate(null, current, 3.0)


@pytest.mark.parametrize("bad", [(0, 30), (40, 30), (1, 30, 3), (1, 30, 20, 2)])
def test_bad_windows_are_refused(bad: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput):
        Windows(*bad)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=40))
def test_discoveries_are_the_smallest_p_values(values: list[float]) -> None:
    kept = discoveries(np.array(values))
    if kept.any() and not kept.all():
        assert max(np.array(values)[kept]) < min(np.array(values)[~kept])
    number = int(kept.sum())
    ordered = sorted(values)
    assert all(ordered[k - 1] > 0.1 * k / len(values) for k in range(number + 1, len(values) + 1))
