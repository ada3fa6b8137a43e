"""Speed of a drift scan against scipy's Kolmogorov-Smirnov test and a numpy PSI on the same rows.

Each model has F features, 390 current rows and a reference of 30 sessions of 390 rows. Ways to
scan them, alternating in one run:

- ``scipy from rows``: ``scipy.stats.ks_2samp`` and a PSI on ``numpy.quantile`` deciles;
- ``Evidently's preset``: ``DataDriftPreset()`` on data frames that are loaded already, for the
  first 20 features only, as it takes as long for each of them as for each of 60. It runs in the
  interpreter that TRADEWORTHY_PEER_PYTHON names and in which Evidently is installed;
- ``from rows``: profile every row again, all five metrics, calibrated on the reference's blocks;
- ``new rows only``: profile 390 new rows per feature; the reference profile and the metrics of the
  last 250 scans are stored; all five metrics and their rank.

Run: ``python benchmarks/drift_scan.py [features]``
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from measure import PeerMissing, PeerProcess, alternate, header, report
from scipy.stats import ks_2samp, wasserstein_distance

from tradeworthy.drift.profiles.drift_profile import atom_bins, freeze_edges, padded_edges, profile
from tradeworthy.drift.profiles.profile_scan import scan_profiles
from tradeworthy.drift.profiles.profile_stack import (
    profile_features,
    profile_sessions,
    stack_metrics,
    stack_profiles,
)
from tradeworthy.drift.scan.drift_scan import Rows, scan_features

BARS, SESSIONS, PAST = 390, 31, 250
EVIDENTLY_FEATURES = 20
EVIDENTLY = """
import sys
import warnings

warnings.simplefilter("ignore")
import numpy
import pandas
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

rows = numpy.load(sys.argv[1])
names = [f"x{i}" for i in range(rows.shape[1])]
definition = DataDefinition(numerical_columns=names)
bars = int(sys.argv[2])
reference = pandas.DataFrame(rows[:-bars], columns=names)
current = pandas.DataFrame(rows[-bars:], columns=names)


def answer(_):
    run = Report([DataDriftPreset()]).run(
        Dataset.from_pandas(current, data_definition=definition),
        Dataset.from_pandas(reference, data_definition=definition),
    )
    found = {each["config"].get("column"): each["value"] for each in run.dict()["metrics"]}
    return [float(found[name]) for name in names]
"""


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


@contextmanager
def evidently(data: dict[str, np.ndarray]) -> Iterator[PeerProcess]:
    """Run Evidently beside us on these features, after a look at whether it does its work."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.npy"
        np.save(rows, np.stack(list(data.values()), axis=1))
        peer = PeerProcess("evidently", EVIDENTLY, str(rows), str(BARS))
        try:
            for reported, values in zip(peer.ask(None), data.values(), strict=True):
                reference, current = values[:-BARS], values[-BARS:]
                distance = wasserstein_distance(reference, current) / reference.std()
                assert abs(reported - distance) < 1e-3 * distance  # its test for so many rows
            yield peer
        finally:
            peer.close()


def main(features: int) -> None:
    """Time every way and print their ratios."""
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
    ways = {
        "scipy from rows": lambda: scipy_scan(data),
        "from rows": from_rows,
        "new rows only": new_rows_only,
    }
    some = dict(list(data.items())[:EVIDENTLY_FEATURES])
    why = ""
    try:
        with evidently(some) as peer:
            medians = alternate(ways | {"Evidently's preset": lambda: peer.ask(None)}, rounds=7)
    except PeerMissing as error:
        why, medians = str(error), alternate(ways, rounds=7)
    each = {
        name: seconds / (len(some) if name.startswith("Evidently") else features)
        for name, seconds in medians.items()
    }
    print(header())
    print(f"{features} features, {SESSIONS - 1} x {BARS} reference rows, {BARS} current rows")
    base, new = each["scipy from rows"], each["new rows only"]
    for name, seconds in each.items():
        print(f"{name:18s} {seconds * 1e6:8.0f} us a feature   {base / seconds:7.2f} x scipy's")
    report("drift scan of new rows against scipy's rescan", base / new, at_least=50)
    report("drift scan from raw rows, calibrated, against scipy's", base / each["from rows"])
    peer_each = each.get("Evidently's preset")
    measured = None if peer_each is None else peer_each / new
    report("drift scan of new rows against Evidently's preset", measured, at_least=1000, why=why)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
