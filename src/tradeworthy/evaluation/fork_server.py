"""The service's hold on the process that its evaluations are forked from."""

from __future__ import annotations

import json
import os
import shutil
import site
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tradeworthy.features.source.distributions import installed_state

# Named, not imported: nothing that runs users' code is ever loaded into the serving process.
SERVER = "tradeworthy.evaluation.fork_server_process"
KILLED = -9
_LONGEST = 64

# What a Python with its libraries needs to start alike and to count alike; a service's environment
# holds passwords and keys under any name.
_KEPT = frozenset(
    {
        *("PATH", "TZ", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
        *("PYTHONHASHSEED", "PYTHONHOME", "PYTHONNOUSERSITE", "MKL_CBWR", "OPENBLAS_CORETYPE"),
    }
)
_KEPT_SORTS = ("_NUM_THREADS", "_MAX_THREADS")


class ForkServer:
    """A process that has imported what evaluations need, and forks one child at a time.

    Its environment is its own: it holds nothing of the service's but what a Python needs.

    Parameters
    ----------
    private
        A folder that its children may not read, where the system can see to that.
    readable
        What of it they may read all the same.

    Raises
    ------
    OSError
        If it cannot be started.
    """

    def __init__(self, private: Path | None = None, readable: Sequence[Path] = ()) -> None:
        self._folder = tempfile.mkdtemp(prefix="tradeworthy-evaluation-")
        given = {
            "folder": self._folder,
            "private": None if private is None else str(private.absolute()),
            "readable": [str(each.absolute()) for each in readable],
        }
        self._installed = installed_state()
        self._socket, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", SERVER, str(theirs.fileno()), json.dumps(given)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    cwd=self._folder,
                    env=_environment(self._folder),
                    # An interrupt is for the service, which ends this process in its own time.
                    start_new_session=True,
                )
        except OSError:
            self._socket.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    @property
    def current(self) -> bool:
        """Whether it lives, with the libraries that are installed now."""
        return self._process.poll() is None and self._installed == installed_state()

    def fork(self, pipes: Sequence[int]) -> None:
        """Have a child forked, once the imports are done, with the ends of three pipes.

        Raises
        ------
        OSError
            If the process is gone.
        """
        socket.send_fds(self._socket, [b"fork\n"], pipes)

    def kill(self) -> None:
        """Have the child killed, with its process group; while there is none yet, the server is."""
        with suppress(OSError):
            if self._has_forked():
                self._socket.sendall(b"kill\n")
            else:
                self._process.kill()

    def _has_forked(self) -> bool:
        try:
            return self._socket.recv(_LONGEST, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return False

    def end(self, libraries: Sequence[str]) -> int:
        """Have the child ended with everything it started; return its exit status.

        The server then loads ``libraries``, of ``ahead.LIBRARIES``, for the children to come.
        """
        with suppress(OSError):
            self._socket.sendall(f"end {','.join(libraries)}\n".encode())
        answers = self._answers()
        if answers is None:
            # Somebody has ended it, and its child with it.
            self._process.kill()
            self._process.wait()
            return KILLED
        return int(answers.split()[-1])

    def _answers(self) -> bytes | None:
        """Wait until the server has forked and ended a child; None if it goes before."""
        said = b""
        while said.count(b"\n") < len(("forked", "ended")):
            try:
                more = self._socket.recv(_LONGEST)
            except OSError:
                more = b""
            if not more:
                return None
            said += more
        return said

    def close(self) -> None:
        """End the process, which has no child any more."""
        self._socket.close()
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _environment(folder: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith("LC_") or name.endswith(_KEPT_SORTS)
    }
    # From another working folder the same modules are found.
    paths = [str(Path(each).absolute()) for each in _path_entries("PYTHONPATH")]
    return kept | {
        "HOME": folder,
        "TMPDIR": folder,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUSERBASE": site.getuserbase(),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _path_entries(name: str) -> list[str]:
    return [each for each in os.environ.get(name, "").split(os.pathsep) if each]
