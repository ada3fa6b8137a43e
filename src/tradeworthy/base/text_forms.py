"""The forms that a text from outside may have: a pattern each, and the words for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# PostgreSQL keeps no NUL in a text. Control characters, and those that nobody sees or that turn
# the direction of a line, would only mislead a reader of the record.
UNSEEN: Final = "\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff"
ONE_LINE: Final = f"^[^{UNSEEN}]*$"
_SEEN = f"[^{UNSEEN}\\s]"
TO_READ: Final = f"^[^{UNSEEN}]*{_SEEN}[^{UNSEEN}]*$"
NO_NUL: Final = "^[^\\x00]*$"
REASON: Final = f"^[^\\x00]*{_SEEN}[^\\x00]*$"
REASON_OR_NONE: Final = f"^([^\\x00]*{_SEEN}[^\\x00]*)?$"
TAG_KEY: Final = f"^[^={UNSEEN}]+$"
SHA256: Final = "^[0-9a-f]{64}$"
DIGEST_START: Final = "^[0-9a-f]{8,64}$"
SHORT_ID: Final = "^[0-9a-f]{16}$"
GIT_COMMIT: Final = "^[0-9a-f]{40}([0-9a-f]{24})?$"
MODEL_NAME: Final = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
FILE_NAME: Final = "^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$"
MOMENT: Final = (
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    "(T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2}))?$"
)

IN_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        ONE_LINE: "one line without control characters and invisible ones",
        TO_READ: "one line with something to read, without control characters and invisible ones",
        NO_NUL: "text without NUL characters",
        REASON: "text with something to read, without NUL characters",
        REASON_OR_NONE: "empty, or text with something to read, without NUL characters",
        TAG_KEY: "one line without control characters and invisible ones, and without =",
        SHA256: "64 hexadecimal digits, 0-9 and a-f",
        DIGEST_START: "a digest, or 8 or more of its hexadecimal digits, 0-9 and a-f",
        SHORT_ID: "16 hexadecimal digits, 0-9 and a-f",
        GIT_COMMIT: "40 or 64 hexadecimal digits, 0-9 and a-f, the full name of a git commit",
        MODEL_NAME: "1 to 128 letters, digits or . _ -, a letter or digit first",
        FILE_NAME: "a file's name of 1 to 200 letters, digits or . _ -",
        MOMENT: "a date as 2026-01-05, or a time as 2026-01-05T12:00:00Z",
    }
)
"""By pattern, what a text has to be, so that nobody has to read a regular expression."""


def says_something(text: str) -> bool:
    r"""Tell whether a text has anything to read.

    Examples
    --------
    >>> says_something("worn out"), says_something(" \u200b")
    (True, False)
    """
    return re.search(_SEEN, text) is not None
