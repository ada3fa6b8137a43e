"""A command that reads one record of a home pays for reading, not for what evaluates models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from api.small_home import SmallHome, speaking

PROGRAM = Path(__file__).with_name("loaded_by_reads.py")


def test_no_reading_command_loads_an_evaluation_model_or_table_library(
    story_home: SmallHome, tmp_path: Path
) -> None:
    copy = story_home.copy(tmp_path / "home")
    with speaking(copy, "all") as everybody:
        job = everybody.post("/api/v1/ml/m/backtest", {"version": 3}, prefer="respond-async")["job"]
        moved = [
            event["body"]
            for event in everybody.get("/api/v1/ml/m/history")["events"]
            if event["kind"] == "VersionPromoted"
        ][-1]
    digests = [moved["verdict_digest"], moved["policy_digest"]]
    home = copy.folder
    settings = {"TRADEWORTHY_HOME": str(home), "TRADEWORTHY_TOKEN_FILE": str(home / "all.token")}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "m", "3", job, *digests],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | settings,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [each for each in found if each[1] != 0] == []
    assert {each[0]: each[3] for each in found if each[3]} == {}
