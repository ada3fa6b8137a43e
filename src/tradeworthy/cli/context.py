"""What every command shares: where to speak to, who speaks, and how to print."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import chdir, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradeworthy.base.foreign_text import readable
from tradeworthy.base.strict_json import read_json
from tradeworthy.errors import InvalidInput, SettingsInvalid, TradeworthyError

if TYPE_CHECKING:
    from tradeworthy.base.settings import Settings
    from tradeworthy.client.client import Client


def for_errors_too(ctx: typer.Context, param: typer.CallbackParam, value: bool) -> bool:
    """Keep an option where what prints an error finds it, as a command's parameters are gone."""
    ctx.meta[param.name] = value
    return value


def version_number(text: str) -> int:
    """Read a version: its number, or as commands print it.

    Raises
    ------
    typer.BadParameter
        If it is neither.

    Examples
    --------
    >>> version_number("2"), version_number("v2")
    (2, 2)
    """
    number = re.fullmatch("v?([0-9]{1,18})", text)
    if number is None:
        raise typer.BadParameter(f"must be a version, as in 2 or v2, not {text[:80]!r}")
    return int(number[1])


Version = Annotated[int, typer.Argument(parser=version_number)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.", callback=for_errors_too)]


@dataclass(frozen=True, slots=True)
class Context:
    """The options that stand before the command."""

    home: Path | None
    server: str | None
    token_file: Path | None
    token: str | None

    def settings(self, **options: object) -> Settings:
        """Read the settings; what is wrong with one of the command's options is said of it."""
        from tradeworthy.base.settings import PREFIX, read_settings

        try:
            return read_settings(home=self.home, **options)
        except SettingsInvalid as error:
            name = str(error.details.get("setting"))
            if options.get(name.lower()) is None:
                raise
            fault = error.message.removeprefix(f"{PREFIX}{name} ")
            raise InvalidInput(f"--{name.lower()} {fault}") from error

    def client(self) -> Client:
        """Open a client for the server or the home."""
        from tradeworthy.client import Client

        return Client(
            server=self.server, home=self.home, token=self.token, token_file=self.token_file
        )


def context_of(ctx: typer.Context) -> Context:
    """Return the options that stand before the command."""
    context = ctx.find_root().obj
    assert isinstance(context, Context)  # noqa: S101 - the root callback has set it
    return context


@contextmanager
def client_of(ctx: typer.Context) -> Iterator[Client]:
    """Open a client; what is wrong with a request is said of the command's own arguments."""
    from tradeworthy.cli.argument_faults import as_typed

    try:
        with context_of(ctx).client() as client:
            yield client
    except InvalidInput as error:
        raise as_typed(error, ctx) from error


@contextmanager
def users_code() -> Iterator[None]:
    """Send what users' code prints to standard error, and come back from where it goes.

    Standard output is for the answer, which ``standard_streams`` holds for what Python does not
    print, and a relative path means what it meant when it was typed.
    """
    with redirect_stdout(sys.stderr), chdir(Path.cwd()):
        yield


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal that work goes on, and for how long."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        shown.add_task(what, total=None)
        yield


def show(value: object, *, as_json: bool, human: Callable[[Any], Iterator[str]]) -> None:
    """Print a value, as JSON or as lines for a person, who sees what the JSON says."""
    content = as_content(value)
    print_lines([_as_json(content)] if as_json else map(in_one_line, human(content)))


def print_error(error: TradeworthyError, further: Iterable[str], *, as_json: bool) -> None:
    """Print an error: a line for a person and what goes with it, besides as JSON."""
    # A database's or a library's own words may run over several lines.
    first = f"{error.code}: {' '.join(error.message.split())}"
    print_aside([first, *further])
    if as_json:
        problem = {"code": error.code, "detail": error.message, "details": error.details}
        print_lines([_as_json(problem)])


def print_aside(lines: Iterable[str]) -> None:
    """Write lines that are for a person and no answer to standard error."""
    for line in lines:
        sys.stderr.write(in_one_line(line) + "\n")


def print_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output, and see them written."""
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


def in_one_line(text: str) -> str:
    """Return a text that others wrote as one line, in which no terminal finds a command."""
    return readable(text, kept="")


def _as_json(content: object) -> str:
    return json.dumps(content, indent=2, default=str)


def as_content(value: object) -> Any:
    """Return an answer, or a list of answers, as the JSON that the service sent."""
    from pydantic import BaseModel

    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return [as_content(each) for each in value] if isinstance(value, list) else value


def table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> Iterator[str]:
    """Lay rows out in columns."""
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [
        max([len(column), *(len(row[at]) for row in cells)]) for at, column in enumerate(columns)
    ]
    for line in ([*columns], *cells):
        yield "  ".join(
            text.ljust(width) for text, width in zip(line, widths, strict=True)
        ).rstrip()


def _cell(value: Any) -> str:
    # Escaped before its width is taken.
    return in_one_line(_text(value))


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 1e15  # as counts are on the wire
        return f"{value:.0f}" if whole else f"{value:.4g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return ",".join(f"{name}={content}" for name, content in value.items()) or "-"
    return str(value)


def fields(value: dict[str, Any]) -> Iterator[str]:
    """Lay a record out, a line a field."""
    width = max(map(len, value), default=0)
    for name, content in value.items():
        if not isinstance(content, dict) and not _holds_records(content):
            yield f"{name.ljust(width)}  {_cell(content)}"


def outcome(line: str) -> Callable[[dict[str, Any]], Iterator[str]]:
    """Return what lays out what a command did: a line with fields in braces, then every field."""

    def lines(value: dict[str, Any]) -> Iterator[str]:
        yield line.format_map({name: _cell(content) for name, content in value.items()})
        yield from fields(value)

    return lines


def _holds_records(content: Any) -> bool:
    return isinstance(content, list) and any(isinstance(each, dict) for each in content)


def check_file(argument: str, file: Path, refusal: type[TradeworthyError]) -> None:
    """Refuse a file that is not there, before anything is loaded that could read it."""
    if not file.is_file():
        raise refusal(f"{argument}: there is no file {file}")


def key_values(option: str, pairs: list[str]) -> dict[str, Any]:
    """Read an option's ``key=value`` pairs; values that are JSON are taken as such."""
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{pair!r} is not of the form key=value", param_hint=option)
        if key in values:
            raise typer.BadParameter(f"{key!r} stands twice", param_hint=option)
        try:
            values[key] = read_json(text)
        except InvalidInput:
            values[key] = text
    return values
