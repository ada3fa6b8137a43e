"""Which window of a comparison holds too few rows, and what ends that."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class WindowRows:
    """What a window of sessions holds, and the fewest rows that it needs.

    Parameters
    ----------
    key
        The policy's key for its length.
    length
        Sessions in it when it is full.
    sessions, rows
        What it holds.
    least
        The fewest rows needed.
    """

    key: str
    length: int
    sessions: int
    rows: int
    least: int

    @property
    def short(self) -> bool:
        """Whether rows are missing."""
        return self.rows < self.least

    @property
    def name(self) -> str:
        """``current`` or ``reference``."""
        return self.key.removeprefix("drift.").removesuffix("_sessions")

    def sessions_needed(self, rows_a_session: float) -> int:
        """Return the fewest sessions that hold enough rows; with no rows, the rows needed."""
        return math.ceil(self.least / (rows_a_session or 1.0) - 1e-9)


def row_shortage(report: Mapping[str, Any]) -> str | None:
    """Say what keeps the windows of a drift report from being compared, and what ends it.

    None for a report that compared them, and for one of a closed market or of silence.

    Parameters
    ----------
    report
        What ``DriftReport.to_json`` returned.
    """
    if report["status"] != "INSUFFICIENT":
        return None
    current, reference = windows = [_window(report, name) for name in ("current", "reference")]
    sessions = sum(each.sessions for each in windows)
    rate = float(report.get("median_session_rows", 0.0))
    under_way = bool(report.get("session_under_way"))
    fill = {reference: current.length - current.sessions}  # the current window fills first
    short = [
        "".join(_clauses(each, rate, fill.get(each, 0), under_way=under_way))
        for each in windows
        if each.short
    ]
    if short and sessions == 1 and not under_way:
        short.append("the only session may not have been a whole one: look again after the next")
    if short:
        return "; ".join(short)
    unknown = (each["feature"] for each in report["features"] if each["severity"] is None)
    return f"no comparison of {', '.join(unknown)}: too few of the values are numbers"


def _window(report: Mapping[str, Any], name: str) -> WindowRows:
    return WindowRows(
        f"drift.{name}_sessions",
        length=report["windows"][f"{name}_sessions"],
        sessions=len(report[f"{name}_sessions"]),
        rows=report[f"{name}_rows"],
        least=report["windows"][f"min_{name}_rows"],
    )


def _clauses(window: WindowRows, rate: float, fill: int, *, under_way: bool) -> Iterator[str]:
    yield (
        f"the {window.name} window holds {window.rows} of the {window.least} rows that it needs, "
        f"in {window.sessions} of its {window.length} sessions"
    )
    if rate == 0.0:
        yield "" if window.rows else ": predictions come first"
    elif under_way:
        yield " (of each, the part that has passed of today's)"
    elif (needed := window.sessions_needed(rate)) > window.length:
        yield (
            f", and never enough at {rate:.4g} rows a session: "
            f"raise {window.key} to {needed} in the policy file"
        )
    else:
        more = math.ceil((window.least - window.rows) / rate - 1e-9) + fill
        noun = "session" if more == 1 else "sessions"
        yield f": enough in about {more} more {noun} at {rate:.4g} rows a session"
