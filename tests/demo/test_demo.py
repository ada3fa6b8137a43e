"""The demonstration as a newcomer meets it: a process of its own, from nothing to reports."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import polars as pl
import pytest

from api.small_home import make_home
from docs.markdown_blocks import blocks_of, missing_line
from made_once import made_once
from processes import alive, children_of, command_lines_with
from tradeworthy.demo.live_service import live_service
from tradeworthy.demo.market_series import LEAST_HISTORY, LIVE_SESSIONS, demo_series
from tradeworthy.demo.workspace import fresh_folder
from tradeworthy.errors import DatasetInvalid, HomeUnusable
from tradeworthy.manifest.files.verify import verify_manifest
from waiting import until

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tradeworthy", "demo"]
# How the demo can be ended, and its exit code then.
ENDED = {signal.SIGINT: 130, signal.SIGTERM: 130, signal.SIGKILL: -signal.SIGKILL}
SERVING = """
import sys
from pathlib import Path
from tradeworthy.demo.live_service import live_service
with live_service(Path(sys.argv[1]), Path(sys.argv[2])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def _run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--into", str(folder), *options],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """One run of the demo on the bundled series, and what it printed."""

    def run(folder: Path) -> None:
        done = _run(folder / "a run")  # as folders of newcomers are called
        assert done.returncode == 0, done.stdout + done.stderr
        (folder / "printed.txt").write_text(done.stdout)

    folder = made_once(tmp_path_factory, "demo", run)
    return folder / "a run", (folder / "printed.txt").read_text()


def _gate(reported: str, name: str) -> list[str]:
    return re.findall(rf"(PASSED|FAILED|NOT_APPLICABLE)\s+{name}:", reported)


class TestDemo:
    """Each test reads the same run."""

    def test_the_overfit_candidate_is_refused_with_every_gate(self, demo: tuple[Path, str]) -> None:
        _, reported = demo
        refused = reported[reported.index("4. Viktor") : reported.index("5. index")]
        assert "refused: index-lucky-rule" in refused
        # It looks good by every figure but the one that counts how often was tried.
        assert _gate(refused, "min_sharpe") == ["PASSED"]
        assert _gate(refused, "min_psr") == ["PASSED"]
        assert _gate(refused, "min_dsr") == ["FAILED"]
        assert len(re.findall(r"PASSED|FAILED|NOT_APPLICABLE", refused)) >= 20

    def test_the_honest_candidate_reaches_production_step_by_step(
        self, demo: tuple[Path, str]
    ) -> None:
        _, reported = demo
        for step in (
            "viktor: TRAINED -> VALIDATED",
            "olga: VALIDATED -> STAGING",
            "olga: STAGING -> PRODUCTION",
        ):
            assert step in reported

    def test_the_edit_is_named_and_taken_back(self, demo: tuple[Path, str]) -> None:
        _, reported = demo
        assert "409 feature_graph_mismatch" in reported
        assert "volatility_month@1: constant MONTH 21 -> 20; reaches volatility_month" in reported
        assert "the edit is taken back: version 1 predicts again" in reported

    def test_figures_are_those_of_every_run(self, demo: tuple[Path, str]) -> None:
        _, reported = demo
        assert "sharpe 0.6187, max_drawdown 0.2273, psr 0.9901" in reported
        assert "index-lucky-rule v9, walk-forward out of sample, 5 bps: sharpe 0.5678" in reported
        assert "log volatility forecasts -4.9171, -5.5917" in reported

    @pytest.mark.parametrize("page", ["README.md", "docs/what-the-demo-prints.md"])
    def test_the_pages_show_what_it_prints(self, demo: tuple[Path, str], page: str) -> None:
        _, reported = demo
        shown = [
            block.text
            for block in blocks_of(ROOT / page)
            if block.language == "text" and "Rosa trains" in block.text
        ]
        assert [missing_line(each, reported) for each in shown] == [None]

    def test_reports_are_stored_once_a_slot(self, demo: tuple[Path, str]) -> None:
        folder, reported = demo
        database = sqlite3.connect(folder / "home" / "tradeworthy.sqlite")
        count, slots = database.execute(
            "SELECT count(*), count(DISTINCT slot) FROM model_drift_reports"
        ).fetchone()
        database.close()
        assert count == slots
        assert f"{count} reports:" in reported

    def test_its_manifests_verify_offline(self, demo: tuple[Path, str]) -> None:
        folder, _ = demo
        manifests = sorted((folder / "manifests").glob("*.manifest.json"))
        assert len(manifests) == 25
        assert verify_manifest(manifests[0]).passed

    def test_what_it_says_to_run_next_runs(self, demo: tuple[Path, str]) -> None:
        _, reported = demo
        command = "drift reports index-volatility-target"
        (reports,) = [line for line in reported.splitlines() if line.endswith(command)]
        done = subprocess.run(
            ["bash", "-c", reports], capture_output=True, text=True, check=False, cwd="/"
        )
        assert done.returncode == 0, done.stderr
        assert "index-volatility-target" in done.stdout

    def test_no_token_is_printed(self, demo: tuple[Path, str]) -> None:
        folder, reported = demo
        log = (folder / "service.log").read_text()
        for file in (folder / "tokens").iterdir():
            assert file.stat().st_mode & 0o077 == 0
            assert file.read_text().strip() not in reported + log

    def test_the_service_is_gone(self, demo: tuple[Path, str]) -> None:
        folder, _ = demo
        # Another test may just be running what it says to run next.
        left = [line for line in command_lines_with(str(folder)) if "drift reports" not in line]
        assert left == []


def _end_after(folder: Path, sign: str, how: signal.Signals) -> None:
    """Start the demo, end it once it has printed ``sign``, and look what is left."""
    with subprocess.Popen(
        [*COMMAND, "--into", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as child:
        assert child.stdout is not None
        printed = []
        for line in child.stdout:
            printed.append(line)
            if sign in line:
                break
        started = children_of(child.pid)
        # Ctrl-C is for the whole group of the terminal.
        (os.killpg if how is signal.SIGINT else os.kill)(child.pid, how)
        printed.append(child.stdout.read())
        code = child.wait()
        assert code == ENDED[how], "".join(printed)
    until(lambda: not any(map(alive, started)))
    until(lambda: command_lines_with(str(folder)) == [])


@pytest.mark.parametrize("how", ENDED)
def test_ended_while_training_it_leaves_nothing_running(
    tmp_path: Path, how: signal.Signals
) -> None:
    _end_after(tmp_path / "run", "2. Rosa trains", how)


@pytest.fixture(scope="module")
def bare_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home without models, which is enough to be served."""
    return make_home(tmp_path_factory.mktemp("bare") / "home").folder


@pytest.mark.parametrize("how", ENDED)
def test_the_service_ends_with_whoever_serves_it(
    bare_home: Path, tmp_path: Path, how: signal.Signals
) -> None:
    log = tmp_path / "service.log"
    with subprocess.Popen(
        [sys.executable, "-c", SERVING, str(bare_home), str(log)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        assert httpx.get(f"{url}/readyz", timeout=None).status_code == 200
        (service,) = children_of(child.pid)
        os.kill(child.pid, how)
        child.wait()
    until(lambda: not alive(service))
    assert "Traceback" not in log.read_text()


def test_a_service_that_cannot_start_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(HomeUnusable, match="it said: home_unusable"),
        live_service(tmp_path / "none", tmp_path / "log"),
    ):
        pass


@pytest.mark.acceptance
@pytest.mark.parametrize("how", ENDED)
@pytest.mark.parametrize("sign", ["1. Market", "3. Rosa", "6. The service", "8. The real series"])
def test_ended_anywhere_it_leaves_nothing_running(
    tmp_path: Path, sign: str, how: signal.Signals
) -> None:
    _end_after(tmp_path / "run", sign, how)


@pytest.mark.acceptance
def test_two_runs_tell_the_same_figures(demo: tuple[Path, str], tmp_path: Path) -> None:
    def figures(reported: str) -> list[str]:
        return re.findall(r"(?:sharpe|dsr|pbo|drift|forecasts|reports:)[^\n]*", reported)

    again = _run(tmp_path / "run")
    assert again.returncode == 0, again.stdout + again.stderr
    kept = [line for line in figures(demo[1]) if "/" not in line]
    assert kept == [line for line in figures(again.stdout) if "/" not in line]


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(HomeUnusable, match="not empty"):
        fresh_folder(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_each_run_gets_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = fresh_folder(None), fresh_folder(None)
    assert first != second
    assert [first.name, second.name] == ["run-1", "run-2"]


def test_too_short_a_series_says_how_many_days_it_takes(tmp_path: Path) -> None:
    days = pl.date_range(pl.date(2020, 1, 1), pl.date(2021, 1, 1), eager=True)
    bars = pl.DataFrame({"date": days, "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0})
    path = tmp_path / "short.csv"
    bars.write_csv(path)
    with pytest.raises(DatasetInvalid, match=str(LEAST_HISTORY + LIVE_SESSIONS)):
        demo_series(path)


def _days(tmp_path: Path, **columns: object) -> Path:
    count = LEAST_HISTORY + LIVE_SESSIONS
    days = pl.date_range(pl.date(2010, 1, 1), pl.date(2020, 1, 1), eager=True)[:count]
    prices = {"open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0}
    frame = pl.DataFrame({"date": days, **prices, **columns})
    path = tmp_path / "mine.csv"
    frame.write_csv(path)
    return path


def test_bars_of_hours_are_not_taken_for_days(tmp_path: Path) -> None:
    path = _days(tmp_path)
    days = pl.read_csv(path, try_parse_dates=True).with_columns(pl.col("date").cast(pl.Datetime))
    later = days.with_columns(pl.col("date").dt.offset_by("1h"))
    pl.concat([days, later]).write_csv(path)
    with pytest.raises(DatasetInvalid, match=r"has 2 of MINE on 20.*into days first"):
        demo_series(path)


def test_bars_that_no_backtest_takes_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    count = LEAST_HISTORY + LIVE_SESSIONS
    for odd in (0.0, -1.0, float("nan")):
        close = [1.0] * (count - 1) + [odd]
        with pytest.raises(DatasetInvalid, match="close is"):
            demo_series(_days(tmp_path, close=pl.Series(close)))


def test_the_bundled_series_are_cut_in_time() -> None:
    series = demo_series(None)
    assert series.symbols == ["NASDAQ", "SP500"]
    assert series.train_end < series.history_end < series.live_end
    assert series.history["date"].max() == series.history_end
    live = series.bars.filter(pl.col("date") > series.history_end)
    assert live["date"].n_unique() == LIVE_SESSIONS
