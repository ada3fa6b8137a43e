"""The fork that evaluates: one JSON line in, one JSON line out under its seal.

Its working folder is its to write in.
"""

from __future__ import annotations

import ctypes
import gc
import json
import math
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tradeworthy.evaluation import ahead
from tradeworthy.evaluation.fence import put_up_fence

if TYPE_CHECKING:
    from tradeworthy.evidence.evaluation_request import EvaluationRequest

# Linux: a signal for this process when its parent is gone.
_SET_PARENT_DEATH_SIGNAL = 1


@dataclass(frozen=True, slots=True)
class Fork:
    """What a fork has of its own, and what it may not read."""

    pipes: Sequence[int]
    scratch: Path
    server: int
    private: str | None
    readable: Sequence[str]


def answer_one(fork: Fork) -> None:
    """Answer one request, if one comes before its pipe ends."""
    pipes = _become_a_process_of_its_own(fork)
    requests, replies = os.fdopen(pipes[0], "rb"), os.fdopen(pipes[1], "wb")
    private = None if fork.private is None else Path(fork.private)
    put_up_fence(fork.scratch, private, map(Path, fork.readable))
    gc.enable()
    line = requests.readline()
    if line:
        message = json.loads(line)
        reply = json.dumps(answer(_request(message["request"])), default=str)
        replies.write(f"{message['seal']} {ahead.loaded()} {reply}\n".encode())
        replies.flush()


def answer(request: EvaluationRequest) -> dict[str, object]:
    """Evaluate what a request asks for; return the evidence or the error."""
    from tradeworthy.base.files.whole_error import WHOLE_TEXT
    from tradeworthy.errors import TradeworthyError
    from tradeworthy.evaluation.evaluate import evaluate

    try:
        return {"evidence": evaluate(request).to_json()}
    except TradeworthyError as error:
        details = {name: _finite(value) for name, value in error.details.items()}
        whole = {} if error.whole_text is None else {WHOLE_TEXT: error.whole_text}
        return {
            "error": {"code": error.code, "message": error.message, "details": details},
            **whole,
        }


def _finite(value: object) -> object:
    # The reader of the answer takes no NaN.
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _request(content: object) -> EvaluationRequest:
    from pydantic import TypeAdapter

    from tradeworthy.evidence.evaluation_request import EvaluationRequest

    return TypeAdapter(EvaluationRequest).validate_python(content)


def _become_a_process_of_its_own(fork: Fork) -> tuple[int, int]:
    """Take leave of the server: group, streams, folders, random numbers; return the two pipes."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != fork.server:
            # It went before that was said.
            os.kill(os.getpid(), signal.SIGKILL)
    _be_the_first_to_go()
    requests, replies, said = fork.pipes
    # Users' code may print: what it prints has a pipe of its own. It may read, and finds nothing.
    for each in (1, 2):
        os.dup2(said, each)
    os.close(said)
    for each in (requests, replies):
        os.set_inheritable(each, False)
    os.chdir(fork.scratch)
    os.environ.update(HOME=str(fork.scratch), TMPDIR=str(fork.scratch))
    tempfile.tempdir = None
    np.random.seed()
    return requests, replies


def _be_the_first_to_go() -> None:
    """Ask Linux to take this process, not the service, when memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
