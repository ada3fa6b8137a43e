"""Tokens: written to files that only their owner can read, never printed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from tradeworthy.access.roles import Role
from tradeworthy.cli.context import (
    AsJson,
    as_content,
    client_of,
    outcome,
    print_aside,
    show,
    table,
)

if TYPE_CHECKING:
    from tradeworthy.wire.tokens import IssuedToken

tokens = typer.Typer(help="Issue, list, rotate and revoke tokens (admin).", no_args_is_help=True)

Out = Annotated[Path, typer.Option(help="The file that gets the token; it must not exist.")]


PLACE = 110


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(tokens, name="tokens")


@tokens.command("create")
def create(
    ctx: typer.Context,
    actor: str,
    roles: Annotated[list[str], typer.Option("--role", help=f"One or more of {', '.join(Role)}.")],
    out: Out,
    strategies: Annotated[
        list[str] | None, typer.Option("--strategy", help="Only for these strategies.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Issue a token into a file."""
    with client_of(ctx) as client, _token_file(out) as file:
        issued = client.issue_token(actor, roles, strategies=strategies or None)
        file.write(issued.token + "\n")
    content = _content(issued, out)
    show(content, as_json=as_json, human=partial(_issued, "issued a token for {actor} into {file}"))


@tokens.command("list")
def list_tokens(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List the tokens, without the tokens themselves."""
    with client_of(ctx) as client:
        found = client.tokens()
    columns = ("token_id", "actor", "roles", "strategies", "created_at", "revoked_at")
    show(found, as_json=as_json, human=lambda rows: table([*map(with_scope, rows)], columns))


@tokens.command("rotate")
def rotate(ctx: typer.Context, token_id: str, out: Out, as_json: AsJson = False) -> None:
    """Replace a token by a new one for the same actor."""
    with client_of(ctx) as client, _token_file(out) as file:
        issued = client.rotate_token(token_id)
        file.write(issued.token + "\n")
    content = {**_content(issued, out), "replaced": token_id}
    done = "replaced token {replaced} of {actor} by the one in {file}"
    show(content, as_json=as_json, human=partial(_issued, done))


@tokens.command("revoke")
def revoke(ctx: typer.Context, token_id: str, as_json: AsJson = False) -> None:
    """Revoke a token."""
    with client_of(ctx) as client:
        client.revoke_token(token_id)
    show({"revoked": token_id}, as_json=as_json, human=outcome("revoked token {revoked}"))


def with_scope(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with its strategies in words: ``all`` where it is scoped to none."""
    return {**record, "strategies": "all" if record["strategies"] is None else record["strategies"]}


def _content(issued: IssuedToken, out: Path) -> dict[str, Any]:
    """Return what is shown of a token, after a warning of strategies that no model belongs to."""
    unknown = issued.unknown_strategies
    if unknown:
        print_aside(
            [
                f"no model belongs to {', '.join(unknown)} yet, so this token reaches none there; "
                f"for a slip, `tradeworthy tokens revoke {issued.record.token_id}` and create anew"
            ]
        )
    return {**as_content(issued.record), "unknown_strategies": unknown, "file": str(out)}


def _issued(done: str, content: dict[str, Any]) -> Iterator[str]:
    return outcome(done)(with_scope(content))


@contextmanager
def _token_file(path: Path) -> Iterator[TextIO]:
    """Open the file before a token is requested: one that nobody could read would stay valid.

    Only its owner can read it. It must not exist yet, and does not afterwards if the block fails.
    """
    from tradeworthy.errors import HomeUnusable

    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise HomeUnusable(
            f"cannot write {path} ({error.strerror}): no token was issued; name another --out"
        ) from error
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
