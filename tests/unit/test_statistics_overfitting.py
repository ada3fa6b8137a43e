"""Overfitting: CSCV against a plain computation, combinatorial splits against the definition."""

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.errors import InvalidInput
from tradeworthy.statistics.overfitting import (
    combinatorial_paths,
    combinatorial_purged_splits,
    cscv_logits,
    probability_of_backtest_overfitting,
)

ANSWERS = json.loads((Path(__file__).parents[1] / "answers" / "validation_cpcv.json").read_text())


def plain_pbo(trials: np.ndarray, n_blocks: int) -> float:
    """CSCV read out of the paper, split by split, without ties."""
    blocks = np.array_split(np.asarray(trials).T, n_blocks)
    lower = 0
    combinations = list(itertools.combinations(range(n_blocks), n_blocks // 2))
    for chosen in combinations:
        inside = np.concatenate([blocks[k] for k in chosen])
        outside = np.concatenate([blocks[k] for k in range(n_blocks) if k not in chosen])
        best = np.argmax(inside.mean(0) / inside.std(0, ddof=1))
        sharpes = outside.mean(0) / outside.std(0, ddof=1)
        rank = 1 + np.sum(sharpes < sharpes[best])
        omega = rank / (len(sharpes) + 1)
        lower += math.log(omega / (1 - omega)) <= 0
    return lower / len(combinations)


def noise(seed: int, n_trials: int = 10, n_observations: int = 320) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.01, size=(n_trials, n_observations))


@pytest.mark.parametrize(
    ("seed", "n_trials", "n_observations", "n_blocks"),
    [
        (0, 10, 320, 8),
        (1, 3, 101, 6),
        (2, 30, 67, 10),
        (3, 7, 40, 2),
        (4, 2, 50, 4),
        (5, 20, 999, 12),
    ],
)
def test_agrees_with_the_plain_computation(
    seed: int, n_trials: int, n_observations: int, n_blocks: int
) -> None:
    trials = noise(seed, n_trials, n_observations)
    assert probability_of_backtest_overfitting(trials, n_blocks) == pytest.approx(
        plain_pbo(trials, n_blocks), abs=1e-12
    )


def test_sixteen_blocks_make_12870_splits() -> None:
    logits, weights = cscv_logits(noise(1, 5, 160))
    assert len(logits) == 12_870
    assert weights.sum() == 12_870


def test_noise_is_overfitted_about_half_the_time() -> None:
    values = [probability_of_backtest_overfitting(noise(seed, 20), 8) for seed in range(60)]
    assert 0.42 < np.mean(values) < 0.58


def test_skill_is_not_overfitted() -> None:
    trials = noise(3)
    trials[4] += 0.01
    assert probability_of_backtest_overfitting(trials, 8) == 0.0


def test_a_regime_that_turns_is_overfitted() -> None:
    # Each trial profits in one half of the history and loses as much in the other.
    trials = noise(4, 6, 200) * 0.1
    trials[:3, :100] += 0.01
    trials[:3, 100:] -= 0.01
    trials[3:, :100] -= 0.01
    trials[3:, 100:] += 0.01
    assert probability_of_backtest_overfitting(trials, 2) == 1.0


def test_a_mapping_is_read_like_its_rows() -> None:
    trials = noise(5)
    named = {f"trial {k}": row for k, row in enumerate(trials)}
    assert probability_of_backtest_overfitting(named, 8) == probability_of_backtest_overfitting(
        trials, 8
    )


def test_the_columns_of_a_frame_are_trials() -> None:
    trials = noise(5)
    frame = pl.DataFrame({f"trial {k}": row for k, row in enumerate(trials)})
    expected = probability_of_backtest_overfitting(trials, 8)
    assert probability_of_backtest_overfitting(frame, 8) == expected

    class OtherFrame:  # as those of pandas, which have keys and columns and are no Mapping
        def keys(self) -> list[str]:
            return frame.columns

        def __iter__(self) -> Iterator[str]:
            return iter(frame.columns)

        def __getitem__(self, name: str) -> pl.Series:
            return frame[name]

        def __array__(
            self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
        ) -> np.ndarray:
            return frame.to_numpy()

    assert probability_of_backtest_overfitting(OtherFrame(), 8) == expected


def test_rows_may_be_of_any_kind() -> None:
    trials = noise(5)
    expected = probability_of_backtest_overfitting(trials, 8)
    for rows in (trials.tolist(), [pl.Series(row) for row in trials], tuple(trials)):
        assert probability_of_backtest_overfitting(rows, 8) == expected


def test_more_trials_than_fit_in_one_go_are_judged_alike() -> None:
    trials = noise(8, 3000, 40)
    assert probability_of_backtest_overfitting(trials, 8) == pytest.approx(
        plain_pbo(trials, 8), abs=1e-12
    )


def test_every_half_is_once_in_sample_and_its_logit_stands_in_its_place() -> None:
    trials = noise(9, 4, 48)
    logits, _ = cscv_logits(trials, 6)
    blocks = np.split(trials.T, 6)
    for position, chosen in enumerate(itertools.combinations(range(6), 3)):
        inside = np.concatenate([blocks[k] for k in chosen])
        outside = np.concatenate([blocks[k] for k in range(6) if k not in chosen])
        best = np.argmax(inside.mean(0) / inside.std(0, ddof=1))
        sharpes = outside.mean(0) / outside.std(0, ddof=1)
        omega = (1 + np.sum(sharpes < sharpes[best])) / 5
        assert logits[position] == pytest.approx(math.log(omega / (1 - omega)))


@given(st.integers(0, 1000), st.permutations(range(6)))
@settings(max_examples=25)
def test_the_order_of_trials_does_not_matter(seed: int, order: list[int]) -> None:
    trials = noise(seed, 6, 64)
    trials[5] = trials[2]  # with a tie in it
    trials[1] = 0.0
    one = probability_of_backtest_overfitting(trials, 6)
    assert one == pytest.approx(probability_of_backtest_overfitting(trials[list(order)], 6))


@given(st.integers(0, 1000), st.floats(0.01, 100))
@settings(max_examples=25)
def test_scale_does_not_matter(seed: int, factor: float) -> None:
    trials = noise(seed, 5, 64)
    assert probability_of_backtest_overfitting(
        trials * factor, 4
    ) == probability_of_backtest_overfitting(trials, 4)


def test_copies_of_one_trial_rank_in_the_middle() -> None:
    trials = np.tile(noise(6, 1, 64), (5, 1))
    logits, weights = cscv_logits(trials, 4)
    assert np.allclose(logits, 0.0, atol=1e-12)
    assert weights.sum() == pytest.approx(math.comb(4, 2))
    assert probability_of_backtest_overfitting(trials, 4) == pytest.approx(1.0)


def test_a_riskless_gain_beats_everything_and_a_flat_trial_is_worth_zero() -> None:
    trials = noise(7, 4, 64) - 0.02
    trials[0] = 0.001
    assert probability_of_backtest_overfitting(trials, 4) == 0.0
    trials[0] = 0.0  # losing trials rank below doing nothing
    assert probability_of_backtest_overfitting(trials, 4) == 0.0


def test_trials_that_tie_in_sample_share_the_split() -> None:
    wave = np.array([0.01, -0.01] * 10)
    idle = np.zeros(20)
    trials = [
        np.concatenate([idle, wave + 0.01]),
        np.concatenate([idle, wave - 0.01]),
        np.concatenate([wave - 0.01, wave]),
    ]
    # In one split the two idle trials tie and come out first and last; in the other the first
    # trial wins and shares the upper ranks.
    for order in itertools.permutations(trials):
        logits, weights = cscv_logits(list(order), 2)
        assert sorted(weights.tolist()) == [0.5, 0.5, 1.0]
        assert probability_of_backtest_overfitting(list(order), 2) == 0.25
        assert len(logits) == 3


@pytest.mark.parametrize(
    ("trials", "n_blocks"),
    [
        ([[0.1, math.nan, 0.1, 0.2], [0.1, 0.2, 0.3, 0.1]], 2),
        ([[0.1, 0.2, 0.1, 0.2]], 2),
        ({"a": [0.1] * 8, "b": [0.1] * 9}, 2),
        ([[0.1] * 8, [0.1] * 9], 2),
        ([["x"] * 8, ["y"] * 8], 2),
        (np.zeros((2, 8, 8)), 2),
        ([0.1, 0.2, 0.3, 0.4], 2),
        (None, 2),
        (noise(0), 4.5),
        (noise(0), math.nan),
        (noise(0), 3),
        (noise(0), 0),
        (noise(0), 30),
        (noise(0, 10, 20), 16),
    ],
)
def test_what_cannot_be_judged_is_refused(trials: object, n_blocks: float) -> None:
    with pytest.raises(InvalidInput):
        probability_of_backtest_overfitting(trials, n_blocks)


@pytest.mark.parametrize("case", ANSWERS["cases"], ids=lambda case: str(case["arguments"]))
def test_splits_agree_with_skfolio(case: dict[str, Any]) -> None:
    splits = combinatorial_purged_splits(**case["arguments"])
    assert [split.train.tolist() for split in splits] == case["train"]
    assert [split.test.tolist() for split in splits] == case["test"]


def test_six_groups_by_two_make_15_splits_and_5_paths() -> None:
    assert len(combinatorial_purged_splits(600, 6, 2, 5, 10)) == 15
    assert len(combinatorial_paths(6, 2)) == 5


sizes = st.tuples(st.integers(2, 7), st.integers(1, 6)).filter(lambda pair: pair[1] < pair[0])


@given(sizes, st.integers(70, 100), st.integers(0, 3), st.integers(0, 3))
def test_training_keeps_its_distance(
    size: tuple[int, int], n_observations: int, purge: int, embargo: int
) -> None:
    # A group has 10 observations at least, and loses 3 + 3 + 3 of them at most.
    n_groups, n_test = size
    splits = combinatorial_purged_splits(n_observations, n_groups, n_test, purge, embargo)
    assert len(splits) == math.comb(n_groups, n_test)
    counted = np.zeros(n_observations, dtype=int)
    for split in splits:
        counted[split.test] += 1
        assert not set(split.train) & set(split.test)
        for train in split.train:
            later, earlier = split.test[split.test > train], split.test[split.test < train]
            assert not later.size or later[0] - train > purge
            assert not earlier.size or train - earlier[-1] > purge + embargo
    assert set(counted) == {math.comb(n_groups - 1, n_test - 1)}


@given(sizes)
def test_every_path_covers_every_group_and_uses_each_test_once(size: tuple[int, int]) -> None:
    n_groups, n_test = size
    paths = combinatorial_paths(n_groups, n_test)
    assert len(paths) == math.comb(n_groups, n_test) * n_test // n_groups
    chosen = list(itertools.combinations(range(n_groups), n_test))
    used = [(group, position) for path in paths for group, position in enumerate(path)]
    assert len(set(used)) == len(used) == len(chosen) * n_test
    assert all(group in chosen[position] for group, position in used)


@pytest.mark.parametrize(
    "arguments",
    [(10, 6, 6), (10, 6, 0), (5, 6, 2), (10, 6, 2, -1), (10, 6, 2, 0, -1), (12, 6, 5, 9)],
)
def test_impossible_splits_are_refused(arguments: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput):
        combinatorial_purged_splits(*arguments)


def test_impossible_paths_are_refused() -> None:
    with pytest.raises(InvalidInput):
        combinatorial_paths(3, 3)
