"""What a person reads of drift: what was found, what to do, and when the next scan is due."""

from __future__ import annotations

from typing import Any

import pytest

from tradeworthy.cli.drift import advice, report_lines, state_lines
from tradeworthy.drift.drift_report import Status
from tradeworthy.drift.severity import Severity

AT = "2026-01-05T12:00:00Z"


def report(status: str, severity: str | None) -> dict[str, Any]:
    short = "8 of 20 rows" if status == "INSUFFICIENT" else None
    return {
        "slot": AT,
        "status": status,
        "severity": severity,
        "shortage": short,
        "digest": "0" * 64,
    }


def state(state: str, found: dict[str, Any] | None = None) -> str:
    drift = {"version": 3, "state": state, "next_slot": AT, "report": found}
    return "\n".join(state_lines(drift, "spx", stopped=False))


def test_a_version_that_is_stopped_is_not_advised_to_be_stopped() -> None:
    drift = {"version": 3, "state": "due", "next_slot": AT, "report": report("OK", "SEVERE")}
    free, stopped = (list(state_lines(drift, "spx", stopped=each))[1] for each in (False, True))
    assert "retrain it, or stop it with `tradeworthy quarantine spx 3 --reason WHY`" in free
    assert stopped.endswith("retrain it")


OUTCOMES = [
    *(("OK", severity.value) for severity in Severity),
    *((status.value, None) for status in Status if status not in {Status.OK, Status.NO_DATA}),
    ("NO_DATA", "SEVERE"),
]


def test_each_outcome_has_its_own_advice() -> None:
    said = [advice(report(*outcome), "spx", 3) for outcome in OUTCOMES]
    assert len(set(said)) == len(OUTCOMES)
    assert all("quarantine spx 3" in each for each in said if "changed" in each)
    assert "not judged: 8 of 20 rows" in said


def test_a_version_that_has_just_gone_live_has_no_finding() -> None:
    said = state("not yet due")
    assert said == f"no report of version 3 yet\nthe next scan is due at {AT}"


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        ("due", "tradeworthy drift scan --model spx"),
        ("reported", f"the next scan is due at {AT}"),
        ("not scheduled", "tradeworthy policy check FILE"),
    ],
)
def test_a_state_says_what_is_next_beneath_what_was_found(standing: str, words: str) -> None:
    found, what_to_do, following = state(standing, report("OK", "MODERATE")).split("\n")
    assert found == f"MODERATE at {AT}"
    assert "tradeworthy drift reports spx --version 3" in what_to_do
    assert words in following


def test_reports_end_with_what_the_newest_asks_for() -> None:
    older = report("NO_DATA", "SEVERE") | {"slot": "2026-01-04T12:00:00Z"}
    newest = report("OK", "NORMAL")
    rows = [{**each, "model": "spx", "version": 3, "report": {}} for each in (newest, older)]
    assert list(report_lines(rows))[-1] == "newest: nothing to do"
    assert "models status" in next(report_lines([]))


@pytest.mark.parametrize("severity", ["SEVERE", "MODERATE"])
def test_a_list_of_reports_names_no_command_that_lists_them(severity: str) -> None:
    row = report("OK", severity) | {"model": "spx", "version": 3, "report": {}}
    assert "drift reports" not in "\n".join(report_lines([row]))
