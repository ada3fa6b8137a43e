"""Making a home and serving it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradeworthy.cli.context import AsJson, context_of, fields, show


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

    from tradeworthy.api.service import utc_now
    from tradeworthy.home import KEY_BYTES, make_home, read_token_key, write_secret
    from tradeworthy.model_registry.token_desk import TokenDesk
    from tradeworthy.promotion.promotion_policy import default_policy_path
    from tradeworthy.store.engine import open_engine
    from tradeworthy.store.migrations import upgrade
    from tradeworthy.store.sql import SqlStore

    settings = context_of(ctx).settings()
    policy = default_policy_path().read_text(encoding="utf-8")
    make_home(settings, policy_text=policy, key=secrets.token_bytes(KEY_BYTES))
    engine = open_engine(settings.database)
    upgrade(engine)
    store = SqlStore(engine)
    told = {"home": str(settings.home), "policy": str(settings.policy_file), "admin_token": None}
    if not store.tokens():
        desk = TokenDesk(store, read_token_key(settings), utc_now, secrets.token_bytes)
        token, _ = desk.first_admin(admin)
        path = settings.home / f"{admin}.token"
        path.unlink(missing_ok=True)
        write_secret(path, token)
        told["admin_token"] = str(path)
    store.close()
    show(told, as_json=as_json, human=fields)


def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one.")] = None,
    no_scheduler: Annotated[
        bool, typer.Option("--no-scheduler", help="Leave the drift schedule to another process.")
    ] = False,
) -> None:
    """Serve the home over HTTP until interrupted."""
    from tradeworthy.api.server import serve_home
    from tradeworthy.settings import read_settings

    settings = read_settings(
        home=context_of(ctx).home,
        host=host,
        port=port,
        scheduler=False if no_scheduler else None,
    )
    serve_home(settings)


def scheduler(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Run what is due and end.")] = False,
) -> None:
    """Run the drift schedule in a process of its own, until interrupted."""
    from tradeworthy.api.schedule_loop import run_schedule

    run_schedule(context_of(ctx).settings(), once=once)


def demo(
    folder: Annotated[
        Path | None, typer.Option("--into", help="Where to put the demo; a fresh folder.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Your own daily bars, CSV or Parquet.")] = None,
) -> None:
    """Run the whole governed path on real market data, from features to drift reports."""
    from tradeworthy.demo.walkthrough import run_demo

    run_demo(folder, data)
