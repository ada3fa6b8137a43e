"""Asking for help loads nothing heavy; a server's client loads no service."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.terminal import Terminal

HEAVY = {
    "alembic", "fastapi", "httpx", "lightgbm", "numpy", "onnxruntime", "pandas", "polars",
    "pydantic", "scipy", "skl2onnx", "sklearn", "sqlalchemy", "starlette", "uvicorn",
}  # fmt: skip
# The command line's own framework loads pydantic; the package does not.
FOR_HELP = HEAVY - {"pydantic"}
LIST = """
import json, sys
print(json.dumps(sorted({n.partition('.')[0] for n in sys.modules})), file=sys.stderr)
"""
RUN = f"""
import atexit, sys
atexit.register(lambda: exec({LIST!r}))
from tradeworthy.cli.app import run
sys.argv = ["tradeworthy", *sys.argv[1:]]
run()
"""


def loaded(code: str, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "module",
    ["", ".errors", ".base.digests"],
)
def test_importing_is_light(module: str) -> None:
    assert loaded(f"import tradeworthy{module}\n{LIST}") & HEAVY == set()


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["modles"]])
def test_help_is_light(words: list[str]) -> None:
    assert loaded(RUN, *words) & FOR_HELP == set()


@pytest.mark.parametrize(
    "words",
    [
        ["models", "list", "--limit", "x"],
        ["promote", "m", "1", "--to", "x"],
        ["drift", "scan", "--as-of", "yesterday"],
        ["tokens", "create", "a", "--role", "viewr", "--out", "new"],
        ["train", __file__, "--model", "m", "--data", "no.csv"],
        ["train", __file__, "--model", "m", "--data", __file__, "--set", "x"],
        ["train", __file__, "--model", "m", "--data", __file__, "--until", "x"],
        ["approve", "m", "1", "--reason", " "],
        ["features", "activate", __file__, "--reason", " "],
        ["features", "diff", __file__, "no.py"],
        ["datasets", "add", "no.csv"],
        ["features", "hash", "no.py"],
    ],
)
def test_a_slip_costs_neither_a_library_nor_a_service(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert loaded(RUN, *words) & FOR_HELP == set()


def test_a_servers_client_loads_no_service(terminal: Terminal, tmp_path: Path) -> None:
    server = ["--server", "http://127.0.0.1:9", "models", "list"]
    found = loaded(RUN, "--token-file", str(terminal.deployed.token_file("ana")), *server)
    assert "httpx" in found
    assert found & (FOR_HELP - {"httpx"}) == set()


def test_a_reading_command_loads_no_model_no_tables_and_nothing_that_evaluates(
    terminal: Terminal,
) -> None:
    home = ["--home", str(terminal.deployed.home), "models", "list"]
    found = loaded(RUN, "--token-file", str(terminal.deployed.token_file("ana")), *home)
    assert {"fastapi", "sqlalchemy"} <= found
    others = {"prometheus_client", "uvicorn", "yaml"}
    assert found & (HEAVY | others) <= {"fastapi", "httpx", "pydantic", "sqlalchemy", "starlette"}
