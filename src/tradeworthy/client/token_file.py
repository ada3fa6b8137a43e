"""A token as it stands in a file, in the environment or in an argument."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tradeworthy.errors import Unauthenticated


def read_token(
    file: str | Path | None, token: str | None, environment: Mapping[str, str]
) -> str | None:
    """Return the token that is meant, None where there is none; it is never quoted.

    Parameters
    ----------
    file, token
        The file that holds it, or the token itself; a file wins.
    environment
        Searched for ``TRADEWORTHY_TOKEN_FILE`` and ``TRADEWORTHY_TOKEN`` where neither is given.

    Raises
    ------
    Unauthenticated
        If the file cannot be read, or what is given cannot be a token.
    """
    if file is None and token is None:
        file = environment.get("TRADEWORTHY_TOKEN_FILE") or None
        token = environment.get("TRADEWORTHY_TOKEN")
    if file is not None:
        try:
            token = Path(file).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise Unauthenticated(f"cannot read the token file {file}") from error
    if token is None:
        return None
    word = token.strip() if isinstance(token, str) else ""
    if (token and not word) or not (word.isascii() and word.isprintable() and " " not in word):
        raise Unauthenticated(
            f"{file or 'what is given as the token'} does not hold one token: a token is one word; "
            "name the file that holds it with token_file, --token-file or TRADEWORTHY_TOKEN_FILE"
        )
    return word or None
