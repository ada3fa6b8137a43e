"""One name, one thing: classes and files of the product are named for what they are."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "src" / "tradeworthy"
# Rooms that the design names, and words of the field that end so without being acts.
GERUNDS_THAT_STAY = frozenset({"serving", "training", "recording", "overfitting"})


def classes() -> dict[str, list[str]]:
    """Return the files of every class that stands at the top of one, by its name."""
    found = defaultdict(list)
    for file in PACKAGE.rglob("*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                found[node.name].append(str(file.relative_to(PACKAGE)))
    return found


def test_no_two_classes_have_one_name() -> None:
    named = classes()
    assert len(named) > 350
    assert {name: files for name, files in named.items() if len(files) > 1} == {}


def test_what_goes_over_the_wire_is_named_for_what_it_is() -> None:
    on_the_wire = [name for name, files in classes().items() if files[0].startswith("wire/")]
    assert len(on_the_wire) > 30
    assert [name for name in on_the_wire if re.search("(Request|Response)$", name)] == []


def test_no_file_or_folder_is_named_for_an_act() -> None:
    words = {
        word
        for path in PACKAGE.rglob("*")
        if path.suffix == ".py" or path.is_dir()
        for word in path.relative_to(PACKAGE).with_suffix("").parts[-1].split("_")[-1:]
        if word.endswith("ing")
    }
    assert words - GERUNDS_THAT_STAY == set()
