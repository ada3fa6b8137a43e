"""Evaluations in processes of their own, one each: no strategy's code meets another's.

Each is forked from a process that has done the imports and never runs users' code, so that nobody
waits for them twice. A crash or endless loop there harms nobody.
"""

from __future__ import annotations

import dataclasses
import functools
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from tradeworthy.base.files.whole_error import ERRORS
from tradeworthy.errors import HomeUnusable, StrategyInvalid
from tradeworthy.evaluation.child import EvaluationChild, ReplyInvalid
from tradeworthy.evaluation.fork_server import ForkServer
from tradeworthy.evaluation.reply import read_reply
from tradeworthy.evidence.evaluation_request import EvaluationRequest
from tradeworthy.evidence.evidence import Evidence


class EvaluationProcess:
    """Evaluates candidates one at a time, each in a fresh child process.

    Parameters
    ----------
    seconds
        How long one evaluation may take.
    private, readable
        A folder that users' code may not read, and what of it all the same. Its ``errors`` folder
        keeps the errors of users' code that are too long for a message.
    """

    def __init__(
        self, seconds: float, *, private: Path | None = None, readable: Sequence[Path] = ()
    ) -> None:
        self._seconds = seconds
        self._errors = ERRORS if private is None else private / "errors"
        self._start = functools.partial(ForkServer, private, readable)
        self._turn = threading.Lock()
        # Guards what follows; held for moments only, so that an interrupt never waits.
        self._guard = threading.Lock()
        self._server: ForkServer | None = None
        self._running: EvaluationChild | None = None
        self._closed = False

    def __call__(self, request: EvaluationRequest) -> Evidence:
        """Evaluate a candidate.

        Raises
        ------
        StrategyInvalid
            If it takes too long, its process dies, or answers in another way than it should.
        HomeUnusable
            If no process can be started.
        TradeworthyError
            Whatever the evaluation refused with.
        """
        with self._turn:
            child = self._forked()
            try:
                reply = child.ask(_absolute(request), self._seconds)
            except EOFError as error:
                raise StrategyInvalid(_death(self._end(child))) from error
            except TimeoutError as error:
                raise StrategyInvalid(
                    f"the evaluation took more than {self._seconds:g} seconds and was stopped: "
                    "make training faster, or raise TRADEWORTHY_EVALUATION_SECONDS"
                ) from error
            except ReplyInvalid as error:
                raise StrategyInvalid(str(error)) from error
            finally:
                code = self._end(child)
        if code is None:
            raise StrategyInvalid(_death(None))
        return read_reply(reply, self._errors)

    def _forked(self) -> EvaluationChild:
        with self._guard:
            if self._closed:
                raise StrategyInvalid("the service is stopping: ask for the evaluation again")
            if self._server is not None and not self._server.current:
                server, self._server = self._server, None
                server.close()
            try:
                self._server = self._server or self._start()
                self._running = EvaluationChild(self._server)
            except OSError as error:
                raise HomeUnusable(
                    f"the evaluation's process cannot be started: {error.strerror}"
                ) from error
            return self._running

    def _end(self, child: EvaluationChild) -> int | None:
        with self._guard:
            # From now on there is nothing to cut off.
            self._running = None
        return child.end()

    def interrupt(self) -> None:
        """Cut off the evaluation that is running, if any; it ends with ``StrategyInvalid``."""
        with self._guard:
            if self._running is not None:
                self._running.kill()

    def close(self) -> None:
        """End every child process; an evaluation that is running is cut off, none follows."""
        with self._guard:
            self._closed = True
        self.interrupt()
        with self._turn:
            if self._server is not None:
                self._server.close()
                self._server = None


def _death(code: int | None) -> str:
    if code is None:
        return (
            "the evaluation's process was ended from outside (exit status -9), or could not start; "
            "see the service's log, then ask again"
        )
    killed = ", killed, or out of memory" if code == -signal.SIGKILL else ""
    return f"the evaluation's process died (exit status {code}{killed}); see the service's log"


def _absolute(request: EvaluationRequest) -> EvaluationRequest:
    # The child has a working folder of its own.
    return dataclasses.replace(
        request,
        strategy_file=str(Path(request.strategy_file).absolute()),
        artifact_file=str(Path(request.artifact_file).absolute()),
        dataset_file=str(Path(request.dataset_file).absolute()),
    )
