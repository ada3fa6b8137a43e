"""Was the winner of a search overfitted? CSCV and combinatorial purged splits.

The probability of backtest overfitting (Bailey, Borwein, Lopez de Prado and Zhu 2017) cuts the
history into S blocks and, over every way of taking half of them as in-sample, asks how the
in-sample winner ranks in the other half. Sums over blocks make the Sharpe ratios of all
C(S, S/2) halves cheap: no return is read twice.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tradeworthy.errors import InvalidInput
from tradeworthy.statistics.return_series import FloatArray, checked_returns

if TYPE_CHECKING:
    import polars as pl

ReturnsByTrial: TypeAlias = "npt.ArrayLike | Mapping[str, npt.ArrayLike] | pl.DataFrame"

_MOST_BLOCKS = 20  # 184,756 splits
_BLOCK_CELLS = 1 << 17  # Sharpe ratios in memory at a time
_NOISE = 1e-12
_FLAT = 1e-7  # of the largest return; the root of what the sums of squares can resolve


def _trial_matrix(returns_by_trial: ReturnsByTrial, n_blocks: int) -> FloatArray:
    """Return the trials as a checked matrix of shape (T, N)."""
    trials = [checked_returns(returns) for returns in _each_trial(returns_by_trial)]
    if len(trials) < 2:
        raise InvalidInput("overfitting shows only among at least 2 trials")
    if len({trial.size for trial in trials}) != 1:
        raise InvalidInput("all trials must cover the same observations; align them first")
    if n_blocks < 2 or n_blocks % 2 or not n_blocks <= _MOST_BLOCKS:
        raise InvalidInput(f"n_blocks must be an even number from 2 to {_MOST_BLOCKS}")
    if trials[0].size < 2 * n_blocks:
        raise InvalidInput(
            f"{trials[0].size} observations are too few for {n_blocks} blocks of 2; "
            "rows are trials and columns observations"
        )
    return np.ascontiguousarray(np.column_stack(trials))


def _each_trial(returns_by_trial: Any) -> list[Any]:
    """Return the values of a mapping, the columns of a data frame, or the rows of an array.

    Frames are recognised by what they have: a gate that ranks trials imports no frame library for
    it. A frame of pandas has keys and is no mapping.
    """
    if hasattr(returns_by_trial, "get_columns"):
        return list(returns_by_trial.get_columns())
    if hasattr(returns_by_trial, "keys"):
        return [returns_by_trial[name] for name in returns_by_trial]
    try:
        return list(returns_by_trial)
    except TypeError as error:
        raise InvalidInput("trials must be rows of returns, or returns by the trial's name") from (
            error
        )


def _sharpe_of_sums(
    count: FloatArray, total: FloatArray, squares: FloatArray, centre: FloatArray, scale: FloatArray
) -> FloatArray:
    """Sharpe ratios from sums of centred returns; a flat trial gets 0, a riskless one infinity."""
    mean = centre + total / count
    variance = np.maximum((squares - total * total / count) / (count - 1.0), 0.0)
    flat = variance <= (_FLAT * scale) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = mean / np.sqrt(variance)
    riskless = np.where(np.abs(mean) <= _NOISE * scale, 0.0, np.copysign(np.inf, mean))
    return np.where(flat, riskless, ratio)


def _half_sums(blocks: FloatArray, halves: npt.NDArray[np.intp]) -> FloatArray:
    """Sum ``blocks`` over each half, block by block.

    Element-wise additions in a fixed order: equal columns give equal sums, on any machine.
    """
    sums = np.zeros((halves.shape[0], blocks.shape[1]))
    for column in halves.T:
        sums += blocks[column]
    return sums


def _winner_logits(inside: FloatArray, outside: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Logit of the in-sample winner's relative rank out of sample, with its weight, per split.

    Trials that tie in sample share the split's weight; ties out of sample share their mean rank.
    """
    wins = inside == inside.max(axis=1, keepdims=True)
    n_winners = wins.sum(axis=1)
    picked = outside[np.arange(len(wins)), wins.argmax(axis=1)][:, None]
    rank = (outside < picked).sum(axis=1) + ((outside == picked).sum(axis=1) + 1) / 2
    ranks = np.repeat(rank, n_winners)
    ends = np.cumsum(n_winners)
    for split in np.flatnonzero(n_winners > 1):
        ordered, tied = np.sort(outside[split]), outside[split, wins[split]]
        below, up_to = np.searchsorted(ordered, tied), np.searchsorted(ordered, tied, "right")
        ranks[ends[split] - n_winners[split] : ends[split]] = (below + up_to + 1) / 2
    omega = ranks / (inside.shape[1] + 1)
    return np.log(omega / (1.0 - omega)), np.repeat(1.0 / n_winners, n_winners)


def cscv_logits(
    returns_by_trial: ReturnsByTrial, n_blocks: int = 16
) -> tuple[FloatArray, FloatArray]:
    """Logits of the in-sample winners' relative rank out of sample, and their weights.

    One logit per split, unless trials tie for the win: then each of them has a logit, and they
    share the split's weight. The weights sum to the number of splits, ``C(S, S/2)``.

    Parameters
    ----------
    returns_by_trial, n_blocks
        As in `probability_of_backtest_overfitting`.

    Examples
    --------
    >>> logits, weights = cscv_logits([[0.01, 0.02, 0.03, 0.01], [0.0, 0.01, 0.0, 0.01]], 2)
    >>> len(logits), float(weights.sum())
    (2, 2.0)
    """
    matrix = _trial_matrix(returns_by_trial, n_blocks)
    sharpes_of = _sharpes_of_halves(matrix, n_blocks)
    halves = np.array(list(itertools.combinations(range(n_blocks), n_blocks // 2)), dtype=np.intp)
    # itertools lists the complement of the k-th half as the k-th from the end, so each pair of
    # halves serves twice. Few pairs at a time, because thousands of trials would fill the memory.
    n_pairs = len(halves) // 2
    step = max(_BLOCK_CELLS // matrix.shape[1], 1)
    front, back = [], []
    for start in range(0, n_pairs, step):
        pairs = slice(start, min(start + step, n_pairs))
        one, other = sharpes_of(halves[pairs]), sharpes_of(halves[::-1][pairs])
        front.append(_winner_logits(one, other))
        back.append(tuple(array[::-1] for array in _winner_logits(other, one)))
    logits, weights = zip(*front, *back[::-1], strict=True)
    return np.concatenate(logits), np.concatenate(weights)


def _sharpes_of_halves(
    matrix: FloatArray, n_blocks: int
) -> Callable[[npt.NDArray[np.intp]], FloatArray]:
    """Return what gives the Sharpe ratio of every trial over each half, from sums over blocks."""
    centre = matrix.mean(axis=0)
    scale = np.maximum(np.abs(matrix).max(axis=0), 1e-300)
    matrix = matrix - centre
    size, extra = divmod(len(matrix), n_blocks)
    starts = np.cumsum([0] + [size + (block < extra) for block in range(n_blocks - 1)])
    lengths = np.diff(np.append(starts, len(matrix))).astype(np.float64)[:, None]
    sums = np.add.reduceat(matrix, starts, axis=0)
    squares = np.add.reduceat(matrix * matrix, starts, axis=0)

    def sharpes(halves: npt.NDArray[np.intp]) -> FloatArray:
        count, total, total_of_squares = (
            _half_sums(blocks, halves) for blocks in (lengths, sums, squares)
        )
        return _sharpe_of_sums(count, total, total_of_squares, centre, scale)

    return sharpes


def probability_of_backtest_overfitting(
    returns_by_trial: ReturnsByTrial, n_blocks: int = 16
) -> float:
    """Share of the splits in which the in-sample winner ranks in the lower half out of sample.

    Combinatorially symmetric cross-validation with the Sharpe ratio as the figure of merit:
    ``omega = rank / (N + 1)``, and the share of ``ln(omega / (1 - omega)) <= 0``.

    Parameters
    ----------
    returns_by_trial
        Simple returns per period: a row for each trial, a column for each observation, shape
        (N, T); or a mapping from a trial's name to its T returns; or a data frame, whose columns
        are the trials. At least 2 trials.
    n_blocks
        Blocks of consecutive observations (S), even, 2 to 20. When S does not divide T nothing
        is dropped: the first T mod S blocks hold one observation more than the others.

    Returns
    -------
    float
        In [0, 1]. Around one half for trials without skill, near 0 when one trial is truly
        better. Trials that tie in sample share the split; ties out of sample share their rank.

    Raises
    ------
    InvalidInput
        For NaN, fewer than 2 trials, unequal lengths or fewer than 2 observations a block.

    References
    ----------
    Bailey, Borwein, Lopez de Prado and Zhu, "The Probability of Backtest Overfitting" (2017),
    Journal of Computational Finance 20(4).

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(0.0, 0.01, size=(10, 320))
    >>> skilled = noise.copy()
    >>> skilled[3] += 0.01
    >>> probability_of_backtest_overfitting(skilled, n_blocks=8)
    0.0
    """
    logits, weights = cscv_logits(returns_by_trial, n_blocks)
    # The logit of a rank in the exact middle is 0 up to rounding, and counts.
    return math.fsum(weights[logits <= _NOISE]) / math.comb(n_blocks, n_blocks // 2)


@dataclass(frozen=True, slots=True, eq=False)
class PurgedSplit:
    """Observations of one combinatorial split.

    Attributes
    ----------
    train, test
        Sorted indices of observations; disjoint.
    test_groups
        The groups that ``test`` consists of, ascending.
    """

    train: npt.NDArray[np.intp]
    test: npt.NDArray[np.intp]
    test_groups: tuple[int, ...]


def combinatorial_purged_splits(
    n_observations: int, n_groups: int, n_test_groups: int, purge: int = 0, embargo: int = 0
) -> tuple[PurgedSplit, ...]:
    """Every choice of test groups, with the training observations that leak nothing into them.

    The observations are cut into ``n_groups`` consecutive groups (the first T mod n_groups of
    them one longer). From the training set are removed the ``purge`` observations before each
    run of test groups and the ``purge + embargo`` after it.

    Parameters
    ----------
    n_observations
        T, at least ``n_groups``.
    n_groups, n_test_groups
        n and k, with ``1 <= k < n``.
    purge
        Label horizon in observations: a label may reach that far beyond its observation.
    embargo
        Feature memory in observations: how far back a feature looks.

    Returns
    -------
    tuple of PurgedSplit
        ``C(n, k)`` of them, in lexicographic order of the test groups.

    Raises
    ------
    InvalidInput
        If the numbers are out of range or a split would have nothing left to train on.

    References
    ----------
    Lopez de Prado, "Advances in Financial Machine Learning" (2018), chapters 7 and 12.

    Examples
    --------
    >>> splits = combinatorial_purged_splits(60, 6, 2, purge=1, embargo=2)
    >>> len(splits), splits[0].test_groups, splits[0].train[:2].tolist()
    (15, (0, 1), [23, 24])
    """
    if not 1 <= n_test_groups < n_groups <= n_observations or min(purge, embargo) < 0:
        raise InvalidInput(
            "need 1 <= n_test_groups < n_groups <= n_observations, and no negative purge or embargo"
        )
    size, extra = divmod(n_observations, n_groups)
    bounds = [group * size + min(group, extra) for group in range(n_groups + 1)]
    splits = []
    for chosen in itertools.combinations(range(n_groups), n_test_groups):
        tested = np.zeros(n_observations, dtype=np.bool_)
        barred = np.zeros(n_observations, dtype=np.bool_)
        for group in chosen:
            tested[bounds[group] : bounds[group + 1]] = True
            barred[max(bounds[group] - purge, 0) : bounds[group + 1] + purge + embargo] = True
        train = np.flatnonzero(~(tested | barred))
        if not train.size:
            raise InvalidInput("purge and embargo leave nothing to train on; use fewer groups")
        splits.append(PurgedSplit(train, np.flatnonzero(tested), chosen))
    return tuple(splits)


def combinatorial_paths(n_groups: int, n_test_groups: int) -> tuple[tuple[int, ...], ...]:
    """Assemble the splits into backtest paths that each cover the whole history once.

    Returns
    -------
    tuple of tuple of int
        ``C(n, k) k / n`` paths; entry g of a path is the position, in the order of
        `combinatorial_purged_splits`, of the split whose test of group g the path uses.

    Examples
    --------
    >>> paths = combinatorial_paths(6, 2)
    >>> len(paths), paths[0]
    (5, (0, 0, 1, 2, 3, 4))
    """
    if not 1 <= n_test_groups < n_groups:
        raise InvalidInput("need 1 <= n_test_groups < n_groups")
    tests: list[list[int]] = [[] for _ in range(n_groups)]
    for position, chosen in enumerate(itertools.combinations(range(n_groups), n_test_groups)):
        for group in chosen:
            tests[group].append(position)
    return tuple(zip(*tests, strict=True))
