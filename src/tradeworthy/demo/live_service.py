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

START_SECONDS = 30.0
STOP_SECONDS = 10.0


@contextmanager
def live_service(home: Path, log: Path) -> Iterator[str]:
    """Serve a home until the end of the block; give the service's URL.

    Parameters
    ----------
    home
        The home to serve.
    log
        The file that gets what the service says.

    Raises
    ------
    HomeUnusable
        If the service does not get ready.
    """
    command = [sys.executable, "-m", "tradeworthy.cli", "--home", str(home)]
    command += ["serve", "--port", "0", "--no-scheduler"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRADEWORTHY_")}
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, start_new_session=True
        )
        try:
            yield _ready_url(child, log)
        finally:
            _stop(child)


def _ready_url(child: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        url = _announced(log)
        if url is not None and _is_ready(url):
            return url
        time.sleep(0.02)
    raise HomeUnusable(f"the service did not get ready; it said: {log.read_text()[-2000:]}")


def _announced(log: Path) -> str | None:
    for line in log.read_text().splitlines():
        if " at http://" in line:
            return line.rpartition(" at ")[2]
    return None


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=1.0).is_success
    except httpx.TransportError:
        return False


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
