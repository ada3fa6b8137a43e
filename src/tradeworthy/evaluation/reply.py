"""What an evaluation's process answers, read as if its worst enemy had written it: users' code may.

The answer is evidence or an error, of the types that they have, and nothing besides.
"""

from __future__ import annotations

from tradeworthy.base.strict_json import read_json
from tradeworthy.errors import InvalidInput, StrategyInvalid, rebuild
from tradeworthy.evidence.evidence import Evidence


def read_reply(text: bytes) -> Evidence:
    """Return the evidence that an evaluation answered with.

    Raises
    ------
    StrategyInvalid
        If the answer is neither evidence nor an error: not JSON, a key twice, NaN, too deep, a
        field that is missing, unknown or of another type.
    TradeworthyError
        The error that it answered with, as the class that it has there.
    """
    content = read_json(text, what="the evaluation's answer", refusal=StrategyInvalid)
    match content:
        case {"evidence": evidence, **others} if not others:
            try:
                return Evidence.from_json(evidence)
            except InvalidInput as error:
                raise StrategyInvalid(f"the evaluation's answer is {error.message}") from error
        case {
            "error": {"code": str(code), "message": str(message), "details": dict(details), **more},
            **others,
        } if not (more or others):
            raise rebuild(code, message, details)
    raise StrategyInvalid(
        "the evaluation's answer is neither evidence nor an error: the strategy's code must leave "
        "the process that runs it alone"
    )
