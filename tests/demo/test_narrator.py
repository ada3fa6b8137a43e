"""How the demo speaks: to a terminal, to a file, and when a step fails."""

from __future__ import annotations

import io
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from tradeworthy.demo.narrator import Narrator
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.promotion.facts import Facts
from tradeworthy.promotion.promotion_policy import get_policy_for_model
from tradeworthy.promotion.verdict import judge_promotion
from tradeworthy.wire.drift import StoredDriftReport
from tradeworthy.wire.verdicts import GivenVerdict


def _narrator(*, terminal: bool) -> tuple[Narrator, io.StringIO]:
    reported = io.StringIO()
    console = Console(
        file=reported, force_terminal=terminal, width=60, highlight=False, soft_wrap=True
    )
    return Narrator(console), reported


def _report(slot: datetime, **fields: object) -> StoredDriftReport:
    common = {"model": "m", "version": 1, "slot": slot, "digest": "d", "created_at": slot}
    return StoredDriftReport.model_validate(common | fields)


def test_a_step_that_fails_leaves_no_thread_behind() -> None:
    # A display that is stopped only as the interpreter ends may wait for ever.
    before = threading.active_count()
    tell, _ = _narrator(terminal=True)

    def failing() -> None:
        with tell.track(range(3), "counting") as numbers:
            for number in numbers:
                raise ValueError(number)

    with pytest.raises(ValueError, match="0") as kept:
        failing()
    assert kept.tb is not None  # its frames still hold the bar
    assert threading.active_count() == before


def test_a_terminal_sees_a_bar_and_a_file_has_none() -> None:
    for terminal in (True, False):
        tell, reported = _narrator(terminal=terminal)
        with tell.track(range(3), "counting") as numbers:
            assert list(numbers) == [0, 1, 2]
        assert ("counting" in reported.getvalue()) is terminal
    assert reported.getvalue() == ""


def test_a_reason_is_kept_as_it_is() -> None:
    tell, reported = _narrator(terminal=False)
    verdict = judge_promotion(Stage.TRAINED, Facts(), get_policy_for_model("spx"))
    (gate, *_) = verdict.failures
    odd = replace(verdict, gates=(replace(gate, gate="aligned", reason="[/red] WEEK [5]"),))
    tell.gates(GivenVerdict.model_validate(odd.as_dict()))
    assert "aligned: [/red] WEEK [5]" in reported.getvalue()


def test_reports_have_no_blanks_at_the_end() -> None:
    tell, reported = _narrator(terminal=False)
    found = {"features": [{"feature": "f", "severity": "SEVERE"}]}
    tell.reports(
        [
            _report(datetime(2020, 1, 2, tzinfo=UTC), status="NO_DATA", severity=None, report={}),
            _report(datetime(2020, 1, 9, tzinfo=UTC), status="OK", severity="SEVERE", report=found),
        ]
    )
    assert reported.getvalue().splitlines() == [
        "   2 reports: 1 NO_DATA, 1 SEVERE",
        "     2020-01-02  NO_DATA",
        "     2020-01-09  SEVERE       f",
    ]
