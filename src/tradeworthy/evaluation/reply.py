"""What an evaluation's process answers, read as if its worst enemy had written it: users' code may.

The answer is evidence or an error, of the types that they have, and nothing besides.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tradeworthy.base.foreign_text import shortened
from tradeworthy.base.strict_json import read_json
from tradeworthy.base.users_errors import (
    ERROR_FILES,
    ERRORS,
    IN_FILE,
    WHOLE_TEXT,
    keep_text,
    small_details,
)
from tradeworthy.errors import InvalidInput, StrategyInvalid, TradeworthyError, rebuild
from tradeworthy.evidence.evidence import Evidence

_MOST_BYTES = 2048
_MOST_FILES = 50


def read_reply(text: bytes, folder: Path = ERRORS) -> Evidence:
    """Return the evidence that an evaluation answered with.

    Parameters
    ----------
    text
        The answer.
    folder
        Where the whole text of an error is kept that is too long for a message; of these files
        the newest 50 stay.

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
            raise _kept(refusal, others.get(WHOLE_TEXT), folder)
    raise StrategyInvalid(
        "the evaluation's answer is neither evidence nor an error: the strategy's code must leave "
        "the process that runs it alone"
    )


def _kept(error: TradeworthyError, whole_text: object, folder: Path) -> TradeworthyError:
    """Return the error with the place of its whole text, if it has more than its message."""
    if whole_text is None:
        return error
    try:
        place = str(keep_text(str(whole_text), folder))
        with suppress(OSError):
            _forget_oldest(folder)
    except OSError as failure:
        place = f"no file: {failure.strerror}"
    # The process named a file of its own folder, which is gone.
    message = f"{error.message.partition(IN_FILE)[0]}{IN_FILE}{place}"
    return rebuild(error.code, message, error.details | {WHOLE_TEXT: place})


def _forget_oldest(folder: Path) -> None:
    files = sorted(folder.glob(ERROR_FILES), key=lambda each: each.stat().st_mtime_ns)
    for each in files[:-_MOST_FILES]:
        each.unlink(missing_ok=True)
