"""The service's hold on the process that its evaluations are forked from."""

from __future__ import annotations

import json
import os
import site
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tradeworthy.evaluation.scratch_folder import remove_folder
from tradeworthy.features.source.distributions import installed_state

# Named, not imported: nothing that runs users' code is ever loaded into the serving process.
SERVER = "tradeworthy.evaluation.fork_server_process"
_LONGEST = 64
# Seconds: longer than a server takes to import and to end whatever a child has started.
_PATIENCE = 120

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
        self._folder = Path(tempfile.mkdtemp(prefix="tradeworthy-evaluation-"))
        given = {
            "folder": str(self._folder),
            "private": None if private is None else str(private.absolute()),
            "readable": [str(each.absolute()) for each in readable],
        }
        self._installed = installed_state()
        try:
            self._socket, theirs = socket.socketpair()
            with theirs:
                self._process = self._started(theirs.fileno(), json.dumps(given))
        except OSError:
            self._folder.rmdir()
            raise
        self._socket.settimeout(_PATIENCE)

    def _started(self, connection: int, given: str) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", SERVER, str(connection), given],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[connection],
                cwd=self._folder,
                env=_environment(str(self._folder)),
                # An interrupt is for the service, which ends this process in its own time.
                start_new_session=True,
            )
        except OSError:
            self._socket.close()
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
        """Have the child ended, with everything it started; before it is forked, the server."""
        with suppress(OSError):
            self._socket.sendall(b"kill\n")
        # Once a server can have a child it ignores this.
        self._process.terminate()

    def end(self, libraries: Sequence[str]) -> int | None:
        """Have the child ended, with everything it started; return its exit status.

        The server then loads ``libraries``, of ``ahead.LIBRARIES``, for the children to come. None
        says that the server itself is gone.
        """
        with suppress(OSError):
            self._socket.sendall(f"end {','.join(libraries)}\n".encode())
        answers = self._answers()
        if answers is None:
            self._process.kill()
            self._process.wait()
            return None
        return int(answers.split()[-1])

    def _answers(self) -> bytes | None:
        """Wait until the server has forked and ended a child; None if it goes before, or hangs."""
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
        """End the process; no evaluation runs any more."""
        self._socket.close()
        self._process.kill()
        self._process.wait()
        remove_folder(self._folder)


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
