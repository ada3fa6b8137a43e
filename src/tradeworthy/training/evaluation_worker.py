"""The child's side of the process that runs users' code: a JSON line in, a JSON line out."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tradeworthy.errors import TradeworthyError
from tradeworthy.training.evaluation import LookAheadMemory, evaluate
from tradeworthy.validation.evidence import EvaluationRequest, EvaluationSettings


def answer(line: bytes, tested: LookAheadMemory) -> dict[str, object]:
    """Evaluate what a line asks for; return the evidence or the error."""
    data = json.loads(line)
    data["settings"] = EvaluationSettings(**data["settings"])
    try:
        return {"evidence": evaluate(EvaluationRequest(**data), tested).to_json()}
    except TradeworthyError as error:
        told = {"code": error.code, "message": error.message, "details": error.details}
        return {"error": told}


def main() -> None:
    """Serve evaluations until standard input ends."""
    # Users' code may print: what it prints goes to standard error, replies to the old output. It
    # may read, and finds nothing: requests come through the old input.
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    tested: LookAheadMemory = {}
    for line in requests:
        replies.write(json.dumps(answer(line, tested), default=str).encode() + b"\n")
        replies.flush()


if __name__ == "__main__":
    main()
