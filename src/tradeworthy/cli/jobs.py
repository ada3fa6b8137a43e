"""Jobs that a running service works off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from tradeworthy.cli.context import AsJson, client_of, fields, show

jobs = typer.Typer(help="Look at jobs that a service runs.", no_args_is_help=True)


PLACE = 60


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(jobs, name="jobs")


@jobs.command("show")
def show_job(ctx: typer.Context, job: str, as_json: AsJson = False) -> None:
    """Tell where a job stands, with its result or what it failed of."""
    with client_of(ctx) as client:
        found = client.job(job)
    show(found, as_json=as_json, human=_job_lines)


def _job_lines(found: dict[str, Any]) -> Iterator[str]:
    from tradeworthy.cli.promotion import backtest_lines

    yield from fields({name: value for name, value in found.items() if value is not None})
    if found["result"] is not None:
        yield from backtest_lines(found["result"], verbose=False)
    if found["problem"] is not None:
        yield f"{found['problem']['code']}: {found['problem']['detail']}"
