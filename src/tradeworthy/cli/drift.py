"""Drift scans and reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from tradeworthy.cli.context import AsJson, context_of, show, table

drift = typer.Typer(help="Run drift scans and read their reports.", no_args_is_help=True)


PLACE = 80


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(drift, name="drift")


@drift.command("scan")
def scan(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    as_of: Annotated[str | None, typer.Option(help="A UTC time; now by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Scan every slot that is due."""
    with context_of(ctx).client() as client:
        found = client.scan_drift(model=model, as_of=as_of)
    show(found, as_json=as_json, human=report_lines)


@drift.command("reports")
def reports(
    ctx: typer.Context,
    model: str,
    version: int | None = None,
    limit: int = 20,
    as_json: AsJson = False,
) -> None:
    """List a model's drift reports, newest slot first."""
    with context_of(ctx).client() as client:
        found = client.drift_reports(model, version=version, limit=limit)
    show(found, as_json=as_json, human=report_lines)


def report_lines(found: list[dict[str, Any]]) -> Iterator[str]:
    """Lay reports out, a line each."""
    rows = [{**report, "drifting": _drifting(report["report"])} for report in found]
    return table(rows, ("model", "version", "slot", "status", "severity", "drifting"))


def _drifting(report: dict[str, Any]) -> list[str]:
    return [
        each["feature"]
        for each in report.get("features", [])
        if each.get("severity") not in {None, "NORMAL"}
    ]
