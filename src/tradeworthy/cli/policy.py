"""The promotion policy: showing what a model is held to, checking a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from tradeworthy.cli.context import AsJson, client_of, show, table

policy = typer.Typer(help="Show and check the promotion policy.", no_args_is_help=True)


PLACE = 90


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(policy, name="policy")


@policy.command("show")
def show_policy(
    ctx: typer.Context,
    model: str,
    digest: Annotated[
        str | None,
        typer.Option(help="A past one that the model's history names; 8 digits are enough."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the policy that a model is held to and where each value comes from, or a past one."""
    with client_of(ctx) as client:
        found = client.policy(model) if digest is None else client.past_policy(model, digest)
    show(found, as_json=as_json, human=_policy_lines)


def _policy_lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"policy {found['digest']}"
    origins = found.get("origins")
    rows = [
        {"key": key, "value": value, "from": origins and origins[key]}
        for key, value in sorted(found["values"].items())
    ]
    yield from table(rows, ("key", "value", "from") if origins else ("key", "value"))


@policy.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="A policy file.")], as_json: AsJson = False
) -> None:
    """Check that a policy file loads, and that it judges every model."""
    from tradeworthy.promotion.files.policy_file import read_policy_file
    from tradeworthy.promotion.policy.policy_schema import JUDGING

    document = read_policy_file(file)
    result = {
        "file": str(file),
        "default_judges": not JUDGING.isdisjoint(document.default),
        "tiers": sorted(document.tiers),
        "strategies": sorted(document.strategies),
        "models": sorted(document.models),
    }
    show(result, as_json=as_json, human=_check_lines)


def _check_lines(result: dict[str, Any]) -> Iterator[str]:
    yield f"{result['file']} is a usable policy"
    # A section whose name is misspelt judges nothing, and nobody else would ever say so.
    yield from (
        f"with sections for {kind}: {', '.join(result[kind])}"
        for kind in ("tiers", "strategies", "models")
        if result[kind]
    )
    if not result["default_judges"]:
        yield (
            "its default section sets no threshold on performance or statistics: the gate "
            "policy_judges refuses each model that no other section sets one for"
        )
