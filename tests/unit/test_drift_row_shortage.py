"""What an INSUFFICIENT report says of its windows is true, and doing it ends the shortage."""

from __future__ import annotations

import math
import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.drift.calibration.drift_calibration import Windows
from tradeworthy.drift.drift_report import DriftReport, Status
from tradeworthy.drift.row_shortage import row_shortage
from tradeworthy.drift.scan.drift_scan import scan_features
from tradeworthy.drift.scan.session_frame import Rows
from tradeworthy.promotion.findings import GateStatus
from tradeworthy.promotion.gates.drift import CONCERN, DriftFacts, DriftRows
from tradeworthy.promotion.promotion_policy import get_policy_for_model

PLENTY = 260


def scanned(
    sessions: int, a_session: int, windows: Windows, *, under_way: bool = False
) -> DriftReport:
    return scanned_sessions([a_session] * sessions, windows, under_way=under_way)


def scanned_sessions(
    counts: list[int], windows: Windows, *, under_way: bool = False
) -> DriftReport:
    ids = np.repeat(np.arange(len(counts)), counts)
    x = np.random.default_rng(3).normal(size=ids.size)
    rows = Rows({"x": x}, ids, finished=Rows({"x": x}, ids) if under_way else None)
    return scan_features(
        rows,
        model="m",
        version=1,
        slot="2026-01-05T12:00:00Z",
        importances=["x"],
        windows=windows,
        rows_expected=False,
    )


def raised(windows: Windows, text: str) -> Windows:
    """Return the windows as the text says to set them."""
    new = {"current": windows.current_sessions, "reference": windows.reference_sessions}
    for name, number in re.findall(r"raise drift\.(\w+)_sessions to (\d+) in", text):
        new[name] = int(number)
    return Windows(new["current"], new["reference"])


@settings(deadline=None, max_examples=60)
@given(
    sessions=st.integers(0, 60),
    a_session=st.integers(1, 30),
    current=st.integers(1, 25),
    reference=st.integers(0, 60),
)
def test_a_shortage_is_counted_and_what_is_said_to_end_it_ends_it(
    sessions: int, a_session: int, current: int, reference: int
) -> None:
    windows = Windows(current, current + reference)
    report = scanned(sessions, a_session, windows)
    text = row_shortage(report.to_json())
    if report.status is not Status.INSUFFICIENT:
        assert text is None
        return
    assert text is not None
    for name, rows, least in (
        ("current", report.current_rows, 20),
        ("reference", report.reference_rows, 200),
    ):
        counted = f"the {name} window holds {rows} of the {least} rows that it needs" in text
        assert counted == (rows < least)
    if sessions == 0:
        return
    full = scanned(PLENTY, a_session, windows)
    if "never" in text:
        assert full.status is Status.INSUFFICIENT
        mended = scanned(PLENTY, a_session, raised(windows, text))
        later = row_shortage(mended.to_json())
        if later is not None:  # the other window was not full when the advice was given
            mended = scanned(PLENTY, a_session, raised(mended.windows, later))
        assert mended.status is Status.OK
    else:
        assert full.status is Status.OK
        more = max(int(number) for number in re.findall(r"in about (\d+) more", text))
        assert scanned(sessions + more, a_session, windows).status is Status.OK


def ragged(counts: list[int], windows: Windows) -> str:
    return row_shortage(scanned_sessions(counts, windows).to_json()) or ""


@settings(deadline=None, max_examples=40)
@given(first=st.integers(1, 49), whole=st.integers(1, 3))
def test_a_first_session_that_was_cut_short_says_nothing_of_the_ones_to_come(
    first: int, whole: int
) -> None:
    """The version went live in the middle of a day: whole ones bring 50 rows each."""
    text = ragged([first, *[50] * whole], Windows(1, 5))
    missing = 200 - first - 50 * (whole - 1)
    assert f"enough in about {math.ceil(missing / 50)} more session" in text
    assert "at 50 rows a session" in text
    more = math.ceil(missing / 50)
    assert ragged([first, *[50] * (whole + more)], Windows(1, 5)) == ""
    assert ragged([first, *[50] * (whole + more - 1)], Windows(1, 5)) != ""


def test_one_odd_session_moves_no_forecast() -> None:
    for odd in (1, 150):
        assert "at 15 rows a session" in ragged([15, 15, 15, odd, 15], Windows(2, 10))


def test_a_forecast_that_rests_on_the_first_session_alone_says_so() -> None:
    first = ragged([5], Windows())
    assert "look again after the next" in first
    assert "look again" not in ragged([5, 5], Windows())


def test_while_todays_session_lasts_nothing_is_said_of_whole_ones() -> None:
    text = row_shortage(scanned(40, 3, Windows(), under_way=True).to_json())
    assert text is not None
    assert "holds 3 of the 20 rows" in text
    assert "the part that has passed of today's" in text
    assert "never" not in text
    assert "never" in (row_shortage(scanned(40, 3, Windows()).to_json()) or "")


def test_a_feature_without_values_is_named() -> None:
    report = scan_features(
        Rows({"x": np.full(2000, np.nan)}, np.repeat(np.arange(50), 40)),
        model="m",
        version=1,
        slot="2026-01-05T12:00:00Z",
        importances=["x"],
    )
    assert row_shortage(report.to_json()) == "no comparison of x: too few of the values are numbers"


@settings(deadline=None, max_examples=60)
@given(a_session=st.integers(1, 30), current=st.integers(1, 25), reference=st.integers(0, 60))
def test_the_gate_passes_exactly_the_windows_that_hold_enough_rows_when_they_are_full(
    a_session: int, current: int, reference: int
) -> None:
    windows = Windows(current, current + reference)
    before = windows.reference_sessions
    rows = DriftRows(a_session * current, 20, current, 4000, 200, before, a_session)
    (gate,) = (gate for gate in CONCERN.gates if gate.name == "drift_rows")
    finding = gate.check(DriftFacts("NORMAL", rows), get_policy_for_model("m"))
    judged = scanned(PLENTY, a_session, windows).status is Status.OK
    assert (finding.status is GateStatus.PASSED) == judged
