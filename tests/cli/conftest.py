"""A deployed home, a terminal at it, and one at a server of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.terminal import Terminal
from made_once import made_once
from training.home_workshop import DeployedHome, make_deployed_home

SETTING = ("--no-scheduler", "--until-eof")


@pytest.fixture(scope="session")
def cli_home(tmp_path_factory: pytest.TempPathFactory) -> DeployedHome:
    """A home that is only copied."""
    return DeployedHome(made_once(tmp_path_factory, "deployed", make_deployed_home))


@pytest.fixture
def terminal(cli_home: DeployedHome, tmp_path: Path) -> Terminal:
    """A terminal at a home of its own."""
    return Terminal(cli_home.copy(tmp_path / "deployed"))


@pytest.fixture
def remote(terminal: Terminal) -> Iterator[Terminal]:
    """A terminal that speaks to a server of the same home."""
    serving = subprocess.Popen(
        [sys.executable, "-m", "tradeworthy", "serve", "--port", "0", *SETTING],
        stdin=subprocess.PIPE,
        env=terminal.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert serving.stderr is not None
    reported = serving.stderr.readline()
    assert "serves" in reported, reported
    yield Terminal(terminal.deployed, server=reported.split()[-1])
    serving.send_signal(signal.SIGINT)
    _, rest = serving.communicate()
    assert "Traceback" not in rest
