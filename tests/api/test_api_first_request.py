"""The first request finds all done: it is answered as the second is, whoever else sends one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api.small_home import MARKET, SmallHome

PROGRAM = Path(__file__).with_name("first_requests.py")


@pytest.fixture(scope="module")
def answered(story_home: SmallHome, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the first requests of a fresh process were answered, and what they left to be done."""
    folder = tmp_path_factory.mktemp("first")
    home = story_home.copy(folder / "home")
    bars = folder / "bars.parquet"
    MARKET.bars.write_parquet(bars)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(PROGRAM), str(home.folder), str(bars)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(PROGRAM.parents[1])},
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_first_request_imports_nothing_unless_it_sends_market_data(
    answered: dict[str, Any],
) -> None:
    assert answered["imported"] == []


def test_no_request_changes_the_warning_filters_of_all_threads(answered: dict[str, Any]) -> None:
    """FastAPI does while it builds a route: none is left to be built."""
    assert answered["filters"] == []


def test_every_first_request_is_answered(answered: dict[str, Any]) -> None:
    answers = {(method, path): status for method, path, status in answered["answers"]}
    assert [each for each in answers.items() if each[1] >= 500] == []
    assert answers["POST", "/api/v1/ml/datasets?name=market"] == 201
    assert answers["GET", "/api/v1/models/m/status"] == 200


def test_first_requests_that_come_together_are_all_answered(answered: dict[str, Any]) -> None:
    assert set(answered["together"]) == {200}
    assert len(answered["together"]) >= 40
