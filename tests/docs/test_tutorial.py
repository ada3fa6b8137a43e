"""The tutorial is followed from its first line to its last, with real processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from docs.markdown_blocks import blocks_of, missing_line, outputs, script_of

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
PORT = "8765"


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def follow(folder: Path) -> tuple[int, str]:
    ours = ("TRADEWORTHY_", "GIT_", "PYTHON")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    programs = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["bash", "-c", script_of(blocks_of(TUTORIAL)).replace(PORT, free_port())],
        cwd=folder,
        env={**kept, "PATH": programs + os.pathsep + kept["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    code, printed = follow(tmp_path)
    assert code == 0, printed
    told = outputs(printed)
    blocks = blocks_of(TUTORIAL)
    for number, block in enumerate(blocks):
        if block.language == "text":
            line = missing_line(block.text, told[number - 1])
            assert line is None, f"not printed: {line!r} in\n{told[number - 1]}"
    secrets = [path.read_text().strip() for path in tmp_path.rglob("*.token")]
    assert len(secrets) == 4
    assert not [secret for secret in secrets if secret in printed]


def test_lines_are_compared_in_order_and_with_gaps() -> None:
    printed = "a   1\nb 22 x\nc\n"
    assert missing_line("a 1\nb ... x\n", printed) is None
    assert missing_line("b ... x\na 1\n", printed) == "a 1"
    assert missing_line("b ... y\n", printed) == "b ... y"
