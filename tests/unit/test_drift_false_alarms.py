"""How often a scan flags series without drift, and how often it finds stated shifts.

Every series is independent of the others and scanned once, so that counts are binomial and the
intervals printed (Clopper-Pearson, 99%) are exact. The short form runs a few seeds; the long form
is marked acceptance and prints its figures.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import binomtest

from tradeworthy.drift.calibration.drift_calibration import Windows
from tradeworthy.drift.drift_detection import Severity
from tradeworthy.drift.scan.drift_scan import Rows, scan_features

SLOT = "2026-01-05T10:00:00Z"
INTRADAY = Windows()
DAILY = Windows(current_sessions=20, reference_sessions=250)
PROCESSES = ("iid", "ar_0.9", "ar_0.99", "garch", "t3")
pytestmark = pytest.mark.slow


def draw(process: str, series: int, length: int, seed: int) -> np.ndarray:
    """Return stationary series, shape (series, length), after a burn-in of 1,000."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(series, length + 1000))
    if process.startswith("ar_"):
        noise = lfilter([1.0], [1.0, -float(process[3:])], noise, axis=1)
    if process == "t3":
        noise = rng.standard_t(3, size=noise.shape)
    if process == "garch":
        variance = np.ones(series)
        for t in range(noise.shape[1]):
            noise[:, t] *= np.sqrt(variance)
            variance = 0.01 + 0.05 * noise[:, t] ** 2 + 0.94 * variance
    return noise[:, 1000:]


def ranks(values: np.ndarray, rows: int, windows: Windows) -> np.ndarray:
    sessions = np.arange(values.shape[1]) // rows
    reports = (
        scan_features(
            Rows({"x": one}, sessions),
            model="m",
            version=1,
            slot=SLOT,
            importances=["x"],
            windows=windows,
        )
        for one in values
    )
    return np.array([-1 if r.severity is None else r.severity.rank for r in reports])


def interval(name: str, hits: int, trials: int) -> tuple[float, float]:
    bounds = binomtest(hits, trials).proportion_ci(0.99)
    print(
        f"{name}: {hits}/{trials} = {hits / trials:.4f}, 99% [{bounds.low:.4f}, {bounds.high:.4f}]"
    )
    return bounds.low, bounds.high


def check_quiet(
    process: str,
    rows: int,
    windows: Windows,
    sessions: int,
    series: int,
    seed: int,
    nominal: tuple[float, float],
) -> None:
    found = ranks(draw(process, series, rows * sessions, seed), rows, windows)
    assert (found >= 0).all()
    name = f"{process} rows={rows} sessions={sessions} seed={seed}"
    for level, most in zip((Severity.MODERATE, Severity.SEVERE), nominal, strict=True):
        hits = int((found >= level.rank).sum())
        low, _ = interval(f"{name} {level.value}+", hits, series)
        assert low <= most


# Sessions decide the method: 281 intraday and 1,290 daily ones are ranked by replay (nominal 5%
# and 1%); 31 and 270 are a cold start, where SEVERE is kept for shifts beyond the history. Daily
# windows overlap, 12 to 50 of them are independent, and MODERATE runs above its nominal rate.
GEOMETRIES = {
    "intraday replay": (24, INTRADAY, 281, (0.05, 0.01)),
    "intraday cold start": (24, INTRADAY, 31, (0.05, 0.01)),
    "daily replay": (1, DAILY, 1290, (0.08, 0.02)),
    "daily cold start": (1, DAILY, 270, (0.15, 0.01)),
}


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("name", ["intraday replay", "intraday cold start", "daily cold start"])
def test_stationary_series_are_quiet(process: str, name: str) -> None:
    rows, windows, sessions, nominal = GEOMETRIES[name]
    check_quiet(process, rows, windows, sessions, 40, 11, nominal)


@pytest.mark.parametrize("process", ["iid", "ar_0.9", "rare"])
def test_the_first_week_is_quiet_too(process: str) -> None:
    """Five sessions make five blocks; formulas for independent rows alone flag 4 of 5 series."""
    series, rows, sessions = 60, 48, 6
    if process == "rare":
        values = np.random.default_rng(17).random((series, rows * sessions)) < 0.01
        values = values.astype(float)
    else:
        values = draw(process, series, rows * sessions, 17)
    found = ranks(values, rows, INTRADAY)
    assert (found >= 0).all()
    low, _ = interval(f"first week {process} MODERATE+", int((found >= 1).sum()), series)
    assert low <= 0.10


@pytest.mark.parametrize("process", ["iid", "ar_0.9"])
def test_large_shifts_are_found_in_the_first_week(process: str) -> None:
    series, rows, sessions = 40, 48, 6
    values = draw(process, series, rows * sessions, 18)
    values[:, -rows:] += 4.0 * values.std()
    found = ranks(values, rows, INTRADAY)
    _, high = interval(f"first week {process} mean_4", int((found == 1).sum()), series)
    assert high >= 0.95
    assert (found < 2).all()  # SEVERE is kept for longer histories


@pytest.mark.acceptance
@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("name", list(GEOMETRIES))
def test_stationary_series_are_quiet_over_many_seeds(process: str, name: str) -> None:
    rows, windows, sessions, nominal = GEOMETRIES[name]
    series = 300 if name == "daily replay" else 1000
    check_quiet(process, rows, windows, sessions, series, 20260105, nominal)


def shifted(process: str, change: str, series: int, rows: int, sessions: int) -> np.ndarray:
    values = draw(process, series, rows * sessions, 5)
    values /= values.std()
    if change.startswith("mean"):
        values[:, -rows:] += float(change[5:])
    else:
        values[:, -rows:] *= np.sqrt(float(change[9:]))
    return values


# Least shares found at MODERATE or worse, and at SEVERE, in the first session of 390 bars.
POWER = [
    ("iid", "mean_0.5", 1.0, 0.0),
    ("iid", "mean_1.0", 1.0, 1.0),
    ("iid", "variance_2.0", 1.0, 0.9),
    ("t3", "mean_0.5", 0.95, 0.0),
    ("garch", "mean_0.5", 0.9, 0.0),
    ("garch", "mean_1.0", 0.95, 0.9),
    # 390 bars of AR(.9) hold about 20 independent ones: half a deviation is 2.2 standard errors.
    ("ar_0.9", "mean_0.5", 0.3, 0.0),
    ("ar_0.9", "mean_1.0", 0.9, 0.4),
    ("ar_0.9", "variance_2.0", 0.45, 0.1),
]


def check_power(
    process: str, change: str, least: tuple[float, float], series: int, sessions: int
) -> None:
    found = ranks(shifted(process, change, series, 390, sessions), 390, INTRADAY)
    for level, share in zip((Severity.MODERATE, Severity.SEVERE), least, strict=True):
        hits = int((found >= level.rank).sum())
        _, high = interval(f"power {process} {change} {level.value}+", hits, series)
        assert high >= share


@pytest.mark.parametrize(("process", "change", "moderate", "severe"), POWER[:3])
def test_stated_shifts_are_found(process: str, change: str, moderate: float, severe: float) -> None:
    check_power(process, change, (moderate, severe), 6, 281)


@pytest.mark.acceptance
@pytest.mark.parametrize(("process", "change", "moderate", "severe"), POWER)
def test_stated_shifts_are_found_over_many_seeds(
    process: str, change: str, moderate: float, severe: float
) -> None:
    check_power(process, change, (moderate, severe), 60, 281)


@pytest.mark.acceptance
@pytest.mark.parametrize("process", ["iid", "ar_0.9", "garch"])
def test_a_lasting_shift_is_found_within_five_sessions(process: str) -> None:
    series = 40
    values = draw(process, series, 390 * 285, 6)
    values /= values.std()
    values[:, -5 * 390 :] += 0.5
    found = np.zeros(series, dtype=int)
    for left in range(4, -1, -1):
        seen = values[:, : values.shape[1] - left * 390]
        found = np.maximum(found, ranks(seen, 390, INTRADAY))
    hits = int((found >= 1).sum())
    _, high = interval(f"within 5 sessions {process} mean_0.5 MODERATE+", hits, series)
    assert high >= 0.9


def many_features(series: int, features: int, moved: int, seed: int) -> list[Severity | None]:
    """Scan models of correlated features (.3), ``moved`` of which shift by .75 sd."""
    verdicts = []
    sessions = np.repeat(np.arange(281), 24)
    for model in range(series):
        rng = np.random.default_rng([seed, model])
        common = rng.normal(size=sessions.size)
        own = rng.normal(size=(features, sessions.size))
        values = np.sqrt(0.3) * common + np.sqrt(0.7) * own
        values[:moved, -24:] += 0.75
        report = scan_features(
            Rows({f"x{i:03d}": column for i, column in enumerate(values)}, sessions),
            model="m",
            version=1,
            slot=SLOT,
            importances=[f"x{i:03d}" for i in range(features)],
        )
        verdicts.append(report.severity)
    return verdicts


@pytest.mark.acceptance
def test_a_model_of_many_features_is_not_flagged_for_its_size() -> None:
    quiet = many_features(100, 50, 0, 3)
    low, _ = interval("50 features, none moved, SEVERE", quiet.count(Severity.SEVERE), 100)
    assert low <= 0.10
    moved = many_features(20, 50, 15, 4)
    flagged = sum(one is not Severity.NORMAL for one in moved)
    _, high = interval("50 features, 15 moved .75 sd, MODERATE+", flagged, 20)
    assert high >= 0.9
