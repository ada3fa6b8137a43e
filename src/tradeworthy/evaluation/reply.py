"""What an evaluation's process answers, read as if its worst enemy had written it: users' code may.

The answer is evidence or an error, of the types that they have, and nothing besides.
"""

from __future__ import annotations

from pathlib import Path

from tradeworthy.base.files.whole_error import ERRORS, WHOLE_TEXT, keep_whole_text
from tradeworthy.base.foreign_text import shortened
from tradeworthy.base.strict_json import read_json
from tradeworthy.base.users_errors import small_details
from tradeworthy.errors import InvalidInput, StrategyInvalid, rebuild
from tradeworthy.evidence.evidence import Evidence

_MOST_BYTES = 2048


def read_reply(text: bytes, folder: Path = ERRORS) -> Evidence:
    """Return the evidence that an evaluation answered with.

    Parameters
    ----------
    text
        The answer.
    folder
        Where the whole text of an error is kept that is too long for a message.

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
        } if not more and others.keys() <= {WHOLE_TEXT}:
            refusal = rebuild(code, shortened(message, _MOST_BYTES), small_details(details))
            refusal.whole_text = str(others[WHOLE_TEXT]) if others else None
            keep_whole_text(refusal, folder)
            raise refusal
    raise StrategyInvalid(
        "the evaluation's answer is neither evidence nor an error: the strategy's code must leave "
        "the process that runs it alone"
    )
