"""Libraries that take seconds to import: the fork server loads those that a child has loaded.

What a child says it loaded is not trusted: it chooses among these names and no others.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from contextlib import suppress

LIBRARIES = ("sklearn.linear_model", "sklearn.ensemble", "lightgbm")
_NONE = "-"


def loaded() -> str:
    """Return which of the libraries this process has loaded, as one word."""
    return ",".join(name for name in LIBRARIES if name in sys.modules) or _NONE


def named(word: bytes) -> tuple[str, ...]:
    """Return the libraries that such a word names, and nothing else that it says.

    Examples
    --------
    >>> named(b"lightgbm,os,sklearn.linear_model")
    ('sklearn.linear_model', 'lightgbm')
    """
    words = word.split(b",")
    return tuple(name for name in LIBRARIES if name.encode() in words)


def load(names: Iterable[str]) -> None:
    """Import what can be imported of them; a strategy that needs the rest will say so."""
    for name in names:
        with suppress(Exception):
            importlib.import_module(name)
