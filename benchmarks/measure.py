"""Side-by-side timing: the contestants take turns, so that a busy machine slows them alike."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

RESULTS = "TRADEWORTHY_BENCHMARK_RESULTS"
PEER_PYTHON = "TRADEWORTHY_PEER_PYTHON"


@dataclass(frozen=True)
class Result:
    """A figure beside its budget; ``measured`` is None where it was not, and ``why`` says why."""

    what: str
    relation: Literal[">=", "<", ""]
    budget: float | None
    measured: float | None
    unit: str = "x"
    why: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the budget is met; None without a budget or a figure."""
        if self.budget is None or self.measured is None:
            return None
        if self.relation == ">=":
            return self.measured >= self.budget
        return self.measured < self.budget

    def line(self) -> str:
        """Budget, figure and verdict in one line."""
        wanted = "" if self.budget is None else f"{self.relation} {figure(self.budget, self.unit)}"
        if self.measured is None:
            return f"{self.what:66} {wanted:>12}  not measured: {self.why}"
        verdict = {True: "met", False: "NOT MET", None: ""}[self.met]
        return f"{self.what:66} {wanted:>12} {figure(self.measured, self.unit):>12}  {verdict}"


def figure(value: float, unit: str) -> str:
    """Write a number with three figures and its unit."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}"


def report(
    what: str,
    measured: float | None,
    *,
    at_least: float | None = None,
    below: float | None = None,
    unit: str = "x",
    why: str = "",
) -> None:
    """Print a figure beside its budget, and keep it for the table of the whole run."""
    relation: Literal[">=", "<", ""] = ">=" if at_least is not None else "<" if below else ""
    result = Result(what, relation, below if at_least is None else at_least, measured, unit, why)
    print(result.line(), flush=True)
    if RESULTS in os.environ:
        with Path(os.environ[RESULTS]).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(result)) + "\n")


def alternate(functions: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each function over ``rounds`` turns, after one warm-up turn each."""
    for function in functions.values():
        function()
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(turns) for name, turns in seconds.items()}


def header(*packages: str) -> str:
    """Machine, date and versions, for the top of a benchmark's output."""
    versions = [f"{name} {metadata.version(name)}" for name in packages]
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [
        f"{now}; {platform.platform()}; {_processor()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.2f}",
        ", ".join([f"Python {platform.python_version()}", *versions]),
    ]
    return "\n".join(lines)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


class PeerMissing(Exception):
    """A peer cannot be measured here; the message says why."""


def peer_python(package: str) -> str:
    """Return the first of the peers' interpreters in which ``package`` is installed."""
    named = [each for each in os.environ.get(PEER_PYTHON, "").split(os.pathsep) if each]
    program = f"import importlib.util as u, sys; sys.exit(u.find_spec({package!r}) is None)"
    for each in named:
        python = str(Path(each).absolute())
        try:
            subprocess.run([python, "-c", program], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    raise PeerMissing(f"{PEER_PYTHON} names no interpreter with {package}")


class PeerProcess:
    """A program in the peers' interpreter that answers JSON lines, one for each line sent.

    Parameters
    ----------
    package
        What the program needs; `PeerMissing` if it is not installed.
    program
        Python source. Its ``answer`` is called with each request and returns what is JSON.
    arguments
        What it finds in ``sys.argv[1:]``.
    """

    _LOOP = """
import json as _json, sys as _sys
_out, _sys.stdout = _sys.stdout, _sys.stderr
for _line in _sys.stdin:
    print(_json.dumps(answer(_json.loads(_line))), file=_out, flush=True)
"""

    def __init__(self, package: str, program: str, *arguments: str) -> None:
        command = [peer_python(package), "-W", "ignore", "-c", program + self._LOOP, *arguments]
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def ask(self, request: object) -> Any:
        """Send one request and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._log.seek(0)
            print(self._log.read()[-3000:], file=sys.stderr)
            raise RuntimeError("the peer's program ended before its answer")
        return json.loads(line)

    def close(self) -> None:
        """End the program."""
        self._process.terminate()
        self._process.communicate()
        self._log.close()
