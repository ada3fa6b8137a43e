"""Names of models and strategies: they stand in paths, files and records."""

from __future__ import annotations

import re

from tradeworthy.errors import InvalidInput

NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_NAME = re.compile(NAME)


def is_name(text: str) -> bool:
    """Tell whether ``text`` can name a model or a strategy.

    Examples
    --------
    >>> is_name("index-trend"), is_name("../secrets")
    (True, False)
    """
    return _NAME.fullmatch(text) is not None


def check_name(name: str, field: str) -> None:
    """Raise ``InvalidInput`` unless ``name`` can name the ``field``, a model or a strategy."""
    if not is_name(name):
        raise InvalidInput(
            f"{name!r} cannot name a {field}: use 1 to 128 letters, digits or . _ -", field=field
        )
