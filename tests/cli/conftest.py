"""A desk, a terminal at it, and one at a server of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.terminal import Terminal
from made_once import made_once
from training.home_workshop import Desk, make_desk

SETTING = ("--no-scheduler", "--until-eof")


@pytest.fixture(scope="session")
def cli_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk that is only copied."""
    return Desk(made_once(tmp_path_factory, "desk", make_desk))


@pytest.fixture
def terminal(cli_desk: Desk, tmp_path: Path) -> Terminal:
    """A terminal at a desk of its own."""
    return Terminal(cli_desk.copy(tmp_path / "desk"))


@pytest.fixture
def remote(terminal: Terminal) -> Iterator[Terminal]:
    """A terminal that speaks to a server of the same desk."""
    serving = subprocess.Popen(
        [sys.executable, "-m", "tradeworthy.cli", "serve", "--port", "0", *SETTING],
        stdin=subprocess.PIPE,
        env=terminal.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert serving.stderr is not None
    told = serving.stderr.readline()
    assert "serves" in told, told
    yield Terminal(terminal.desk, server=told.split()[-1])
    serving.send_signal(signal.SIGINT)
    _, rest = serving.communicate()
    assert "Traceback" not in rest
