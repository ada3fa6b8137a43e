"""One child process for one evaluation: started ahead, used once, ended with all it started."""

from __future__ import annotations

import json
import os
import secrets
import selectors
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from tradeworthy.evaluation.ahead import named
from tradeworthy.evidence.evaluation_request import EvaluationRequest

# Named, not imported: nothing that runs users' code is ever loaded into the serving process.
WORKER = "tradeworthy.evaluation.worker"
MARK = "TRADEWORTHY_EVALUATION"
MAX_REPLY = 64 * 2**20
MAX_SAID = 64 * 2**10
_CHUNK = 1 << 16
_MANY = 50

# What a Python with its libraries needs to start alike and to count alike; a service's environment
# holds passwords and keys under any name.
_KEPT = frozenset(
    {
        *("PATH", "TZ", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
        *("PYTHONHASHSEED", "PYTHONHOME", "PYTHONNOUSERSITE", "MKL_CBWR", "OPENBLAS_CORETYPE"),
    }
)
_KEPT_SORTS = ("_NUM_THREADS", "_MAX_THREADS")


class ReplyInvalid(Exception):
    """The child wrote something else than one answer of a bounded size under its seal."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The text of an answer, which nobody has read yet, and the libraries that were loaded."""

    text: bytes
    libraries: tuple[str, ...]


class EvaluationChild:
    """A process that has loaded what evaluations need, and waits for one.

    Its environment, working folder, home and temporary folder are its own, and go with it. What it
    prints comes to this process's standard error, as far as the first 64 KiB.

    Parameters
    ----------
    private
        A folder that its code may not read, where the system can see to that.
    readable
        What of it the code may read all the same.
    libraries
        Which of ``ahead.LIBRARIES`` it loads while it waits.

    Raises
    ------
    OSError
        If it cannot be started.
    """

    def __init__(
        self,
        private: Path | None = None,
        readable: Sequence[Path] = (),
        libraries: Sequence[str] = (),
    ) -> None:
        self._alive = threading.Lock()
        self._said = bytearray()
        self._unsaid = 0
        self._code: int | None = None
        self._mark = secrets.token_hex(16)
        given = {
            "private": None if private is None else str(private.absolute()),
            "readable": [str(each.absolute()) for each in readable],
            "ahead": list(libraries),
        }
        self._scratch = tempfile.mkdtemp(prefix="tradeworthy-evaluation-")
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", WORKER, json.dumps(given)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self._scratch,
                env=_environment(self._scratch, self._mark),
                # An interrupt is for the parent, which ends this process in its own time.
                start_new_session=True,
            )
        except OSError:
            shutil.rmtree(self._scratch, ignore_errors=True)
            raise

    @property
    def waits(self) -> bool:
        """Whether it can take a request."""
        with self._alive:
            return self._process.poll() is None

    def ask(self, request: EvaluationRequest, seconds: float) -> Reply:
        """Send a request and return the reply.

        Raises
        ------
        TimeoutError
            If there is none in so many seconds.
        EOFError
            If the process ends without one.
        ReplyInvalid
            If something else comes back.
        """
        # Who has the seal has read the request, before users' code; to find the pipe is not enough.
        seal = secrets.token_hex(16)
        message = json.dumps({"seal": seal, "request": asdict(request)}).encode() + b"\n"
        reply_seal, _, rest = self._exchange(message, seconds).partition(b" ")
        if reply_seal != seal.encode():
            raise ReplyInvalid(
                "the strategy's code wrote into the evaluation's answer, which is void: print to "
                "standard output"
            )
        libraries, _, text = rest.partition(b" ")
        return Reply(text, named(libraries))

    def _exchange(self, message: bytes, seconds: float) -> bytes:
        requests, replies, said = self._pipes()
        deadline = time.monotonic() + seconds
        unsent, reply = memoryview(message), bytearray()
        with selectors.DefaultSelector() as pipes:
            pipes.register(requests, selectors.EVENT_WRITE)
            for pipe in (replies, said):
                pipes.register(pipe, selectors.EVENT_READ)
            while True:
                left = deadline - time.monotonic()
                ready = [key.fileobj for key, _ in pipes.select(left)] if left > 0 else []
                if not ready:
                    raise TimeoutError
                if said in ready and self._hear() == b"":
                    pipes.unregister(said)
                if requests in ready:
                    unsent = unsent[_sent(requests, unsent) :]
                    if not unsent:
                        # Left open: its end tells the child that nobody waits any more.
                        pipes.unregister(requests)
                if replies in ready:
                    reply += _received(replies)
                    if len(reply) > MAX_REPLY:
                        raise ReplyInvalid(
                            f"the evaluation's answer has more than {MAX_REPLY} bytes: evaluate "
                            "on fewer bars"
                        )
                    if reply.endswith(b"\n"):
                        return bytes(reply[: reply.index(b"\n")])

    def _pipes(self) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
        process = self._process
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - both piped
        assert process.stderr is not None  # noqa: S101 - piped
        for pipe in (process.stdin, process.stdout, process.stderr):
            os.set_blocking(pipe.fileno(), False)
        return process.stdin, process.stdout, process.stderr

    def _hear(self) -> bytes | None:
        """Take some of what users' code printed: empty at its end, None if there is none now."""
        *_, said = self._pipes()
        try:
            chunk = os.read(said.fileno(), _CHUNK)
        except BlockingIOError:
            return None
        kept = chunk[: MAX_SAID - len(self._said)]
        self._said += kept
        self._unsaid += len(chunk) - len(kept)
        return chunk

    def kill(self) -> None:
        """Kill the process with its group; whoever waits for its reply gets ``EOFError``."""
        with self._alive:
            # Not yet waited for, so that the number is still this process's.
            if self._process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> int:
        """End the process and everything it started; return its exit status."""
        if self._code is None:
            self.kill()
            with self._alive:
                self._code = self._process.wait()
            _kill_marked(self._mark)
            self._repeat_said()
            for pipe in self._pipes():
                # What was written to a dead process cannot be flushed any more.
                with suppress(OSError):
                    pipe.close()
            shutil.rmtree(self._scratch, ignore_errors=True)
        return self._code

    def _repeat_said(self) -> None:
        while len(self._said) < MAX_SAID and self._hear():
            pass
        if self._said:
            sys.stderr.write(self._said.decode(errors="backslashreplace"))
            if self._unsaid:
                sys.stderr.write(f"\n... and {self._unsaid} bytes more\n")
            sys.stderr.flush()


def _sent(pipe: IO[bytes], data: memoryview) -> int:
    try:
        return os.write(pipe.fileno(), data[:_CHUNK])
    except BlockingIOError:
        return 0
    except BrokenPipeError as error:
        raise EOFError from error


def _received(pipe: IO[bytes]) -> bytes:
    chunk = os.read(pipe.fileno(), _CHUNK)
    if not chunk:
        raise EOFError
    return chunk


def _environment(scratch: str, mark: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith("LC_") or name.endswith(_KEPT_SORTS)
    }
    # From another working folder the same modules are found.
    paths = [str(Path(each).absolute()) for each in _path_entries("PYTHONPATH")]
    return kept | {
        MARK: mark,
        "HOME": scratch,
        "TMPDIR": scratch,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUSERBASE": site.getuserbase(),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _path_entries(name: str) -> list[str]:
    return [each for each in os.environ.get(name, "").split(os.pathsep) if each]


def _kill_marked(mark: str) -> None:
    """Kill what has left the process group and still carries the mark in its environment."""
    needle = f"{MARK}={mark}".encode()
    for _ in range(_MANY):
        living = [pid for pid in _processes() if needle in _environment_of(pid)]
        if not living:
            return
        for pid in living:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _processes() -> list[int]:
    # Elsewhere than on Linux there is no such folder, and the process group has to do.
    return [int(each.name) for each in Path("/proc").glob("[0-9]*")]


def _environment_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
