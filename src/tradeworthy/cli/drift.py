"""Drift scans and reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from tradeworthy.cli.context import AsJson, client_of, show, table, version_number

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
    with client_of(ctx) as client:
        found = client.scan_drift(model=model, as_of=as_of)
    show(found, as_json=as_json, human=_scan_lines)


@drift.command("reports")
def reports(
    ctx: typer.Context,
    model: str,
    version: Annotated[int | None, typer.Option(parser=version_number)] = None,
    limit: int = 20,
    as_json: AsJson = False,
) -> None:
    """List a model's drift reports, newest slot first."""
    with client_of(ctx) as client:
        found = client.drift_reports(model, version=version, limit=limit)
    show(found, as_json=as_json, human=report_lines)


def _scan_lines(found: list[dict[str, Any]]) -> Iterator[str]:
    yield f"scanned what was due: {len(found)} new report{'' if len(found) == 1 else 's'}"
    yield from report_lines(found)


def report_lines(found: list[dict[str, Any]]) -> Iterator[str]:
    """Lay reports out, a line each, with what the newest one asks for."""
    if not found:
        yield "no report: `tradeworthy models status MODEL` says when the next scan is due"
        return
    rows = [{**report, "drifting": _drifting(report["report"])} for report in found]
    yield from table(rows, ("model", "version", "slot", "status", "severity", "drifting"))
    newest = max(found, key=lambda report: str(report["slot"]))
    yield f"newest: {advice(newest, newest['model'], newest['version'], listed=True)}"


def state_lines(drift: dict[str, Any], model: str, *, stopped: bool) -> Iterator[str]:
    """Lay out how a version's drift is watched: what was found, what it asks for, what is next."""
    report = drift["report"]
    if report is None:
        yield f"no report of version {drift['version']} yet"
    else:
        yield f"{report['severity'] or report['status']} at {report['slot']}"
        yield advice(report, model, drift["version"], stopped=stopped)
    match drift["state"]:
        case "due":
            yield (
                f"a scan is due since {drift['next_slot']}: a service with a scheduler does it "
                f"within a minute; without one `tradeworthy drift scan --model {model}` does it now"
            )
        case "not scheduled":
            yield (
                "no scan is scheduled, since the policy file cannot be used: repair it; "
                "`tradeworthy policy check FILE` names the place"
            )
        case _:
            yield f"the next scan is due at {drift['next_slot']}"


def advice(
    report: dict[str, Any], model: str, version: int, *, stopped: bool = False, listed: bool = False
) -> str:
    """Say what a report means and what to do with a version, which may be ``stopped`` already.

    Where the report is ``listed`` its features stand there.
    """
    look = "its features stand above"
    if not listed:
        look = f"`tradeworthy drift reports {model} --version {version}` names the features"
    stop = f", or stop it with `tradeworthy quarantine {model} {version} --reason WHY`"
    match report["severity"], report["status"]:
        case _, "NO_DATA":
            return (
                "no prediction was logged for more than five days: is the trading system sending?"
            )
        case "SEVERE", _:
            return (
                f"what the model predicts from has changed: {look}; retrain it"
                f"{'' if stopped else stop}"
            )
        case "MODERATE", _:
            return f"a shift that is worth a look: {look}"
        case "NORMAL", _:
            return "nothing to do"
        case _, "CLOSED":
            return "the market was closed; nothing to do"
        case _:
            return f"not judged: {report['shortage']}"


def _drifting(report: dict[str, Any]) -> list[str]:
    return [
        each["feature"]
        for each in report.get("features", [])
        if each.get("severity") not in {None, "NORMAL"}
    ]
