"""The root command; the commands' modules load what they need when they run."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tradeworthy.base.files.whole_error import keep_whole_text
from tradeworthy.cli.command_modules import command_modules
from tradeworthy.cli.context import Context
from tradeworthy.cli.exit_codes import INTERRUPTED, MEANINGS, exit_code
from tradeworthy.cli.interrupt import hear, was_dropped
from tradeworthy.errors import TradeworthyError

_EXIT_CODES = "; ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items())


class _Commands(TyperGroup):
    """The commands; an error is one line, JSON with ``--json``, and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TradeworthyError as error:
            keep_whole_text(error)
            _show(
                error,
                as_json=ctx.meta.get("as_json", False),
                verbose=ctx.meta.get("verbose", False),
            )
            raise typer.Exit(exit_code(error)) from error


app = typer.Typer(
    cls=_Commands,
    name="tradeworthy",
    help="Model governance for trading: the gate and the record between models and money.",
    epilog=f"Exit codes: {_EXIT_CODES}.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(value: bool) -> None:
    if value:
        from tradeworthy.base.version import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(help="The home folder.", envvar="TRADEWORTHY_HOME"),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(help="A server's URL, instead of the home.", envvar="TRADEWORTHY_SERVER"),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="A file with your token.", envvar="TRADEWORTHY_TOKEN_FILE"),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(hidden=True, envvar="TRADEWORTHY_TOKEN", show_envvar=False),
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback prints and ends
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand before the command."""
    ctx.obj = Context(home, server, token_file, token)


for _module in command_modules():
    _module.add_to(app)


def run() -> None:
    """Run the command line."""
    hear(signal.SIGINT)
    try:
        app()
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(INTERRUPTED)
    finally:
        if was_dropped():
            sys.exit(INTERRUPTED)


def _show(error: TradeworthyError, *, as_json: bool, verbose: bool) -> None:
    if as_json:
        problem = {"code": error.code, "detail": error.message, "details": error.details}
        sys.stdout.write(json.dumps(problem, indent=2, default=str) + "\n")
    # A database's or a library's own words may run over several lines.
    sys.stderr.write(f"{error.code}: {' '.join(error.message.split())}\n")
    for line in _further_lines(error, verbose=verbose):
        sys.stderr.write(line + "\n")


def _further_lines(error: TradeworthyError, *, verbose: bool) -> list[str]:
    """Return the gates of a verdict, or the ways out of a mismatch, a line each."""
    verdict, ways_out = error.details.get("verdict"), error.details.get("ways_out")
    if isinstance(ways_out, list):
        return [f"  {way}" for way in ways_out]
    if not isinstance(verdict, dict):
        return []
    from tradeworthy.cli.promotion import verdict_lines

    return list(verdict_lines(verdict, verbose=verbose))
