"""Every command that an advice, a message or a page of the reference names can be typed so."""

from __future__ import annotations

import ast
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from tradeworthy.cli.app import app
from tradeworthy.promotion.concerns import GATES

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "tradeworthy"
COMMAND = re.compile(r"`(tradeworthy [a-z][^`]*)`")
# What stands in a text where a value is put in.
VALUE = "1"


def texts(node: ast.AST) -> Iterator[str]:
    """Yield every text of a file as it reads with values put in, that of a docstring too."""
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else VALUE for part in node.values)
        yield "".join(map(str, parts))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    else:
        for child in ast.iter_child_nodes(node):
            yield from texts(child)


def advised() -> dict[str, str]:
    """Return every command that a text of the product names, with a place where it does."""
    named = {}
    for file in (*PACKAGE.rglob("*.py"), ROOT / "docs" / "reference_words.py"):
        for text in texts(ast.parse(file.read_text(encoding="utf-8"))):
            named |= dict.fromkeys(COMMAND.findall(text), str(file.relative_to(ROOT)))
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        named |= dict.fromkeys(COMMAND.findall(page.read_text("utf-8")), page.name)
    for gate in GATES:
        named |= dict.fromkeys(COMMAND.findall(gate.advice), gate.name)
    return named


def fault(text: str) -> str | None:
    """Say what the command line would not understand in a command, None if it understands it."""
    words = shlex.split(text)[1:]
    command: Any = get_command(app)
    while hasattr(command, "commands"):
        if not words or words[0] not in command.commands:
            return f"there is no command {' '.join(words[:2])!r}"
        command = command.commands[words.pop(0)]
    options = {name: each for each in command.params for name in each.opts if name[0] == "-"}
    places = [each for each in command.params if each.param_type_name == "argument"]
    values = 0
    while words:
        word = words.pop(0)
        if word[0] != "-":
            values += 1
        elif word not in options:
            return f"there is no option {word}"
        elif not getattr(options[word], "is_flag", False):
            if not words or words[0][0] == "-":
                return f"{word} lacks its value"
            words.pop(0)
    return _wrong_count(values, places)


def _wrong_count(values: int, places: list[Any]) -> str | None:
    # A command that is named alone, as `tradeworthy models list`, is no line to be typed.
    least = sum(1 for each in places if each.required)
    most = sys.maxsize if any(each.nargs < 0 for each in places) else len(places)
    return None if values == 0 or least <= values <= most else f"it takes {least} values"


def test_every_command_that_a_text_names_is_understood() -> None:
    named = advised()
    assert len(named) > 15
    assert {where: (text, fault(text)) for text, where in named.items() if fault(text)} == {}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("tradeworthy backtest MODEL VERSION", None),
        ("tradeworthy models list", None),
        ("tradeworthy features activate a.py b.py", None),
        ("tradeworthy rollback MODEL", "there is no command"),
        ("tradeworthy models frobnicate", "there is no command"),
        ("tradeworthy backtest MODEL", "takes 2 values"),
        ("tradeworthy features hash FILE --input a", "there is no option"),
        ("tradeworthy train FILE --model", "lacks its value"),
    ],
)
def test_a_command_that_does_not_exist_is_seen(text: str, wrong: str | None) -> None:
    found = fault(text)
    assert found is None if wrong is None else wrong in str(found)
