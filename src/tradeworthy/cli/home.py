"""Making a home and serving it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from tradeworthy.cli.context import AsJson, context_of, outcome, show
from tradeworthy.cli.interrupt import hear

PLACE = 10


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command()(serve)
    app.command()(demo)
    app.command()(scheduler)


def init(
    ctx: typer.Context,
    admin: Annotated[str, typer.Option(help="The first admin's name.")] = "admin",
    as_json: AsJson = False,
) -> None:
    """Make a home: folders, policy file, database, and the first admin's token in a file."""
    import secrets
    from dataclasses import asdict

    from tradeworthy.base.clock import utc_now
    from tradeworthy.runtime.home_setup import initialise

    made = initialise(
        context_of(ctx).settings(), admin=admin, clock=utc_now, randomness=secrets.token_bytes
    )
    done = "made the home {home}: name it by --home or TRADEWORTHY_HOME"
    if made.admin_token is None:
        done = "the home {home} stood already: its database is up to date, no token was issued"
    show(asdict(made), as_json=as_json, human=outcome(done))


def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one.")] = None,
    no_scheduler: Annotated[
        bool, typer.Option("--no-scheduler", help="Leave the drift schedule to another process.")
    ] = False,
    until_eof: Annotated[
        bool,
        typer.Option(
            "--until-eof", help="Stop when standard input ends: with the program that started it."
        ),
    ] = False,
) -> None:
    """Serve the home over HTTP until interrupted."""
    from tradeworthy.api.server import serve_home

    settings = context_of(ctx).settings(
        host=host, port=port, scheduler=False if no_scheduler else None
    )
    serve_home(settings, until_end_of=sys.stdin.buffer if until_eof else None)


def scheduler(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Run what is due and end.")] = False,
) -> None:
    """Run the drift schedule in a process of its own, until interrupted."""
    from tradeworthy.runtime.schedule_loop import run_schedule

    run_schedule(context_of(ctx).settings(), once=once)


def demo(
    folder: Annotated[
        Path | None, typer.Option("--into", help="Where to put the demo; a fresh folder.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Your own daily bars, CSV or Parquet.")] = None,
) -> None:
    """Run the whole governed path on real market data, from features to drift reports."""
    from tradeworthy.demo.walkthrough import run_demo

    # Stopped from outside it ends as by Ctrl-C: with its service and its temporary files.
    hear(signal.SIGTERM)
    run_demo(folder, data)
