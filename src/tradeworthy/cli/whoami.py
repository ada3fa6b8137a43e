"""Who one is to the service."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import typer

from tradeworthy.access.roles import Action
from tradeworthy.cli.context import AsJson, client_of, fields, show
from tradeworthy.cli.tokens import with_scope

PLACE = 105


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(whoami)


def whoami(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Say who your token makes you, where, and what you may do."""
    with client_of(ctx) as client:
        identity = client.whoami()
        place = str(client.connection)
    show(identity, as_json=as_json, human=partial(_identity_lines, place=place))


def _identity_lines(found: dict[str, Any], *, place: str) -> Iterator[str]:
    yield f"{found['actor']} at {place}"
    yield from fields({name: with_scope(found)[name] for name in ("roles", "strategies")})
    yield f"may: {', '.join(dict.fromkeys(Action(action).words for action in found['may']))}"
