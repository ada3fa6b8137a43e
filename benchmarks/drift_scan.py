"""Speed of a drift scan against scipy's Kolmogorov-Smirnov test and a numpy PSI on the same rows.

Each model has F features, 390 current rows and a reference of 30 sessions of 390 rows. Three ways
to scan all features, alternating in one run:

- ``scipy from rows``: ``scipy.stats.ks_2samp`` and a PSI on ``numpy.quantile`` deciles;
- ``from rows``: profile every row again, all five metrics, calibrated on the reference's blocks;
- ``new rows only``: profile 390 new rows per feature; the reference profile and the metrics of the
  last 250 scans are stored; all five metrics and their rank.

Run: ``python benchmarks/drift_scan.py [features]``
"""

from __future__ import annotations

import sys

import numpy as np
from measure import alternate, header, report
from scipy.stats import ks_2samp

from tradeworthy.drift.drift_profile import atom_bins, freeze_edges, padded_edges, profile
from tradeworthy.drift.drift_scan import Rows, scan_features
from tradeworthy.drift.profile_scan import scan_profiles
from tradeworthy.drift.profile_stack import (
    profile_features,
    profile_sessions,
    stack_metrics,
    stack_profiles,
)

BARS, SESSIONS, PAST = 390, 31, 250
EVIDENTLY = "it does not import beside the pandas that vectorbt and MLflow need here"


def scipy_scan(data: dict[str, np.ndarray]) -> list[tuple[float, float]]:
    """Return KS distance and PSI of every feature."""
    found = []
    for values in data.values():
        reference, current = values[:-BARS], values[-BARS:]
        edges = np.quantile(reference, np.arange(1, 10) / 10)
        counts = [
            np.bincount(np.searchsorted(edges, side), minlength=10) for side in (reference, current)
        ]
        p, q = ((count + 0.5) / (count.sum() + 5) for count in counts)
        psi = float(((p - q) * np.log(p / q)).sum())
        found.append((float(ks_2samp(reference, current).statistic), psi))
    return found


def main(features: int) -> None:
    """Time the three ways and print their ratios."""
    rng = np.random.default_rng(7)
    data = {f"x{i:04d}": rng.normal(size=SESSIONS * BARS) for i in range(features)}
    sessions = np.repeat(np.arange(SESSIONS), BARS)
    edges = [freeze_edges(values[:-BARS]) for values in data.values()]
    atoms = np.array([atom_bins(one) for one in edges])
    padded = np.array([padded_edges(one) for one in edges])
    reference = stack_profiles(
        [profile(values[:-BARS], one) for values, one in zip(data.values(), edges, strict=True)]
    )
    recorded = []
    for one, flags in zip(edges, atoms, strict=True):
        starts = np.arange(PAST + 30) * BARS
        stack = profile_sessions(rng.normal(size=starts.size * BARS), starts, one)
        marks = np.arange(PAST)[:, None] + 30 > np.arange(starts.size)
        windows = marks & (np.arange(PAST)[:, None] <= np.arange(starts.size))
        recorded.append(stack_metrics(stack.summed(windows), stack[30:], flags))
    past = np.array(recorded)

    def from_rows() -> object:
        return scan_features(
            Rows(data, sessions),
            model="benchmark",
            version=1,
            slot="2026-01-05T10:00:00Z",
            importances=list(data),
        )

    def new_rows_only() -> object:
        rows = np.stack([values[-BARS:] for values in data.values()])
        return scan_profiles(reference, profile_features(rows, padded), atoms, past, float(PAST))

    exact = np.array(scipy_scan(data))
    binned = new_rows_only()
    assert (binned.metrics[:, 1] <= exact[:, 0] + 1e-12).all()  # type: ignore[attr-defined]
    assert (binned.ks_upper >= exact[:, 0] - 1e-12).all()  # type: ignore[attr-defined]
    medians = alternate(
        {
            "scipy from rows": lambda: scipy_scan(data),
            "from rows": from_rows,
            "new rows only": new_rows_only,
        },
        rounds=7,
    )
    print(header())
    print(f"{features} features, {SESSIONS - 1} x {BARS} reference rows, {BARS} current rows")
    base = medians["scipy from rows"]
    for name, seconds in medians.items():
        each = seconds / features * 1e6
        print(f"{name:16s} {each:8.0f} us a feature   {base / seconds:6.1f} x scipy from rows")
    incremental, again = base / medians["new rows only"], base / medians["from rows"]
    report("drift scan of new rows against scipy's rescan", incremental, at_least=50)
    report("drift scan from raw rows, calibrated, against scipy's", again)
    report("drift scan against Evidently's", None, at_least=1000, why=EVIDENTLY)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
