"""Commands in processes of their own, forked from one that has imported what they need.

A command that is started afresh spends most of its time on imports, and hundreds are run.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(
    [
        "polars",
        "skl2onnx",
        "sklearn.linear_model",
        "tradeworthy.api.app",
        "tradeworthy.cli.app",
        "tradeworthy.client.client",
        "tradeworthy.evaluation.evaluate",
        "tradeworthy.training.candidate",
    ]
)


@dataclass(frozen=True)
class Ended:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer."""
        assert self.code == 0, self.err
        return json.loads(self.out)


def run_command(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], stdin: str = ""
) -> Ended:
    """Run a command line to its end in ``folder``.

    The product is imported already: what a command would miss is found by the suites that start
    theirs, of the tutorial, the demo and ``tests/api/test_api_processes.py``.
    """
    with tempfile.TemporaryDirectory() as streams:
        files = [Path(streams, name) for name in ("in", "out", "err")]
        files[0].write_text(stdin, encoding="utf-8")
        command = _PROCESSES.Process(
            target=_be, args=(list(arguments), str(folder), dict(environment), streams)
        )
        command.start()
        command.join()
        assert command.exitcode is not None
        _, out, err = (file.read_text(encoding="utf-8") for file in files)
        return Ended(command.exitcode, out, err)


def _be(arguments: list[str], folder: str, environment: dict[str, str], streams: str) -> None:
    for number, (name, mode) in enumerate((("in", "r"), ("out", "w"), ("err", "w"))):
        with Path(streams, name).open(mode) as file:
            os.dup2(file.fileno(), number)
    sys.stdin = os.fdopen(0, "r", encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", buffering=1, closefd=False)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    # Neither the tests' modules nor the random numbers of another command.
    tests = Path(__file__).parent
    sys.path[:] = [folder, *(each for each in sys.path if each and Path(each) != tests)]
    numpy.random.seed()
    random.seed()
    sys.argv = ["tradeworthy", *arguments]
    from tradeworthy.cli.app import run

    run()
