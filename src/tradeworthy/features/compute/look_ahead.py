"""The look-ahead test: whether a feature at a time depends on anything after it.

Each of the four tests alone is blind somewhere, so all are run on the values, not on trades:

truncate
    Values must stay when later bars are removed.
perturb
    Values must stay when later bars are changed.
intervene
    One bar is changed; the earliest value that moves tells how far a feature sees ahead.
drop history
    Early bars are removed; how soon the values agree again tells the true lookback.

A feature that never has a value was not tested and fails. With several symbols, their order must
not matter either. Labels are exempt by declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from tradeworthy.errors import InvalidInput

Compute = Callable[[pl.DataFrame], pl.DataFrame]
"""Bars in, feature table out: one row a bar, in order, the key columns and the features."""

_MIN_BARS = 20
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class FeatureLookAhead:
    """What the tests found for one feature.

    Attributes
    ----------
    passed
        Whether every test passed.
    steps_ahead
        Bars into the future that the feature sees, 0 for none; the most that was observed.
    lookback
        Bars before the current one that the value depends on; None if longer than the data.
    tests
        Test name to whether it passed.
    """

    passed: bool
    steps_ahead: int
    lookback: int | None
    tests: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class LookAheadReport:
    """The result for every feature."""

    features: Mapping[str, FeatureLookAhead]
    bars: int
    seed: int

    @property
    def passed(self) -> bool:
        """Whether there are features, and all passed."""
        return bool(self.features) and all(each.passed for each in self.features.values())

    def to_json(self) -> dict[str, object]:
        """Give the JSON form."""
        return {
            "passed": self.passed,
            "bars": self.bars,
            "seed": self.seed,
            "features": {
                name: {
                    "passed": each.passed,
                    "steps_ahead": each.steps_ahead,
                    "lookback": each.lookback,
                    "tests": dict(each.tests),
                }
                for name, each in self.features.items()
            },
        }


def look_ahead_report(
    compute: Compute,
    bars: pl.DataFrame,
    features: Sequence[str],
    *,
    time: str = "date",
    entity: str | None = None,
    labels: Sequence[str] = (),
    declared_lookback: Mapping[str, int] | None = None,
    probes: int = 12,
    seed: int = 0,
) -> LookAheadReport:
    """Test whether features look ahead, in every way that finds it.

    Parameters
    ----------
    compute
        The features as a function of bars.
    bars
        At least 20 bars a series, in time order.
    features
        Columns of the result to test.
    time, entity
        Key columns.
    labels
        Features that may look ahead.
    declared_lookback
        Lookbacks that must not be exceeded.
    probes
        Moments tested; they are spread over the bars, jittered by ``seed``.
    seed
        Makes the perturbations repeatable.

    Raises
    ------
    InvalidInput
        For too few bars, no features, or a table that does not fit the bars.

    Examples
    --------
    >>> bars = pl.DataFrame({"date": range(60), "close": [float(i % 7) for i in range(60)]})
    >>> def peek(bars):
    ...     return bars.select("date", next=pl.col("close").shift(-2))
    >>> report = look_ahead_report(peek, bars, ["next"])
    >>> report.passed, report.features["next"].steps_ahead
    (False, 2)
    """
    series = _Series(compute, bars, tuple(features), time, entity)
    series.check(probes)
    moments = _moments(series.times, probes, seed)
    outcome = {name: _Outcome() for name in features}
    for moment in moments:
        _test_truncation(series, moment, outcome)
        _test_future(series, moment, seed, outcome)
        _test_intervention(series, moment, seed, outcome)
    lookbacks = _lookbacks(series, outcome)
    if entity is not None:
        _test_shuffled(series, seed, outcome)
    declared = declared_lookback or {}
    return LookAheadReport(
        {
            name: _finding(outcome[name], lookbacks[name], declared.get(name), name in labels)
            for name in features
        },
        bars.height,
        seed,
    )


class _Outcome:
    """What was seen for one feature so far."""

    def __init__(self) -> None:
        self.tests: dict[str, bool] = {}
        self.steps_ahead = 0

    def note(self, test: str, *, passed: bool) -> None:
        self.tests[test] = self.tests.get(test, True) and passed


@dataclass(frozen=True, slots=True)
class _Series:
    compute: Compute
    bars: pl.DataFrame
    features: tuple[str, ...]
    time: str
    entity: str | None
    _full: list[pl.DataFrame] = field(default_factory=list)

    @property
    def full(self) -> pl.DataFrame:
        """The features over all bars, computed once."""
        if not self._full:
            self._full.append(self.values(self.bars))
        return self._full[0]

    @property
    def times(self) -> pl.Series:
        """Distinct times in order."""
        return self.bars[self.time].unique().sort()

    @property
    def keys(self) -> list[str]:
        return [self.time] if self.entity is None else [self.time, self.entity]

    def values(self, bars: pl.DataFrame) -> pl.DataFrame:
        """Compute the features and check the shape of the result."""
        table = self.compute(bars)
        missing = [name for name in [*self.keys, *self.features] if name not in table.columns]
        if missing or table.height != bars.height:
            raise InvalidInput(
                f"the computed table has {table.height} rows for {bars.height} bars"
                + (f" and lacks {', '.join(missing)}" if missing else "")
            )
        return table

    def check(self, probes: int) -> None:
        if not self.features:
            raise InvalidInput("name at least one feature to test")
        if probes < 1:
            raise InvalidInput("probes must be at least 1")
        for name in self.keys:
            if name not in self.bars.columns:
                raise InvalidInput(f"the bars have no column {name!r}")
        if len(self.times) < _MIN_BARS:
            raise InvalidInput(
                f"{len(self.times)} bars are too few to test for look-ahead; give at least "
                f"{_MIN_BARS}"
            )
        if self.bars.select(self.keys).is_duplicated().any():
            raise InvalidInput("the bars hold a time twice; a look-ahead test needs a total order")


def _moments(times: pl.Series, probes: int, seed: int) -> list[int]:
    """Choose positions in the middle of the bars, spread evenly and jittered."""
    generator = np.random.default_rng(seed)
    low, high = len(times) // 4, len(times) - 2
    grid = np.linspace(low, high, probes)
    jitter = generator.uniform(-0.5, 0.5, probes) * (high - low) / max(probes, 1)
    return sorted({int(each) for each in np.clip(np.rint(grid + jitter), low, high)})


def _test_truncation(series: _Series, moment: int, outcome: Mapping[str, _Outcome]) -> None:
    """Remove the bars after a moment."""
    cut = pl.col(series.time) <= series.times[moment]
    known = series.bars.filter(cut)
    full = series.full.filter(cut)
    _note_equal("truncate", full, series.values(known), series, outcome)


def _test_future(series: _Series, moment: int, seed: int, outcome: Mapping[str, _Outcome]) -> None:
    """Change every bar after a moment."""
    later = series.bars[series.time] > series.times[moment]
    changed = series.values(_perturbed(series, later, seed + moment))
    cut = pl.col(series.time) <= series.times[moment]
    full = series.full
    _note_equal("perturb", full.filter(cut), changed.filter(cut), series, outcome)


def _test_intervention(
    series: _Series, moment: int, seed: int, outcome: Mapping[str, _Outcome]
) -> None:
    """Change the bars of one moment and look for the earliest value that moves."""
    only = series.bars[series.time] == series.times[moment]
    changed = series.values(_perturbed(series, only, seed + moment))
    full = series.full
    position = {value: number for number, value in enumerate(series.times.to_list())}
    for name in series.features:
        moved = full.filter(_differs(full[name], changed[name]))[series.time].to_list()
        ahead = max([moment - position[each] for each in moved], default=0)
        outcome[name].steps_ahead = max(outcome[name].steps_ahead, ahead)
        outcome[name].note("intervene", passed=ahead <= 0)


def _test_shuffled(series: _Series, seed: int, outcome: Mapping[str, _Outcome]) -> None:
    """Change the order of the symbols; each keeps its time order."""
    generator = np.random.default_rng(seed)
    entity = str(series.entity)
    names = series.bars[entity].unique(maintain_order=True).to_list()
    order = [names[each] for each in generator.permutation(len(names))]
    shuffled = pl.concat([series.bars.filter(pl.col(entity) == name) for name in order])
    first = series.full.sort(series.keys)
    second = series.values(shuffled).sort(series.keys)
    _note_equal("shuffle", first, second, series, outcome)


def _lookbacks(series: _Series, outcome: Mapping[str, _Outcome]) -> dict[str, int | None]:
    """Drop early bars and count the bars until the values agree for good."""
    times = series.times
    position = {value: number for number, value in enumerate(times.to_list())}
    full = series.full
    found: dict[str, int | None] = dict.fromkeys(series.features, 0)
    for start in sorted({len(times) // 4, len(times) // 3}):
        kept = pl.col(series.time) >= times[start]
        late = series.values(series.bars.filter(kept))
        early = full.filter(kept)
        for name in series.features:
            moved = early.filter(_differs(early[name], late[name]))[series.time]
            last = moved.max()
            after = 0 if last is None else position[last] - start + 1
            known = found[name]
            is_unbounded = known is None or after >= len(times) - start
            found[name] = None if is_unbounded or known is None else max(known, after)
    for name in series.features:
        values = full[name].cast(pl.Float64).fill_null(np.nan)
        outcome[name].note("has_values", passed=bool(values.is_finite().any()))
    return found


def _perturbed(series: _Series, rows: pl.Series, seed: int) -> pl.DataFrame:
    """Change the numbers of some rows by 5 to 20 percent either way, and zeros too."""
    generator = np.random.default_rng(seed)
    columns = []
    for name, dtype in series.bars.schema.items():
        if name in series.keys or not dtype.is_numeric():
            continue
        size = series.bars.height
        signs = generator.choice([-1.0, 1.0], size)
        factor = pl.Series(1.0 + signs * generator.uniform(0.05, 0.2, size))
        moved = series.bars[name].cast(pl.Float64) * factor + 1e-3
        if dtype.is_integer():
            moved = moved.ceil() + 1
        mixed = pl.select(pl.when(rows).then(moved.cast(dtype)).otherwise(series.bars[name]))
        columns.append(mixed.to_series().alias(name))
    return series.bars.with_columns(columns)


def _note_equal(
    test: str,
    left: pl.DataFrame,
    right: pl.DataFrame,
    series: _Series,
    outcome: Mapping[str, _Outcome],
) -> None:
    for name in series.features:
        same = left.height == right.height and not _differs(left[name], right[name]).any()
        outcome[name].note(test, passed=same)


def _differs(left: pl.Series, right: pl.Series) -> pl.Series:
    """Compare values; two that are both missing agree, a missing one and a number differ."""
    a = left.cast(pl.Float64).fill_null(np.nan).to_numpy()
    b = right.cast(pl.Float64).fill_null(np.nan).to_numpy()
    known = np.abs(a[np.isfinite(a)])
    usual = float(np.median(known)) if known.size else 0.0
    with np.errstate(invalid="ignore"):
        near = np.abs(a - b) <= _TOLERANCE * np.maximum(usual, np.maximum(np.abs(a), np.abs(b)))
    same = near | (a == b) | (np.isnan(a) & np.isnan(b))
    return pl.Series(~same)


def _finding(
    outcome: _Outcome, lookback: int | None, declared: int | None, is_label: bool
) -> FeatureLookAhead:
    tests = dict(outcome.tests)
    if declared is not None:
        tests["drop_history"] = lookback is not None and lookback <= declared
    return FeatureLookAhead(
        passed=is_label or all(tests.values()),
        steps_ahead=outcome.steps_ahead,
        lookback=lookback,
        tests=tests,
    )
