"""Every benchmark runs in its smallest form; its figures are nobody's business here."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SMALLEST = {
    "backtest_speed": ["--small"],
    "dataset_hash_speed": ["1000"],
    "drift_scan": ["2"],
    "feature_hash": ["--nodes", "100", "--functions", "2"],
    "predict_speed": [
        *("--rounds", "1", "--seconds", "0.1", "--connections", "2", "--trees", "2"),
        *("--servers", "strict", "fastapi"),
    ],
    "registry_speed": ["--models", "8", "--versions", "8", "--turns", "2"],
    "start_speed": ["--rounds", "1"],
}


def run(program: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a benchmark without any peer."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TRADEWORTHY_")}
    return subprocess.run(
        [sys.executable, str(program), *arguments],
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_benchmark_is_run_by_all() -> None:
    sys.path.insert(0, str(FOLDER))
    try:
        from run_all import BENCHMARKS
    finally:
        sys.path.remove(str(FOLDER))
    assert set(BENCHMARKS) == set(SMALLEST)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SMALLEST))
def test_smallest_form(name: str, tmp_path: Path) -> None:
    kept = tmp_path / "results"
    done = run(FOLDER / f"{name}.py", *SMALLEST[name], TRADEWORTHY_BENCHMARK_RESULTS=str(kept))
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in kept.read_text().splitlines()]
    assert results
    for result in results:
        assert result["what"] in done.stdout
        assert (result["measured"] is None) == bool(result["why"])
        assert result["measured"] is None or result["measured"] > 0


@pytest.mark.slow
def test_a_failing_benchmark_fails_the_run(tmp_path: Path) -> None:
    for name in ("run_all.py", "measure.py"):
        shutil.copy(FOLDER / name, tmp_path)
    (tmp_path / "start_speed.py").write_text("raise SystemExit(3)")
    (tmp_path / "drift_scan.py").write_text(
        "from measure import report\n"
        "report('a figure', 2.0, at_least=3)\n"
        "report('a peer', None, at_least=1, why='it is not installed')\n"
    )
    done = run(tmp_path / "run_all.py", "drift_scan")
    assert done.returncode == 0, done.stderr
    assert "NOT MET" in done.stdout
    assert "not measured: it is not installed" in done.stdout
    assert "0 met, 1 not met, 1 not measured" in done.stdout
    done = run(tmp_path / "run_all.py", "start_speed", "drift_scan")
    assert done.returncode == 1
    assert "FAILED: start_speed" in done.stdout
    assert run(tmp_path / "run_all.py", "no_such_benchmark").returncode != 0
