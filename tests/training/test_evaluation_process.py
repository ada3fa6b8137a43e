"""The process that runs users' code dies, hangs, prints; the service goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradeworthy.errors import StrategyInvalid
from tradeworthy.training.evaluation_process import EvaluationProcess
from tradeworthy.validation.evidence import EvaluationRequest
from training.strategy_workshop import (
    STRATEGY,
    edited,
    market,
    request_for,
    trained,
    write_strategy,
)

BARS = market(700)
PATIENCE = 60.0

# Trains as ever, but does what a file beside it says first; nothing of it is in its hash's way.
MISCHIEF = """
def train(table, config):
    import os, pathlib, time
    folder = pathlib.Path({folder!r})
    if (folder / "do.txt").exists():
        (folder / "pid.txt").write_text(str(os.getpid()))
        exec((folder / "do.txt").read_text())
    return LinearRegression()"""


@pytest.fixture
def process() -> Iterator[EvaluationProcess]:
    """A process with plenty of time."""
    made = EvaluationProcess(PATIENCE)
    yield made
    made.close()


@pytest.fixture(scope="module")
def mischievous(tmp_path_factory: pytest.TempPathFactory) -> EvaluationRequest:
    """An evaluation that does as it is told."""
    folder = tmp_path_factory.mktemp("mischief")
    train = MISCHIEF.format(folder=str(folder))[1:]
    text = edited(STRATEGY, "def train(table, config):\n    return LinearRegression()", train)
    file = write_strategy(folder, text)
    return request_for(file, trained(file, BARS), BARS)


@pytest.fixture
def told(mischievous: EvaluationRequest) -> Iterator[Path]:
    """The file that says what to do."""
    path = Path(mischievous.strategy_file).parent / "do.txt"
    yield path
    path.unlink(missing_ok=True)
    (path.parent / "pid.txt").unlink(missing_ok=True)


def test_what_kills_it_is_told_and_the_next_one_works(
    process: EvaluationProcess, mischievous: EvaluationRequest, told: Path
) -> None:
    for deed, message in (
        ("os._exit(7)", "died .exit status 7."),
        ("os.kill(os.getpid(), 9)", "died .exit status -9."),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("input()", "EOFError"),
    ):
        told.write_text(deed)
        with pytest.raises(StrategyInvalid, match=message):
            process(mischievous)
    told.unlink()
    assert process(mischievous).training_data_rebuilt


def test_what_it_prints_is_no_answer(
    process: EvaluationProcess,
    mischievous: EvaluationRequest,
    told: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    quiet = process(mischievous)
    told.write_text("print('{\"evidence\": {}}', flush=True); os.write(1, b'noise\\n')")
    assert process(mischievous).digest == quiet.digest
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "noise" in captured.err


def test_it_is_killed_in_the_middle(
    process: EvaluationProcess, mischievous: EvaluationRequest, told: Path
) -> None:
    told.write_text("time.sleep(600)")
    pid = told.parent / "pid.txt"

    def kill() -> None:
        _until(lambda: pid.exists() and pid.read_text() != "")
        os.kill(int(pid.read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(StrategyInvalid, match="exit status -9"):
        process(mischievous)
    killer.join()
    told.unlink()
    assert process(mischievous).training_data_rebuilt


def test_what_takes_too_long_is_stopped_with_what_it_started(
    mischievous: EvaluationRequest, told: Path
) -> None:
    child = told.parent / "child.txt"
    told.write_text(
        "import subprocess\n"
        "started = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(child)!r}).write_text(str(started.pid))\n"
        "time.sleep(600)"
    )
    hasty = EvaluationProcess(5.0)
    with pytest.raises(StrategyInvalid, match="raise TRADEWORTHY_EVALUATION_SECONDS"):
        hasty(mischievous)
    hasty.close()
    for file in (told.parent / "pid.txt", child):
        _until(lambda file=file: not _alive(int(file.read_text())))


def test_closed_while_idle_and_used_again(mischievous: EvaluationRequest) -> None:
    process = EvaluationProcess(PATIENCE)
    process.close()
    first = process(mischievous)
    process.close()
    assert process(mischievous).digest == first.digest
    process.close()


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _until(met: object) -> None:
    assert callable(met)
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
