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
import selectors
import signal
import socket
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tradeworthy.evaluation import ahead
from tradeworthy.evaluation.scratch_folder import remove_folder
from tradeworthy.evaluation.worker import Fork, answer_one
from tradeworthy.features.source.distributions import distributions_of

# The evaluation, and what libraries would import in its course.
_IMPORTS = ("tradeworthy.evaluation.evaluate", "numpy.ma", "numpy.random", "_strptime")
_LONGEST = 4096
_PIPES = 3
# Seconds: a chain of processes that start each other may outrun whoever kills them.
_PATIENCE = 30
_PAUSE = 0.001
# Linux: what loses its parent below this process becomes its child.
_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class _Folders:
    """The second argument: where the children's folders are made, and what they may not read."""

    folder: str
    private: str | None
    readable: Sequence[str]


class _Child:
    """A fork, until it has been ended with everything it started."""

    def __init__(self, pid: int, scratch: Path) -> None:
        self.pid = pid
        self.code: int | None = None
        self._scratch = scratch

    def end(self) -> int:
        """Kill until nothing is left below this process; return the fork's exit status."""
        if self.code is None:
            self.code = self._killed()
            remove_folder(self._scratch)
        return self.code

    def _killed(self) -> int:
        code: int | None = None
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            # All before any is waited for: one that traces another holds its end back.
            living = _below(os.getpid())
            if code is None:
                living.add(self.pid)
                _kill(os.killpg, self.pid)
            for each in living:
                _kill(os.kill, each)
            try:
                ended, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if ended == self.pid:
                code = os.waitstatus_to_exitcode(status)
            elif not ended:
                time.sleep(_PAUSE)
        return -signal.SIGKILL if code is None else code


def main() -> None:
    """Serve forks until the service is gone; in a fork, answer the one request."""
    service = socket.socket(fileno=int(sys.argv[1]))
    folders = _Folders(**json.loads(sys.argv[2]))
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
    # Until here it ends by that signal; from now on it may have a child to end first.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    fork = _serve(service, folders)
    if fork is not None:
        service.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        answer_one(fork)


def _serve(service: socket.socket, folders: _Folders) -> Fork | None:
    """Do what the service says until it is gone: then return None, in a fork what it has."""
    server = os.getpid()
    child: _Child | None = None
    while True:
        said, pipes = _hear(service, child)
        for word, _, rest in (line.partition(b" ") for line in said.splitlines()):
            if word == b"fork":
                scratch = Path(tempfile.mkdtemp(dir=folders.folder))
                gc.freeze()
                pid = os.fork()
                if pid == 0:
                    return Fork(pipes, scratch, server, folders.private, folders.readable)
                for each in pipes:
                    os.close(each)
                child = _Child(pid, scratch)
                _say(service, "forked")
            elif child is not None and word == b"kill":
                child.end()
            elif child is not None and word == b"end":
                _say(service, str(child.end()))
                child = None
                ahead.load(ahead.named(rest))
        if not said:
            if child is not None:
                child.end()
            remove_folder(Path(folders.folder))
            return None


def _hear(service: socket.socket, child: _Child | None) -> tuple[bytes, Sequence[int]]:
    """Wait for what the service says next: nothing, once it is gone.

    If the child ends meanwhile, what it leaves is ended with it: it may hold the child's pipes.
    """
    if child is not None and child.code is None and hasattr(os, "pidfd_open"):
        watched = os.pidfd_open(child.pid)
        # Not `select`: a service with many open files hands its socket on under a high number.
        with selectors.DefaultSelector() as either:
            either.register(service, selectors.EVENT_READ)
            either.register(watched, selectors.EVENT_READ)
            ready = {key.fd for key, _ in either.select()}
        os.close(watched)
        if watched in ready:
            child.end()
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


def _kill(kill: Callable[[int, int], None], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        kill(number, signal.SIGKILL)


def _below(process: int) -> set[int]:
    """Return every process below this one; none where there is no ``/proc``."""
    parents = {int(each.name): _parent(each) for each in Path("/proc").glob("[0-9]*")}
    found: set[int] = set()
    newest = {process}
    while newest:
        newest = {pid for pid, parent in parents.items() if parent in newest} - found
        found |= newest
    return found


def _parent(process: Path) -> int | None:
    """Return a process's parent: a name may hold spaces, brackets and any byte."""
    try:
        return int((process / "stat").read_bytes().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return None


if __name__ == "__main__":
    main()
