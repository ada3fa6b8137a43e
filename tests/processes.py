"""Which processes run, from Linux's ``/proc``; one that only waits to be collected is gone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def alive(pid: int) -> bool:
    """Tell whether a process still runs."""
    return state_of(pid) not in {"Z", ""}


def state_of(pid: int) -> str:
    """Return the letter of a process's state, nothing if there is none."""
    try:
        return _after_name(pid)[0]
    except OSError:
        return ""


def children_of(pid: int) -> list[int]:
    """Return the living processes that a process started itself."""
    return [each for each in _processes() if alive(each) and _parent(each) == pid]


def command_lines_with(text: str) -> list[str]:
    """Return the command lines of living processes that mention ``text``."""
    return [line for line in map(command_line, _processes()) if text in line]


def command_line(pid: int) -> str:
    """Return a process's command line, empty once it has ended."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return words.replace(b"\0", b" ").decode(errors="replace")


def _processes() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]


def _parent(pid: int) -> int:
    try:
        return int(_after_name(pid)[1])
    except OSError:
        return 0


def _after_name(pid: int) -> list[str]:
    """Return state, parent and so on: a name may hold spaces and brackets."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def as_nobody(command: list[str]) -> list[str]:
    """Root may write everywhere, so that root hands the command to somebody who may not."""
    if os.getuid() != 0:
        return command
    setpriv = shutil.which("setpriv")
    assert setpriv is not None, "install util-linux, or run the tests as an ordinary user"
    return [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", *command]
