"""The words of CONTRIBUTING stand alone: what was once written for them stays away."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
REPLACED = {
    "papers": "manifest",
    "told": "reported, shown, printed",
    "telling": "reporting",
    "asked": "requested, required",
    "maker": "what makes it",
}
# Also within names that underscores part.
_REPLACED = re.compile(rf"(?<![a-z])({'|'.join(REPLACED)})(?![a-z])", re.IGNORECASE)
_FOLDERS = ("src", "tests", "docs", "benchmarks", "config")
_KINDS = {".py", ".md", ".yaml", ".toml"}


def texts() -> list[Path]:
    """Return every file that people read."""
    inside = [each for folder in _FOLDERS for each in (ROOT / folder).rglob("*")]
    found = [each for each in (*ROOT.glob("*"), *inside) if each.suffix in _KINDS]
    return [each for each in found if each != Path(__file__).resolve()]


def test_no_text_uses_a_word_that_was_replaced() -> None:
    files = texts()
    assert len(files) > 500
    found = [
        f"{file.relative_to(ROOT)}:{number}: {match[0]}: write {REPLACED[match[0].lower()]}"
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        for match in _REPLACED.finditer(line)
    ]
    assert found == []
