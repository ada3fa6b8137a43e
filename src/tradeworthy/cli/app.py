"""The root command; the commands' modules load what they need when they run."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from tradeworthy.base.files.whole_error import keep_whole_text
from tradeworthy.cli.command_modules import command_modules
from tradeworthy.cli.context import Context, print_error, print_lines
from tradeworthy.cli.exit_codes import INTERRUPTED, MEANINGS, UNAVAILABLE, exit_code
from tradeworthy.cli.interrupt import hear, was_dropped
from tradeworthy.cli.standard_streams import OutputLost, standard_streams
from tradeworthy.errors import InvalidInput, TradeworthyError

# New objects between two searches for garbage. A command keeps what it loads to its end: Python's
# own 700 cost a short command a fourth of its time.
_OBJECTS_BETWEEN_SEARCHES = 100_000
_EXIT_CODES = "; ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items())


class _Commands(TyperGroup):
    """The commands; an error is one line, JSON with ``--json``, and an exit code."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        meta = {"words": [*args]}
        with _errors_shown(meta):
            context = super().make_context(info_name, args, *rest, **extra)
            context.meta.update(meta)
            return context

    def invoke(self, ctx: Any) -> Any:
        with _errors_shown(ctx.meta):
            return super().invoke(ctx)


@contextmanager
def _errors_shown(meta: Mapping[str, Any]) -> Iterator[None]:
    """Show an error, and end by its exit code; a slip of usage as typer does, without --json."""
    try:
        yield
    except TyperException as error:
        # The words, since an option that is not understood keeps the others from being read.
        if "--json" not in meta["words"]:
            raise
        _end_by(InvalidInput(error.format_message()), as_json=True)
    except TradeworthyError as error:
        keep_whole_text(error)
        _end_by(error, as_json=meta.get("as_json", False), verbose=meta.get("verbose", False))


def _end_by(error: TradeworthyError, *, as_json: bool, verbose: bool = False) -> NoReturn:
    print_error(error, _further_lines(error, verbose=verbose), as_json=as_json)
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

        print_lines([__version__])
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
    gc.set_threshold(_OBJECTS_BETWEEN_SEARCHES)
    hear(signal.SIGINT)
    try:
        with standard_streams():
            app()
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(INTERRUPTED)
    except OutputLost as error:
        sys.stderr.write(f"standard output cannot be written: {error}\n")
        sys.exit(UNAVAILABLE)
    finally:
        if was_dropped():
            sys.exit(INTERRUPTED)


def _further_lines(error: TradeworthyError, *, verbose: bool) -> Iterable[str]:
    """Return all gates of a verdict, of another error what its text says beyond the message."""
    verdict = error.details.get("verdict")
    if not isinstance(verdict, dict):
        return error.lines
    from tradeworthy.cli.promotion import verdict_lines

    return verdict_lines(verdict, verbose=verbose)
