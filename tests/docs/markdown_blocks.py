"""The fenced blocks of a page, and the shell script that does what the page tells its reader."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w./-]+)\n")
MARK = "=== block {} ==="
_MARKED = re.compile(r"^=== block (\d+) ===\n", re.MULTILINE)
ELLIPSIS = "..."


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that the reader saves the block as: the first line names it."""
        found = _FILE.match(self.text)
        return found[1] if found and self.language == "python" else None


def blocks_of(page: Path) -> list[Block]:
    """Return every fenced block of a page."""
    return [Block(*found.groups()) for found in _FENCE.finditer(page.read_text("utf-8"))]


def script_of(blocks: list[Block]) -> str:
    """Return a shell script that saves the files and runs the commands, in their order."""
    lines = ["set -eu -o pipefail", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    for number, block in enumerate(blocks):
        if block.file is not None:
            lines += [f"cat > {block.file} <<'END-OF-FILE'", block.text + "END-OF-FILE"]
        elif block.language == "sh":
            lines += [f"echo '{MARK.format(number)}'", block.text]
    return "\n".join(lines)


def outputs(printed: str) -> dict[int, str]:
    """Return what each shell block printed, by its number."""
    parts = _MARKED.split(printed)
    return {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}


def missing_line(shown: str, printed: str) -> str | None:
    """Return the first line of ``shown`` that is not printed after the ones before it."""
    at = 0
    lines = printed.splitlines()
    for line in shown.splitlines():
        parts = (re.escape(part.strip()) for part in line.split(ELLIPSIS))
        pattern = re.compile(r"^\s*" + ".*".join(parts).replace(r"\ ", " +"))
        while at < len(lines) and not pattern.search(lines[at]):
            at += 1
        if at == len(lines):
            return line
        at += 1
    return None
