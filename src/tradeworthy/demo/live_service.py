"""A real ``tradeworthy serve`` in a process of its own, on a free port, stopped at the end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tradeworthy.errors import HomeUnusable

LOOK_SECONDS = 0.02
STOP_SECONDS = 60.0
# A machine that is busy with other things is no reason to refuse predictions.
LEASE_SECONDS = "600"


@contextmanager
def live_service(home: Path, log: Path) -> Iterator[str]:
    """Serve a home until the end of the block, or of this process; give the service's URL.

    Parameters
    ----------
    home
        The home to serve.
    log
        The file that gets what the service says.

    Raises
    ------
    HomeUnusable
        If the service ends before it is ready.
    """
    command = [sys.executable, "-m", "tradeworthy", "--home", str(home)]
    command += ["serve", "--port", "0", "--no-scheduler", "--until-eof"]
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            # The pipe ends with this process, however that ends, and the service with the pipe.
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=_environment(),
            start_new_session=True,
        )
    try:
        yield _ready_url(child, log)
    finally:
        _stop(child)


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TRADEWORTHY_")}
    return kept | {"TRADEWORTHY_LEASE_SECONDS": LEASE_SECONDS}


def _ready_url(child: subprocess.Popen[bytes], log: Path) -> str:
    """Wait for as long as the service lives: how fast it starts is the machine's affair."""
    while child.poll() is None:
        url = _announced(log)
        if url is not None and _is_ready(url):
            return url
        time.sleep(LOOK_SECONDS)
    raise HomeUnusable(f"the service did not get ready; it said: {log.read_text()[-2000:]}")


def _announced(log: Path) -> str | None:
    for line in log.read_text().splitlines(keepends=True):
        if " at http://" in line and line.endswith("\n"):
            return line.rpartition(" at ")[2].rstrip()
    return None


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=STOP_SECONDS).is_success
    except httpx.TransportError:
        return False


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdin is not None:
        child.stdin.close()
