"""The child's side of an evaluation: one JSON line in, one JSON line out under its seal.

It has one argument, JSON: the folder it may not read (``private``), if any, what of it all the same
(``readable``), and what to import while no request comes (``ahead``). Its working folder is its to
write in.
"""

from __future__ import annotations

import gc
import importlib
import json
import math
import os
import select
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tradeworthy.evaluation import ahead
from tradeworthy.evaluation.fence import put_up_fence

if TYPE_CHECKING:
    from tradeworthy.evidence.evaluation_request import EvaluationRequest


def answer(request: EvaluationRequest) -> dict[str, object]:
    """Evaluate what a request asks for; return the evidence or the error."""
    from tradeworthy.errors import TradeworthyError
    from tradeworthy.evaluation.evaluate import evaluate

    try:
        return {"evidence": evaluate(request).to_json()}
    except TradeworthyError as error:
        details = {name: _finite(value) for name, value in error.details.items()}
        return {"error": {"code": error.code, "message": error.message, "details": details}}


def _finite(value: object) -> object:
    # The reader of the answer takes no NaN.
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _request(content: object) -> EvaluationRequest:
    from pydantic import TypeAdapter

    from tradeworthy.evidence.evaluation_request import EvaluationRequest

    return TypeAdapter(EvaluationRequest).validate_python(content)


def main() -> None:
    """Answer one request, if one comes before standard input ends."""
    # Users' code may print: what it prints goes to standard error, the reply to the old output. It
    # may read, and finds nothing: the request comes through the old input.
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    _be_the_first_to_go()
    # What imports make stays: to search it for garbage takes a tenth of their time.
    gc.disable()
    given = json.loads(sys.argv[1])
    private = Path(given["private"]) if given["private"] else None
    put_up_fence(Path.cwd(), private, map(Path, given["readable"]))
    # Within the fence, since libraries start threads; ahead of the request, since they take time.
    importlib.import_module("tradeworthy.evaluation.evaluate")
    if not select.select([requests], [], [], 0)[0]:
        ahead.load(given["ahead"])
    gc.freeze()
    gc.enable()
    line = requests.readline()
    if line:
        threading.Thread(target=_end_with_the_parent, args=(requests,), daemon=True).start()
        message = json.loads(line)
        reply = json.dumps(answer(_request(message["request"])), default=str)
        replies.write(f"{message['seal']} {ahead.loaded()} {reply}\n".encode())
        replies.flush()


def _be_the_first_to_go() -> None:
    """Ask Linux to take this process, not the service, when memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _end_with_the_parent(requests: IO[bytes]) -> None:
    """Wait until the parent is gone or done, and leave with the process group."""
    requests.read()
    with suppress(ProcessLookupError):
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
