"""The tutorial and the how-tos that follow on from it, done line by line with real processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from docs.markdown_blocks import Block, blocks_of, missing_line, outputs, script_of
from tradeworthy.store import migrations
from tradeworthy.store.engine import open_engine

DOCS = Path(__file__).parents[2] / "docs"
FOLLOWED = (
    DOCS / "tutorial.md",
    DOCS / "how-to" / "record-your-own-script.md",
    DOCS / "how-to" / "back-up-a-home.md",
)
PORT = "8765"


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def follow(blocks: list[Block], folder: Path) -> tuple[int, str]:
    ours = ("TRADEWORTHY_", "GIT_", "PYTHON")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    programs = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["bash", "-c", script_of(blocks).replace(PORT, free_port())],
        cwd=folder,
        env={**kept, "PATH": programs + os.pathsep + kept["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_the_pages_do_what_they_say(tmp_path: Path) -> None:
    blocks = [block for page in FOLLOWED for block in blocks_of(page)]
    code, printed = follow(blocks, tmp_path)
    assert code == 0, printed
    reported = outputs(printed)
    for number, block in enumerate(blocks):
        if block.language == "text":
            line = missing_line(block.text, reported[number - 1])
            assert line is None, f"not printed: {line!r} in\n{reported[number - 1]}"
    secrets = [path.read_text().strip() for path in tmp_path.glob("**/*.token")]
    assert len(secrets) == 4
    assert not [secret for secret in secrets if secret in printed]
    engine = open_engine(f"sqlite:///{tmp_path / 'backup' / 'tradeworthy.sqlite'}")
    migrations.check(engine)
    engine.dispose()


def test_lines_are_compared_in_order_and_with_gaps() -> None:
    printed = "a   1\nb 22 x\nc\n"
    assert missing_line("a 1\nb ... x\n", printed) is None
    assert missing_line("b ... x\na 1\n", printed) == "a 1"
    assert missing_line("b ... y\n", printed) == "b ... y"
