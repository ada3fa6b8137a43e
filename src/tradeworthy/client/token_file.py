"""A token as it stands in a file or in the environment."""

from __future__ import annotations

from pathlib import Path

from tradeworthy.errors import Unauthenticated


def read_token(file: Path | None, token: str | None = None) -> str | None:
    """Return the token in a file, or ``token`` where no file is named; None for an empty one.

    Raises
    ------
    Unauthenticated
        If the file cannot be read, or its content cannot be a token; it is never quoted.
    """
    if file is not None:
        try:
            token = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Unauthenticated(f"cannot read the token file {file}") from error
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise Unauthenticated(
            f"{file or 'TRADEWORTHY_TOKEN'} does not hold one token: a token is one word"
        )
    return token or None
