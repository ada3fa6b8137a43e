"""How the demo speaks: numbered steps, tables of gates, progress bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID

from tradeworthy.wire.drift import StoredDriftReport
from tradeworthy.wire.verdicts import GivenVerdict

T = TypeVar("T")

_STYLES = {"PASSED": "green", "FAILED": "bold red", "NOT_APPLICABLE": "dim"}
_SEVERITIES = {"NORMAL": "green", "MODERATE": "yellow", "SEVERE": "bold red"}


class Narrator:
    """Prints the steps on a console."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._step = 0

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._step += 1
        self._console.print(f"\n[bold]{self._step}. {title}[/bold]")

    def say(self, text: str) -> None:
        """Say a line."""
        self._console.print(f"   {text}", markup=False)

    @contextmanager
    def track(self, items: Iterable[T], what: str) -> Iterator[Iterable[T]]:
        """Show a progress bar over ``items`` until the end of the block, however it ends.

        Where nobody watches, as in a file, there is none.
        """
        every = list(items)
        unseen = not self._console.is_terminal
        # A thread that draws may be stopped in the middle of it when an error ends the interpreter,
        # and then its lock is never given back.
        with Progress(
            console=self._console, transient=True, disable=unseen, auto_refresh=False
        ) as bar:
            task = bar.add_task(f"   {what}", total=len(every))
            bar.refresh()
            yield _counted(every, bar, task)

    def gates(self, verdict: GivenVerdict) -> None:
        """Show every gate of a verdict."""
        for gate in verdict.gates:
            style = _STYLES[gate.status]
            self._console.print(
                f"     [{style}]{gate.status:<14}[/{style}] {gate.gate}: {escape(gate.reason)}"
            )

    def reports(self, reports: Sequence[StoredDriftReport]) -> None:
        """Show drift reports: a count, and a line for each change of severity."""
        counted = Counter(report.severity or report.status for report in reports)
        counts = ", ".join(f"{count} {what}" for what, count in sorted(counted.items()))
        self.say(f"{len(reports)} reports: {counts}")
        last = None
        for report in reports:
            severity = report.severity or report.status
            if severity != last:
                style = _SEVERITIES.get(severity, "dim")
                why = _drifting(report) or report.shortage
                change = f"{severity:<12} {why}" if why else severity
                self._console.print(f"     {report.slot.date()}  [{style}]{change}[/{style}]")
            last = severity


def _counted(items: list[T], bar: Progress, task: TaskID) -> Iterator[T]:
    for item in items:
        yield item
        bar.update(task, advance=1, refresh=True)


def _drifting(report: StoredDriftReport) -> str:
    found = [
        feature["feature"]
        for feature in report.report.get("features", [])
        if feature.get("severity") not in {None, "NORMAL"}
    ]
    return ", ".join(found)
