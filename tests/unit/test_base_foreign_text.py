"""What others' code says in its errors is passed on in a line of a bounded length."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tradeworthy
from tradeworthy.base.foreign_text import MOST_BYTES, foreign_text, shortened

SOURCE = Path(tradeworthy.__file__).parent
# Caught where others' code runs; every narrower class is one whose text we know.
ANYTHING = {"Exception", "BaseException", "PolarsError", "PanicException", "ComputeError"}


def caught_names(handler: ast.ExceptHandler) -> set[str]:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {ast.unparse(kind).rpartition(".")[2] for kind in kinds if kind is not None}


def passed_on(handler: ast.ExceptHandler) -> Iterator[int]:
    """Give the lines where the text of the caught error is written as it is."""
    for raised in ast.walk(handler):
        if isinstance(raised, ast.Raise) and raised.exc is not None:
            for node in ast.walk(raised.exc):
                match node:
                    case ast.FormattedValue(value=ast.Name(id=name)) if name == handler.name:
                        yield node.lineno


def test_no_error_of_others_is_passed_on_whole() -> None:
    handlers = [
        (file, node)
        for file in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ExceptHandler) and caught_names(node) & ANYTHING
    ]
    assert len(handlers) > 10
    found = [f"{file}:{line}" for file, handler in handlers for line in passed_on(handler)]
    assert found == []


@pytest.mark.parametrize("character", ["x", "é", "漢", "\U0001f600", "\ud800", "\n"])
@pytest.mark.parametrize("length", [0, 1, MOST_BYTES, MOST_BYTES + 1, 1_500_000])
def test_a_line_of_whole_characters(character: str, length: int) -> None:
    line = shortened(character * length)
    assert len(line.encode()) <= MOST_BYTES
    assert "\n" not in line
    if line.endswith("characters more)"):
        kept, _, rest = line.rpartition("... (")
        left_out = int(rest.split()[0].replace(",", ""))
        written = (character * length).encode(errors="backslashreplace").decode()
        assert written.startswith(kept)
        assert len(written) - len(kept) >= left_out > 0


def test_an_error_without_a_text_and_one_whose_text_fails() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise SystemExit(3)

    assert foreign_text(KeyError()) == "KeyError"
    assert foreign_text(Mute()) == "Mute (whose text cannot be read)"
