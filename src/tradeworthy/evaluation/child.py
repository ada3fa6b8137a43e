"""One child process for one evaluation: forked for it, used once, ended with all it started."""

from __future__ import annotations

import json
import os
import secrets
import selectors
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict

from tradeworthy.evaluation.ahead import named
from tradeworthy.evaluation.fork_server import ForkServer
from tradeworthy.evidence.evaluation_request import EvaluationRequest

MAX_REPLY = 64 * 2**20
MAX_SAID = 64 * 2**10
_CHUNK = 1 << 16


class ReplyInvalid(Exception):
    """The child wrote something else than one answer of a bounded size under its seal."""


class EvaluationChild:
    """A fork that waits for one request.

    Its working folder, home and temporary folder are its own, and go with it. What it prints comes
    to this process's standard error, as far as the first 64 KiB.

    Raises
    ------
    OSError
        If it cannot be forked.
    """

    def __init__(self, server: ForkServer) -> None:
        self._server = server
        self._said = bytearray()
        self._unsaid = 0
        self._libraries: tuple[str, ...] = ()
        self._code: int | None = None
        self._killed = False
        self._ended = False
        ends: list[int] = []
        try:
            for _ in range(3):
                ends += os.pipe()
            request, self._requests, self._replies, reply, self._output, output = ends
            server.fork([request, reply, output])
        except OSError:
            _close(ends)
            raise
        _close([request, reply, output])

    def ask(self, request: EvaluationRequest, seconds: float) -> bytes:
        """Send a request and return the text of the reply, which nobody has read yet.

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
        self._libraries = named(libraries)
        return text

    def _exchange(self, message: bytes, seconds: float) -> bytes:
        deadline = time.monotonic() + seconds
        unsent, reply = memoryview(message), bytearray()
        for pipe in (self._requests, self._replies, self._output):
            os.set_blocking(pipe, False)
        with selectors.DefaultSelector() as pipes:
            pipes.register(self._requests, selectors.EVENT_WRITE)
            for pipe in (self._replies, self._output):
                pipes.register(pipe, selectors.EVENT_READ)
            while not reply.endswith(b"\n"):
                left = deadline - time.monotonic()
                ready = [key.fd for key, _ in pipes.select(left)] if left > 0 else []
                if not ready:
                    raise TimeoutError
                if self._output in ready and self._hear() == b"":
                    pipes.unregister(self._output)
                if self._requests in ready:
                    unsent = unsent[_sent(self._requests, unsent) :]
                    if not unsent:
                        pipes.unregister(self._requests)
                if self._replies in ready:
                    reply += _received(self._replies)
                    if len(reply) > MAX_REPLY:
                        raise ReplyInvalid(
                            f"the evaluation's answer has more than {MAX_REPLY} bytes: evaluate "
                            "on fewer bars"
                        )
        return bytes(reply[: reply.index(b"\n")])

    def _hear(self) -> bytes | None:
        """Take some of what users' code printed: empty at its end, None if there is none now."""
        try:
            chunk = os.read(self._output, _CHUNK)
        except BlockingIOError:
            return None
        kept = chunk[: MAX_SAID - len(self._said)]
        self._said += kept
        self._unsaid += len(chunk) - len(kept)
        return chunk

    def kill(self) -> None:
        """Cut the evaluation off; whoever waits for its reply gets ``EOFError``."""
        if not self._killed:
            self._killed = True
            self._server.kill()

    def end(self) -> int | None:
        """End the process and everything it started; return its exit status.

        None says that its server is gone: nobody knows what became of it, nor who has answered.
        """
        if not self._ended:
            self._ended = True
            self._code = self._server.end(self._libraries)
            self._repeat_said()
            _close([self._requests, self._replies, self._output])
        return self._code

    def _repeat_said(self) -> None:
        while len(self._said) < MAX_SAID and self._hear():
            pass
        more = f"\n... and {self._unsaid} bytes more\n" if self._unsaid else ""
        # Whoever started this process may have closed its standard error.
        with suppress(OSError, ValueError):
            sys.stderr.write(self._said.decode(errors="backslashreplace") + more)
            sys.stderr.flush()


def _sent(pipe: int, data: memoryview) -> int:
    try:
        return os.write(pipe, data[:_CHUNK])
    except BlockingIOError:
        return 0
    except BrokenPipeError as error:
        raise EOFError from error


def _received(pipe: int) -> bytes:
    try:
        chunk = os.read(pipe, _CHUNK)
    except BlockingIOError:
        # Users' code may have taken it out of the pipe.
        return b""
    if not chunk:
        raise EOFError
    return chunk


def _close(pipes: Iterable[int]) -> None:
    for pipe in pipes:
        os.close(pipe)
