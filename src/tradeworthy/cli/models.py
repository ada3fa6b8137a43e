"""Models and versions: registering, listing, searching, stopping."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Annotated, Any

import typer

from tradeworthy.cli.context import AsJson, Version, client_of, fields, outcome, show, table
from tradeworthy.cli.drift import state_lines
from tradeworthy.cli.promotion import approval_lines, figure_lines, verdict_lines

models = typer.Typer(help="Register, list and look at models.", no_args_is_help=True)

_VERSION_COLUMNS = ("model", "version", "stage", "author", "trainer", "quarantined", "tags")


PLACE = 40


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(models, name="models")
    app.command()(quarantine)
    app.command("lift-quarantine")(lift_quarantine)
    app.command()(retire)


@models.command("register")
def register(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="MODEL")],
    strategy: Annotated[str, typer.Option(help="The strategy it belongs to.")],
    owner: Annotated[str, typer.Option(help="Who answers for it.")],
    tier: Annotated[
        str, typer.Option(help="Its risk tier: standard, or one that the policy file names.")
    ] = "standard",
    as_json: AsJson = False,
) -> None:
    """Give a model its name."""
    with client_of(ctx) as client:
        registered = client.register_model(name, strategy=strategy, owner=owner, tier=tier)
    # A strategy that was misspelt is a new one, with a ledger and thresholds of its own.
    new = "the new " if registered.new_strategy else ""
    done = f"registered {{name}} for {new}strategy {{strategy}}, owned by {{owner}}"
    show(registered, as_json=as_json, human=outcome(done))


@models.command("list")
def list_models(
    ctx: typer.Context,
    after: Annotated[str, typer.Option(help="The last name of the page before.")] = "",
    limit: int = 100,
    as_json: AsJson = False,
) -> None:
    """List models by name."""
    with client_of(ctx) as client:
        found = client.models(after=after, limit=limit)
    columns = ("name", "strategy", "owner", "tier", "production_version")
    show(found, as_json=as_json, human=lambda rows: table(rows, columns))


@models.command("versions")
def versions(ctx: typer.Context, model: str, as_json: AsJson = False) -> None:
    """List the versions of a model."""
    with client_of(ctx) as client:
        found = client.versions(model)
    show(found, as_json=as_json, human=lambda rows: table(rows, _VERSION_COLUMNS))


@models.command("show")
def show_version(ctx: typer.Context, model: str, version: Version, as_json: AsJson = False) -> None:
    """Show a version: its digests, approvals, figures, who and when."""
    with client_of(ctx) as client:
        found = client.version(model, version)
    show(found, as_json=as_json, human=_version_lines)


def _version_lines(found: dict[str, Any]) -> Iterator[str]:
    yield from fields(found)
    yield from approval_lines(found)
    yield from figure_lines(found)


@models.command("search")
def search(
    ctx: typer.Context,
    tag: Annotated[list[str] | None, typer.Option(help="key=value; all have to hold.")] = None,
    stage: str | None = None,
    strategy: str | None = None,
    limit: int = 100,
    as_json: AsJson = False,
) -> None:
    """Search versions by tags, stage and strategy."""
    with client_of(ctx) as client:
        found = client.search_versions(
            tags=tag or (), stage=stage and stage.upper(), strategy=strategy, limit=limit
        )
    show(found, as_json=as_json, human=lambda rows: table(rows, _VERSION_COLUMNS))


@models.command("status")
def status(ctx: typer.Context, model: str, as_json: AsJson = False) -> None:
    """Tell where a model stands."""
    with client_of(ctx) as client:
        found = client.status(model)
    show(found, as_json=as_json, human=status_lines)


@models.command("verdict")
def verdict(
    ctx: typer.Context,
    model: str,
    digest: Annotated[
        str, typer.Argument(help="As the model's history names it; 8 digits are enough.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show the verdict under which a version moved, gate by gate."""
    with client_of(ctx) as client:
        found = client.verdict(model, digest)
    show(found, as_json=as_json, human=_verdict_lines)


def _verdict_lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"to {found['target']}: {'passed' if found['passed'] else 'refused'}"
    yield from verdict_lines(found, verbose=True)
    yield f"policy {found['policy_digest']}"


@models.command("tag")
def tag_version(
    ctx: typer.Context, model: str, version: Version, key: str, value: str, as_json: AsJson = False
) -> None:
    """Put a tag on a version."""
    with client_of(ctx) as client:
        found = client.tag_version(model, version, key, value)
    show(found, as_json=as_json, human=outcome("tagged {model} v{version}; its tags: {tags}"))


Why = Annotated[str, typer.Option("--reason", help="Why.")]


def quarantine(
    ctx: typer.Context, model: str, version: Version, reason: Why, as_json: AsJson = False
) -> None:
    """Stop a version: it keeps its stage and does not predict."""
    with client_of(ctx) as client:
        stopped = client.quarantine(model, version, reason=reason)
    done = "quarantined {model} v{version}: it does not predict until `lift-quarantine`"
    show(stopped, as_json=as_json, human=outcome(done))


def lift_quarantine(
    ctx: typer.Context, model: str, version: Version, reason: Why, as_json: AsJson = False
) -> None:
    """Let a stopped version predict again."""
    with client_of(ctx) as client:
        lifted = client.lift_quarantine(model, version, reason=reason)
    done = "lifted the quarantine of {model} v{version}: it may predict again"
    show(lifted, as_json=as_json, human=outcome(done))


def retire(
    ctx: typer.Context, model: str, version: Version, reason: Why, as_json: AsJson = False
) -> None:
    """Withdraw a version for good."""
    with client_of(ctx) as client:
        retired = client.retire(model, version, reason=reason)
    show(retired, as_json=as_json, human=outcome("retired {model} v{version} for good"))


def status_lines(found: dict[str, Any]) -> Iterator[str]:
    """Lay out where a model stands."""
    yield from fields({name: found[name] for name in ("model", "strategy", "epoch")})
    production = found["production"]
    if not isinstance(production, dict):
        yield "production  none: promote a version"
        return
    yield f"production  version {production['version']} since {production['stage_since']}"
    reason = production["quarantine_reason"]
    by, at = production["quarantined_by"], production["quarantined_at"]
    yield f"quarantine  {'no' if reason is None else f'yes: {reason} (by {by} at {at})'}"
    alignment = found["alignment"]
    if isinstance(alignment, dict):
        yield f"bound to    {alignment['bound']}"
        yield f"aligned     {'yes' if alignment['aligned'] else 'NO'}"
        yield from (f"            {line}" for line in alignment["differences"])
    drift = found["drift"]
    if isinstance(drift, dict):
        lines = state_lines(drift, found["model"], stopped=reason is not None)
        for title, line in zip_longest(["drift"], lines, fillvalue=""):
            yield f"{title:<10}  {line}"
    rollback = found["rollback"]
    if isinstance(rollback, dict):
        ready = "ready" if rollback["ready"] else "not ready"
        yield f"rollback    version {rollback['version']}, {ready}"
