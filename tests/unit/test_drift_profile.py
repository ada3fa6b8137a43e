"""Laws of the profile monoid, and binned metrics against those of the rows."""

from __future__ import annotations

import json
import math
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.drift.calibration.drift_calibration import Windows
from tradeworthy.drift.drift_detection import (
    bounded,
    ks_statistic,
    mean_shift,
    population_stability_index,
    psi_from_counts,
    variance_shift,
)
from tradeworthy.drift.profiles.drift_profile import (
    BINS,
    Profile,
    atom_bins,
    edges_digest,
    freeze_edges,
    padded_edges,
    profile,
)
from tradeworthy.drift.profiles.profile_stack import (
    ks_bracket,
    profile_features,
    profile_sessions,
    psi_bins,
    stack_metrics,
    stack_profiles,
)
from tradeworthy.drift.profiles.training_profile import TrainingProfile, training_profile
from tradeworthy.errors import InvalidInput

NAN, INF = float("nan"), float("inf")
value = st.one_of(
    st.floats(-1e6, 1e6),
    st.integers(-3, 3).map(float),
    st.sampled_from([NAN, INF, -INF, 1e141, -1e141, 1e300]),
)
columns = st.lists(value, max_size=40).map(np.array)
EDGES = freeze_edges(np.concatenate([np.linspace(-50, 50, 301), np.zeros(40)]))


def close(first: Profile, second: Profile) -> None:
    a, b = first.to_json(), second.to_json()
    for key in ("mean", "squares"):
        assert a.pop(key) == pytest.approx(b.pop(key), rel=1e-9, abs=1e-3)
    assert a == b


@settings(deadline=None)
@given(columns, columns)
def test_merging_commutes_exactly(first: np.ndarray, second: np.ndarray) -> None:
    a, b = profile(first, EDGES), profile(second, EDGES)
    assert a.merge(b) == b.merge(a)


@settings(deadline=None)
@given(columns, columns, columns)
def test_merging_is_associative_up_to_rounding(
    first: np.ndarray, second: np.ndarray, third: np.ndarray
) -> None:
    a, b, c = (profile(values, EDGES) for values in (first, second, third))
    close(a.merge(b).merge(c), a.merge(b.merge(c)))


@settings(deadline=None)
@given(columns)
def test_an_empty_profile_changes_nothing(values: np.ndarray) -> None:
    one = profile(values, EDGES)
    assert one.merge(profile([], EDGES)) == one


@settings(deadline=None)
@given(columns, st.integers(1, 7))
def test_a_merge_of_pieces_is_the_profile_of_the_whole(values: np.ndarray, pieces: int) -> None:
    whole = profile(values, EDGES)
    parts = [profile(part, EDGES) for part in np.array_split(values, pieces)]
    merged = reduce(Profile.merge, parts)
    lost = whole.repeats - merged.repeats  # a repeat across a seam is not seen
    assert 0 <= lost < pieces
    close(Profile(**{**_fields(merged), "repeats": whole.repeats}), whole)


def _fields(one: Profile) -> dict:
    return {name: getattr(one, name) for name in one.__slots__}


@settings(deadline=None)
@given(columns)
def test_profiles_survive_json(values: np.ndarray) -> None:
    one = profile(values, EDGES)
    text = json.dumps(one.to_json(), allow_nan=False)
    assert Profile.from_json(json.loads(text)) == one


@settings(deadline=None)
@given(columns)
def test_every_row_is_counted_once(values: np.ndarray) -> None:
    one = profile(values, EDGES)
    assert one.rows == values.size
    finite = bounded(values)[np.isfinite(bounded(values))]
    assert one.finite == finite.size
    if finite.size:
        assert (one.minimum, one.maximum) == (finite.min(), finite.max())
        assert one.mean == pytest.approx(math.fsum(finite) / finite.size, rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(st.lists(st.one_of(st.floats(-1e9, 1e9), st.integers(-2, 2).map(float)), min_size=1))
def test_frozen_edges_increase_and_fit(values: list[float]) -> None:
    edges = freeze_edges(values)
    assert 0 < len(edges) < BINS
    assert list(edges) == sorted(set(edges))
    counts = np.array(profile(values, edges).counts + (0,) * (BINS - 1 - len(edges)))
    assert counts.sum() == len(values)
    heavy = {v for v in set(values) if values.count(v) >= 0.05 * len(values)}
    alone = {edges[i - 1] for i in np.flatnonzero(atom_bins(edges)) + 1 if 0 < i <= len(edges)}
    assert heavy <= alone


def test_edges_need_values() -> None:
    with pytest.raises(InvalidInput):
        freeze_edges([NAN, INF])


def test_profiles_on_other_edges_do_not_merge() -> None:
    with pytest.raises(InvalidInput):
        profile([1.0], (0.0, 2.0)).merge(profile([1.0], (0.0, 3.0)))
    assert edges_digest((0.0, 2.0)) != edges_digest((0.0, 3.0))


@pytest.mark.parametrize(
    "change",
    [
        {"scheme": "drift-profile/v0"},
        {"counts": [1]},
        {"counts": [-1, 2, 3]},
        {"edges": [2.0, 1.0]},
        {"edges": [0.0, "x"]},
        {"mean": INF},
        {"minimum": None},
        {"surplus": 1},
        {"missing": -1},
    ],
)
def test_broken_json_is_refused(change: dict[str, object]) -> None:
    data = profile([1.0, 3.0], (0.0, 2.0)).to_json()
    with pytest.raises(InvalidInput):
        Profile.from_json({**data, **change})
    with pytest.raises(InvalidInput):
        Profile.from_json({key: data[key] for key in data if key != "counts"})


@settings(deadline=None)
@given(st.lists(columns, min_size=1, max_size=6))
def test_sessions_profiled_in_one_pass_equal_profiles_one_by_one(
    sessions: list[np.ndarray],
) -> None:
    values = bounded(np.concatenate(sessions))
    starts = np.cumsum([0] + [one.size for one in sessions[:-1]])
    together = profile_sessions(values, starts, EDGES)
    apart = stack_profiles([profile(one, EDGES) for one in sessions])
    for name in ("counts", "specials", "minimum", "maximum", "repeats"):
        assert np.array_equal(getattr(together, name), getattr(apart, name)), name
    assert together.mean == pytest.approx(apart.mean, rel=1e-9, abs=1e-9)
    assert together.squares == pytest.approx(apart.squares, rel=1e-6, abs=1e-3)
    assert together.rows.sum() == values.size


@settings(deadline=None)
@given(
    st.integers(0, 9).flatmap(
        lambda size: st.lists(st.lists(value, min_size=size, max_size=size), min_size=1, max_size=5)
    )
)
def test_features_profiled_in_one_pass_equal_profiles_one_by_one(rows: list[list[float]]) -> None:
    table = np.array([bounded(np.array(one, dtype=float)) for one in rows])
    edges = [freeze_edges(np.arange(10.0 * (i + 1))) for i in range(len(rows))]
    together = profile_features(table, np.array([padded_edges(one) for one in edges]))
    apart = stack_profiles([profile(v, e) for v, e in zip(table, edges, strict=True)])
    for name in ("counts", "specials", "minimum", "maximum", "repeats"):
        assert np.array_equal(getattr(together, name), getattr(apart, name)), name
    assert together.mean == pytest.approx(apart.mean, rel=1e-9, abs=1e-9)
    assert together.squares == pytest.approx(apart.squares, rel=1e-6, abs=1e-3)


@settings(deadline=None)
@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_sums_over_windows_equal_merged_profiles(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    profiles = [profile(rng.normal(5, 2, size=rng.integers(0, 30)), EDGES) for _ in range(count)]
    windows = rng.random((3, count)) < 0.6
    windows[:, 0] = True
    sums = stack_profiles(profiles).summed(windows)
    for row, marked in enumerate(windows):
        merged = reduce(Profile.merge, [p for p, m in zip(profiles, marked, strict=True) if m])
        expected = stack_profiles([merged])
        for name in ("counts", "specials", "minimum", "maximum", "repeats"):
            assert np.array_equal(getattr(sums, name)[row], getattr(expected, name)[0])
        assert sums.mean[row] == pytest.approx(merged.mean, rel=1e-9, abs=1e-12)
        assert sums.squares[row] == pytest.approx(merged.squares, rel=1e-9, abs=1e-9)


def mixed(rng: np.random.Generator, size: int) -> np.ndarray:
    values = rng.standard_t(4, size=size) + rng.normal()
    kind = rng.integers(4)
    if kind == 1:
        values = np.round(values)
    if kind == 2:
        values[rng.random(size) < 0.2] = 0.0
    if kind == 3:
        values[rng.random(size) < 0.1] = rng.choice([NAN, INF, -INF])
    return values


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_ks_bracket_holds_the_exact_distance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference, current = mixed(rng, 600), mixed(rng, 80)
    edges = freeze_edges(mixed(rng, 500))
    stacks = [stack_profiles([profile(one, edges)]) for one in (reference, current)]
    lower, upper = (float(end[0]) for end in ks_bracket(*stacks, atom_bins(edges)))
    exact = ks_statistic(reference, current)
    assert lower - 1e-12 <= exact <= upper + 1e-12


def test_the_ks_bracket_is_narrow_on_its_own_edges() -> None:
    rng = np.random.default_rng(1)
    reference, current = rng.normal(size=11_700), rng.normal(size=390)
    edges = freeze_edges(reference)
    stacks = [stack_profiles([profile(one, edges)]) for one in (reference, current)]
    lower, upper = ks_bracket(*stacks, atom_bins(edges))
    assert upper - lower < 0.03


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_binned_metrics_are_those_of_the_rows(seed: int) -> None:
    """Mean and variance exactly; PSI by its definition on the reference's snapped deciles."""
    rng = np.random.default_rng(seed)
    reference, current = mixed(rng, 900), mixed(rng, 120)
    edges = freeze_edges(reference)
    stacks = [stack_profiles([profile(one, edges)]) for one in (reference, current)]
    psi, _, mean, variance, _ = stack_metrics(*stacks, atom_bins(edges))[0]
    assert mean == pytest.approx(mean_shift(reference, current), rel=1e-7, abs=1e-9)
    assert variance == pytest.approx(variance_shift(reference, current), rel=1e-7, abs=1e-9)
    assert psi == pytest.approx(_snapped_psi(reference, current, edges), rel=1e-9, abs=1e-12)


def _snapped_psi(reference: np.ndarray, current: np.ndarray, edges: tuple[float, ...]) -> float:
    finite = reference[np.isfinite(reference)]
    cuts = []
    for k in range(1, 10):
        reached = [edge for edge in edges if (finite <= edge).sum() * 10 >= k * finite.size]
        cuts += reached[:1]
    for atom in np.unique(finite):
        if (finite == atom).sum() * 10 >= finite.size:
            cuts += [np.nextafter(atom, -np.inf), atom]
    cuts = np.unique(cuts)

    def counts(values: np.ndarray) -> list[int]:
        inner = np.bincount(
            np.searchsorted(cuts, values[np.isfinite(values)]), minlength=len(cuts) + 1
        )
        return [*inner, np.isnan(values).sum(), (values == -INF).sum(), (values == INF).sum()]

    return float(psi_from_counts(counts(reference), counts(current)))


def test_binned_psi_is_near_that_of_the_rows() -> None:
    rng = np.random.default_rng(5)
    reference, current = rng.normal(size=12_800), rng.normal(0.4, 1.2, size=500)
    edges = freeze_edges(reference)
    stacks = [stack_profiles([profile(one, edges)]) for one in (reference, current)]
    binned = stack_metrics(*stacks, atom_bins(edges))[0, 0]
    assert binned == pytest.approx(population_stability_index(reference, current), rel=0.05)
    assert psi_bins(stacks[0], atom_bins(edges))[0] == 10


def test_training_profiles_survive_json_and_keep_their_blocks() -> None:
    rng = np.random.default_rng(2)
    sessions = np.repeat(np.arange(50), 40)
    trained = training_profile(rng.normal(size=2000), sessions, Windows())
    assert (len(trained.null), trained.effective) == (50, 50.0)
    again = TrainingProfile.from_json(json.loads(json.dumps(trained.to_json(), allow_nan=False)))
    assert again == trained
    daily = training_profile(rng.normal(size=600), np.arange(600), Windows(20, 250))
    assert (len(daily.null), daily.effective) == (100, 30.0)


@pytest.mark.parametrize("change", [{"scheme": "x"}, {"null": [[1.0]]}, {"null": [[NAN] * 5]}])
def test_broken_training_profiles_are_refused(change: dict[str, object]) -> None:
    data = training_profile(np.arange(300.0), np.arange(300), Windows(20, 250)).to_json()
    with pytest.raises(InvalidInput):
        TrainingProfile.from_json({**data, **change})


def test_training_rows_must_be_in_order() -> None:
    with pytest.raises(InvalidInput):
        training_profile(np.arange(3.0), np.array([2, 1, 3]), Windows())
