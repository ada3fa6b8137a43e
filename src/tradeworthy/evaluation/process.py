"""Evaluations in processes of their own, one each: no strategy's code meets another's.

A process that ran users' code is ended with it. The next one is started ahead, so that nobody waits
for its imports. A crash or endless loop there harms nobody.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from tradeworthy.errors import HomeUnusable, StrategyInvalid
from tradeworthy.evaluation.child import EvaluationChild, ReplyInvalid
from tradeworthy.evaluation.reply import read_reply
from tradeworthy.evidence.evaluation_request import EvaluationRequest
from tradeworthy.evidence.evidence import Evidence

_LOG = logging.getLogger("tradeworthy.evaluation")


class EvaluationProcess:
    """Evaluates candidates one at a time, each in a fresh child process.

    Parameters
    ----------
    seconds
        How long one evaluation may take.
    private, readable
        A folder that users' code may not read, and what of it all the same.
    """

    def __init__(
        self, seconds: float, *, private: Path | None = None, readable: Sequence[Path] = ()
    ) -> None:
        self._seconds = seconds
        self._start = functools.partial(EvaluationChild, private, readable)
        self._turn = threading.Lock()
        # Guards what follows; held for moments only, so that an interrupt never waits.
        self._guard = threading.Lock()
        self._running: EvaluationChild | None = None
        self._spare: EvaluationChild | None = None
        self._taken = 0
        self._libraries: tuple[str, ...] = ()
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
            child = self._take()
            try:
                reply = child.ask(_absolute(request), self._seconds)
                self._libraries = reply.libraries
            except EOFError as error:
                code = child.end()
                raise StrategyInvalid(
                    f"the evaluation's process died (exit status {code}"
                    f"{_KILLED if code == -9 else ''}); see the service's log"
                ) from error
            except TimeoutError as error:
                raise StrategyInvalid(
                    f"the evaluation took more than {self._seconds:g} seconds and was stopped: "
                    "make training faster, or raise TRADEWORTHY_EVALUATION_SECONDS"
                ) from error
            except ReplyInvalid as error:
                raise StrategyInvalid(str(error)) from error
            finally:
                self._put_away(child)
        return read_reply(reply.text)

    def _take(self) -> EvaluationChild:
        with self._guard:
            if self._closed:
                raise StrategyInvalid("the service is stopping: ask for the evaluation again")
            spare, self._spare = self._spare, None
            if spare is not None and not spare.waits:
                spare.end()
                spare = None
            try:
                self._running = spare or self._start(self._libraries)
            except OSError as error:
                raise HomeUnusable(
                    f"the evaluation's process cannot be started: {error.strerror}"
                ) from error
            self._taken += 1
            self._prepare()
            return self._running

    def _put_away(self, child: EvaluationChild) -> None:
        child.end()
        with self._guard:
            self._running = None
            self._prepare()

    def _prepare(self) -> None:
        # Whoever evaluates once may be a command that ends with it.
        if self._taken > 1 and self._spare is None and not self._closed:
            try:
                self._spare = self._start(self._libraries)
            except OSError as error:
                _LOG.warning("no process for the next evaluation yet: %s", error)

    def interrupt(self) -> None:
        """Cut off the evaluation that is running, if any; it ends with ``StrategyInvalid``."""
        with self._guard:
            if self._running is not None:
                self._running.kill()

    def close(self) -> None:
        """End every child process; an evaluation that is running is cut off, none follows."""
        with self._guard:
            self._closed = True
            spare, self._spare = self._spare, None
        self.interrupt()
        if spare is not None:
            spare.end()
        with self._turn:
            pass


_KILLED = ", killed, or out of memory"


def _absolute(request: EvaluationRequest) -> EvaluationRequest:
    # The child has a working folder of its own.
    return dataclasses.replace(
        request,
        strategy_file=str(Path(request.strategy_file).absolute()),
        artifact_file=str(Path(request.artifact_file).absolute()),
        dataset_file=str(Path(request.dataset_file).absolute()),
    )
