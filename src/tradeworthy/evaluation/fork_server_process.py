"""The process that evaluations are forked from: it has imported what they need, and runs none.

It does what the service says over a socket, its first argument: ``fork``, with the ends of three
pipes, answered when it is done; ``kill``; ``end``, with libraries to load for the children to come,
answered with the exit status. It ends with the service, and everything below it ends with it.

Its second argument is JSON: a folder for the children's folders (``folder``), and what each child
may not read (``private``, ``readable``).
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tradeworthy.evaluation import ahead
from tradeworthy.evaluation.worker import Fork, answer_one
from tradeworthy.features.source.distributions import distributions_of

# The evaluation, and what libraries would import in its course.
_IMPORTS = ("tradeworthy.evaluation.evaluate", "numpy.ma", "numpy.random", "_strptime")
_LONGEST = 4096
_PIPES = 3
_MANY = 1000
# Linux: what loses its parent below this process becomes its child.
_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    scratch: Path


def main() -> None:
    """Serve forks until the service is gone; in a fork, answer the one request."""
    service = socket.socket(fileno=int(sys.argv[1]))
    given = json.loads(sys.argv[2])
    # What imports make stays: to search it for garbage takes a tenth of their time.
    gc.disable()
    for each in _IMPORTS:
        importlib.import_module(each)
    # Reads the records of every library once.
    distributions_of(["numpy"])
    # Nothing runs in the other threads of the libraries: none has computed anything yet.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    forked = _serve(service, Path(given["folder"]))
    if forked is not None:
        pipes, scratch = forked
        service.close()
        private = Path(given["private"]) if given["private"] else None
        answer_one(Fork(pipes, scratch, private, tuple(map(Path, given["readable"]))))


def _serve(service: socket.socket, folder: Path) -> tuple[Sequence[int], Path] | None:
    """Do what the service says; return its pipes and its folder in a fork, None at the end."""
    child: _Child | None = None
    while True:
        said, pipes = _hear(service)
        for word, _, rest in (line.partition(b" ") for line in said.splitlines()):
            if word == b"fork":
                scratch = Path(tempfile.mkdtemp(dir=folder))
                gc.freeze()
                pid = os.fork()
                if pid == 0:
                    return pipes, scratch
                for each in pipes:
                    os.close(each)
                child = _Child(pid, scratch)
                _say(service, "forked")
            elif child is not None and word == b"kill":
                _kill(child.pid)
            elif child is not None and word == b"end":
                code = _end(child)
                child = None
                _say(service, str(code))
                ahead.load(ahead.named(rest))
        if not said:
            if child is not None:
                _end(child)
            shutil.rmtree(folder, ignore_errors=True)
            return None


def _hear(service: socket.socket) -> tuple[bytes, Sequence[int]]:
    """Wait for what the service says next: nothing, once it is gone."""
    try:
        said, pipes, *_ = socket.recv_fds(service, _LONGEST, _PIPES)
    except ConnectionResetError:
        # It went without hearing the last answer.
        return b"", ()
    return said, pipes


def _say(service: socket.socket, line: str) -> None:
    # A service that is gone is seen when it is listened to.
    with suppress(OSError):
        service.sendall(line.encode() + b"\n")


def _kill(pid: int) -> None:
    # Until it has a group of its own it is only a process.
    for kill in (os.kill, os.killpg):
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _end(child: _Child) -> int:
    """End the child and everything it started; return its exit status."""
    _kill(child.pid)
    _, status = os.waitpid(child.pid, 0)
    for _ in range(_MANY):
        left = _children()
        if not left:
            break
        for pid in left:
            _kill(pid)
            os.waitpid(pid, 0)
    shutil.rmtree(child.scratch, ignore_errors=True)
    return os.waitstatus_to_exitcode(status)


def _children() -> list[int]:
    # Elsewhere than on Linux there is no such folder, and the process group has to do.
    return [
        pid for pid in map(_number, Path("/proc").glob("[0-9]*")) if _parent(pid) == os.getpid()
    ]


def _number(folder: Path) -> int:
    return int(folder.name)


def _parent(pid: int) -> int | None:
    """Return a process's parent: a name may hold spaces and brackets."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


if __name__ == "__main__":
    main()
