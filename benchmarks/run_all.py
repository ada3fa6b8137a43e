"""Every benchmark, one after another, and one table of figures beside their budgets at the end.

    python benchmarks/run_all.py [name ...]

Peers run in the interpreter that TRADEWORTHY_PEER_PYTHON names (`make bench` makes it). A peer that
is missing is printed as not measured; a benchmark that fails makes the run fail. A budget that is
not met is printed and does not: a busy machine is no defect.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import RESULTS, Result, header

BENCHMARKS = (
    "predict_speed",
    "drift_scan",
    "backtest_speed",
    "dataset_hash_speed",
    "registry_speed",
    "start_speed",
    "feature_hash",
)


def main(names: list[str]) -> int:
    """Run the benchmarks; return how many failed."""
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        raise SystemExit(f"no benchmark {sorted(unknown)}: choose from {', '.join(BENCHMARKS)}")
    print(header("tradeworthy", "numpy", "polars", "onnxruntime"), flush=True)
    start = time.monotonic()
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "results"
        kept.touch()
        environment = os.environ | {RESULTS: str(kept), "PYTHONUNBUFFERED": "1"}
        for name in names or BENCHMARKS:
            print(f"\n=== {name}", flush=True)
            begin = time.monotonic()
            command = [sys.executable, str(Path(__file__).with_name(f"{name}.py"))]
            if subprocess.run(command, env=environment, check=False).returncode:
                failed.append(name)
            print(f"({time.monotonic() - begin:.0f} s)", flush=True)
        results = [Result(**json.loads(line)) for line in kept.read_text().splitlines()]
    print(f"\n{'compared':66} {'budget':>12} {'measured':>12}")
    for result in results:
        print(result.line())
    print(f"\n{time.monotonic() - start:.0f} s; budgets: {summary(results)}")
    if failed:
        print(f"FAILED: {', '.join(failed)}")
    return len(failed)


def summary(results: list[Result]) -> str:
    """Count budgets met, not met and not measured."""
    held = [result for result in results if result.budget is not None]
    met, missed = (sum(each.met is value for each in held) for value in (True, False))
    return f"{met} met, {missed} not met, {len(held) - met - missed} not measured"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
