"""A desk, a terminal at it, and one at a server of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.terminal import Terminal
from training.home_workshop import Desk, make_desk


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled modules of the session's commands: they start faster."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture(scope="session")
def cli_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk that is only copied."""
    return make_desk(tmp_path_factory.mktemp("cli_desk"))


@pytest.fixture
def terminal(cli_desk: Desk, bytecode: Path, tmp_path: Path) -> Terminal:
    """A terminal at a desk of its own."""
    return Terminal(cli_desk.copy(tmp_path / "desk"), bytecode)


@pytest.fixture
def remote(terminal: Terminal) -> Iterator[Terminal]:
    """A terminal that speaks to a server of the same desk."""
    serving = subprocess.Popen(
        [sys.executable, "-m", "tradeworthy.cli", "serve", "--port", "0", "--no-scheduler"],
        env=terminal.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert serving.stderr is not None
    told = serving.stderr.readline()
    assert "serves" in told, told
    yield Terminal(terminal.desk, terminal.bytecode, server=told.split()[-1])
    serving.send_signal(signal.SIGINT)
    _, rest = serving.communicate(timeout=60)
    assert "Traceback" not in rest
