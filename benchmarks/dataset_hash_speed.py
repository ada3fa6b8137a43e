"""Dataset hash against raw SHA-256 over the same bytes, one thread each, in one run.

Run it with ``python benchmarks/dataset_hash_speed.py [rows]``. The budget is a ratio of .5 on
numeric columns, the aim .8.
"""

from __future__ import annotations

import hashlib
import sys

import numpy as np
import polars as pl
from measure import alternate, header, report

from tradeworthy.manifest.dataset_digest import dataset_hash

ROUNDS = 9


def columns(rows: int) -> dict[str, pl.Series]:
    """One column of each numeric sort that market data has."""
    random = np.random.default_rng(7)
    returns = random.normal(0.0, 0.01, rows)
    warm_up = pl.Series(returns).set(pl.Series(random.random(rows) < 0.02), None)
    return {
        "float64": pl.Series(returns),
        "float64 with nulls": warm_up,
        "float64 with NaN": warm_up.fill_null(float("nan")),
        "float32": pl.Series(returns.astype(np.float32)),
        "int64": pl.Series(random.integers(0, 10**9, rows)),
        "datetime[us]": pl.Series(np.arange(rows)).cast(pl.Datetime("us")),
    }


def main(rows: int) -> None:
    """Print, for each column, how many times raw SHA-256's time the dataset hash takes."""
    print(header())
    for name, series in columns(rows).items():
        data = series.to_physical().fill_null(0).to_numpy().tobytes()
        times = alternate(
            {
                "raw": lambda data=data: hashlib.sha256(data).hexdigest(),
                "hash": lambda series=series: dataset_hash(series),
            },
            ROUNDS,
        )
        ratio = times["raw"] / times["hash"]
        print(f"{name:20} {len(data) / times['raw'] / 1e9:5.2f} GB/s raw")
        report(f"dataset hash of {name} against raw SHA-256", ratio, at_least=0.5)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4_000_000)
