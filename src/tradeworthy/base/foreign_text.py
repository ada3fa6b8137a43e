"""The text of errors that other people's code raises: a line of a bounded length.

A library may put a whole table into an error, and an error's own code may fail.
"""

from __future__ import annotations

MOST_BYTES = 900
# Bytes of a whole text that are kept in a file.
MOST_KEPT = 8 * 10**6
_LINES = "\n\r\t"


def foreign_text(error: BaseException) -> str:
    """Return the kind and the text of an error in one line of at most `MOST_BYTES`.

    Examples
    --------
    >>> foreign_text(ValueError("no data"))
    'ValueError: no data'
    """
    return shortened(whole_text(error))


def whole_text(error: BaseException) -> str:
    """Return the kind and the text of an error, as far as it has one, whatever its length.

    Examples
    --------
    >>> whole_text(SystemExit())
    'SystemExit'
    """
    name = kind_of(error)
    try:
        text = readable(str(error))
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - the error's own code may leave by anything
        return f"{name} (whose text cannot be read)"
    return f"{name}: {text}" if text else name


def kind_of(error: BaseException) -> str:
    """Return the name of an error's class, asking nothing that users' code could answer.

    Examples
    --------
    >>> kind_of(KeyError("x"))
    'KeyError'
    """
    name: str = type.__dict__["__name__"].__get__(type(error))
    return shortened(readable(name), 100)


def readable(text: str, *, kept: str = _LINES) -> str:
    r"""Return a text as it can be written, whatever a subclass of text does with its methods.

    What a terminal would obey or a reader could not see stands escaped; line ends and tabs stay,
    unless nothing is ``kept``.

    Examples
    --------
    >>> readable("caf" + chr(0xD800) + chr(27) + "[2J")
    'caf\\ud800\\x1b[2J'
    >>> readable("one" + chr(10) + "two", kept="")
    'one\\ntwo'
    """
    plain = str.encode(text, errors="backslashreplace").decode()
    if plain.isprintable():
        return plain
    return "".join(
        each if each.isprintable() or each in kept else each.encode("unicode_escape").decode()
        for each in plain
    )


def shortened(text: str, most: int = MOST_BYTES) -> str:
    r"""Return a text in one line of at most ``most`` bytes that says how much was left out.

    Parameters
    ----------
    text
        Any text.
    most
        Bytes of UTF-8, from 50.

    Examples
    --------
    >>> shortened("one\ntwo")
    'one two'
    >>> shortened("x" * 1000, 50)
    'xxxxxxxxxx... (990 characters more)'
    """
    line = " ".join(text.split())
    data = line.encode(errors="backslashreplace")
    if len(data) <= most:
        return data.decode()
    kept = data[: most - 40].decode(errors="ignore")
    return f"{kept}... ({len(line) - len(kept):,} characters more)"
