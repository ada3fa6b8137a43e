"""The parent's side of the process that runs users' code: one JSON line out, one JSON line in.

The parent kills it when an evaluation takes too long; a crash in it harms nobody.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from typing import IO

from tradeworthy.errors import StrategyInvalid, rebuild
from tradeworthy.validation.evidence import EvaluationRequest, Evidence

# Named, not imported: nothing that runs users' code is ever loaded into the serving process.
WORKER = "tradeworthy.training.evaluation_worker"
_CHUNK = 1 << 16


class EvaluationProcess:
    """Evaluates candidates one at a time in a child process that lives between them.

    Parameters
    ----------
    seconds
        How long one evaluation may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def __call__(self, request: EvaluationRequest) -> Evidence:
        """Evaluate a candidate.

        Raises
        ------
        StrategyInvalid
            If it takes too long, or its process dies.
        TradeworthyError
            Whatever the evaluation refused with.
        """
        line = json.dumps(asdict(request)).encode() + b"\n"
        with self._lock:
            reply = json.loads(self._exchange(line))
        if "error" in reply:
            error = reply["error"]
            raise rebuild(error["code"], error["message"], error["details"])
        return Evidence.from_json(reply["evidence"])

    def _exchange(self, line: bytes) -> bytes:
        child = self._running()
        assert child.stdin is not None and child.stdout is not None  # noqa: S101 - both piped
        try:
            child.stdin.write(line)
            child.stdin.flush()
            return self._read_line(child.stdout)
        except (BrokenPipeError, EOFError) as error:
            code = self._stop()
            raise StrategyInvalid(
                f"the evaluation's process died (exit status {code}); see the service's log"
            ) from error
        except TimeoutError as error:
            self._stop()
            raise StrategyInvalid(
                f"the evaluation took more than {self._seconds:g} seconds and was stopped: make "
                "training faster, or raise TRADEWORTHY_EVALUATION_SECONDS"
            ) from error

    def _read_line(self, pipe: IO[bytes]) -> bytes:
        deadline = time.monotonic() + self._seconds
        parts: list[bytes] = []
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise TimeoutError
            chunk = os.read(pipe.fileno(), _CHUNK)
            if not chunk:
                raise EOFError
            parts.append(chunk)
            if chunk.endswith(b"\n"):
                return b"".join(parts)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._stop()
            self._child = subprocess.Popen(
                [sys.executable, "-m", WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # An interrupt is for the parent, which ends this process in its own time.
                start_new_session=True,
            )
        return self._child

    def _stop(self) -> int | None:
        """End the child with whatever it started; return its exit status."""
        child, self._child = self._child, None
        if child is None:
            return None
        if child.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        code = child.wait()
        for pipe in (child.stdin, child.stdout):
            # What was written to a dead process cannot be flushed any more.
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        return code

    def interrupt(self) -> None:
        """Cut off the evaluation that is running, if any; it ends with ``StrategyInvalid``."""
        # Without the lock, which the evaluation holds; who runs it also clears up behind it.
        child = self._child
        if child is not None and child.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the child process."""
        with self._lock:
            self._stop()
