"""In pure rooms, what touches disk, processes or environment stands in a folder that says so.

The clock and chance are arguments everywhere.
"""

from __future__ import annotations

import ast
import configparser
from collections.abc import Iterator
from pathlib import Path

import pytest

import tradeworthy

SOURCE = Path(tradeworthy.__file__).parent
# ``source`` reads and imports users' files, ``files`` reads and writes others.
FOLDERS = {"source", "files"}
# What a process is set up with, its clock, and where an installed library is found.
ELSEWHERE = {
    *("base/settings.py", "base/clock.py"),
    *("artifacts/lightgbm_predictor.py", "artifacts/onnx_predictor.py"),
}
MODULES = {
    *("subprocess", "socket", "tempfile", "shutil", "sqlite3", "psycopg", "urllib"),
    *("http", "time", "random", "secrets", "uuid"),
}
CALLS = {
    *("write_text", "write_bytes", "read_text", "read_bytes", "open", "mkdir", "unlink", "touch"),
    *("exists", "is_file", "is_dir", "stat", "glob", "rglob", "iterdir", "cwd", "rmdir"),
    *("getenv", "getcwd", "listdir", "mkstemp", "urandom"),
    *("now", "utcnow", "today", "time_ns", "monotonic", "perf_counter"),
    *("read_parquet", "read_csv", "read_ipc", "read_json", "read_ndjson", "read_database"),
    *("scan_parquet", "scan_csv", "scan_ipc", "scan_ndjson", "sink_parquet", "write_parquet"),
}


def pure_rooms() -> list[str]:
    contracts = configparser.ConfigParser()
    contracts.read(SOURCE.parents[1] / ".importlinter")
    rooms = contracts["importlinter:contract:pure"]["source_modules"].split()
    return ["base", *(room.partition(".")[2] for room in rooms)]


def _top(module: str) -> str:
    return module.partition(".")[0]


def touched(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (f"import {each.name}" for each in names if _top(each.name) in MODULES)
            case ast.ImportFrom(module=str(name)) if _top(name) in MODULES:
                yield f"from {name}"
            case ast.Call(func=ast.Attribute(attr=name)) if name in CALLS:
                yield name
            case ast.Attribute(value=ast.Name(id="os"), attr="environ"):
                yield "environ"
            case ast.Call(func=ast.Name(id="open")):
                yield "open"


def test_pure_rooms_touch_the_outside_in_named_folders_alone() -> None:
    outside = {
        f"{place}:{what}"
        for room in pure_rooms()
        for file in (SOURCE / room).rglob("*.py")
        if not FOLDERS & set(file.relative_to(SOURCE).parts)
        and (place := file.relative_to(SOURCE).as_posix()) not in ELSEWHERE
        for what in touched(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert outside == set()


@pytest.mark.parametrize(
    "line",
    [
        "import sqlite3",
        "import urllib.request",
        "from urllib import request",
        "from http.client import HTTPConnection",
        "import socket",
        "import time",
        "datetime.now(UTC)",
        "datetime.utcnow()",
        "date.today()",
        "polars.read_parquet(path)",
        "polars.scan_csv(path)",
    ],
)
def test_what_reads_the_clock_or_the_outside_is_seen(line: str) -> None:
    assert list(touched(ast.parse(line)))
