"""How the demo speaks: numbered steps, tables of gates, progress bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")

_STYLES = {"PASSED": "green", "FAILED": "bold red", "NOT_APPLICABLE": "dim"}
_SEVERITIES = {"NORMAL": "green", "MODERATE": "yellow", "SEVERE": "bold red"}


class Narrator:
    """Tells the steps on a console."""

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

    def track(self, items: Iterable[T], what: str) -> Iterable[T]:
        """Show a progress bar over ``items``."""
        return track(list(items), description=f"   {what}", console=self._console, transient=True)

    def gates(self, verdict: Mapping[str, Any], *, only_figures: bool = False) -> None:
        """Show a verdict; with ``only_figures`` the gates that failed or compare a figure."""
        for gate in verdict["gates"]:
            if only_figures and gate["status"] == "PASSED" and gate["threshold"] in {None, True}:
                continue
            style = _STYLES[gate["status"]]
            self._console.print(
                f"     [{style}]{gate['status']:<14}[/{style}] {gate['gate']}: {gate['reason']}"
            )

    def reports(self, reports: Sequence[Mapping[str, Any]]) -> None:
        """Show drift reports: a count, and a line for each change of severity."""
        counted = Counter(report["severity"] or report["status"] for report in reports)
        told = ", ".join(f"{count} {what}" for what, count in sorted(counted.items()))
        self.say(f"{len(reports)} reports: {told}")
        last = None
        for report in reports:
            severity = report["severity"] or report["status"]
            if severity != last:
                style = _SEVERITIES.get(severity, "dim")
                self._console.print(
                    f"     {report['slot'][:10]}  [{style}]{severity:<12}[/{style}] "
                    f"{_drifting(report)}"
                )
            last = severity


def _drifting(report: Mapping[str, Any]) -> str:
    found = [
        feature["feature"]
        for feature in report["report"].get("features", [])
        if feature.get("severity") not in {None, "NORMAL"}
    ]
    return ", ".join(found)
