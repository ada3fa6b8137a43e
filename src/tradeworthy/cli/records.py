"""What is on record: manifests and history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from tradeworthy.cli.context import (
    AsJson,
    Version,
    check_file,
    client_of,
    outcome,
    show,
    table,
)
from tradeworthy.errors import ManifestInvalid

manifest = typer.Typer(help="Fetch manifests and check them offline.", no_args_is_help=True)


PLACE = 100


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(manifest, name="manifest")
    app.command()(history)


@manifest.command("fetch")
def fetch(
    ctx: typer.Context,
    model: str,
    version: Version,
    into: Annotated[
        Path, typer.Option(help="Where the manifest is written.", exists=True, file_okay=False)
    ] = Path(),
    as_json: AsJson = False,
) -> None:
    """Write the manifest that the registry has of a version to a file, to verify it."""
    from tradeworthy.manifest.files.manifest_file import write_manifest

    with client_of(ctx) as client:
        path = write_manifest(client.manifest(model, version), into)
    show({"manifest": str(path)}, as_json=as_json, human=outcome("wrote {manifest}"))


@manifest.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="A manifest file.")],
    artifacts: Annotated[
        Path | None, typer.Option(help="The folder of its artifact files.")
    ] = None,
    digest: Annotated[
        str | None, typer.Option(help="The manifest's digest, as the registry tells it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a manifest and its files by their hashes; no service is needed."""
    check_file("FILE", file, ManifestInvalid)
    from dataclasses import asdict

    from tradeworthy.cli.exit_codes import REFUSED
    from tradeworthy.manifest.files.verify import verify_manifest

    report = verify_manifest(file, artifacts, expected_digest=digest)
    show(asdict(report), as_json=as_json, human=_check_lines)
    if not report.passed:
        raise typer.Exit(REFUSED)


def _check_lines(found: dict[str, Any]) -> Iterator[str]:
    return table(list(found["checks"]), tuple(found["checks"][0]))


def history(
    ctx: typer.Context,
    model: str,
    at: Annotated[str | None, typer.Option(help="A time with offset; now by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a model as it stood at a time, and how it came there."""
    with client_of(ctx) as client:
        found = client.history(model, at=at)
    show(found, as_json=as_json, human=_history_lines)


def _history_lines(found: dict[str, Any]) -> Iterator[str]:
    champion = found["production_version"]
    standing = "no version" if champion is None else f"version {champion}"
    yield f"at {found['at']} {standing} was in PRODUCTION"
    rows = [
        {
            **event,
            "to": event["body"].get("target"),
            "verdict": _short(event["body"].get("verdict_digest")),
            "policy": _short(event["body"].get("policy_digest")),
        }
        for event in found["events"]
    ]
    columns = ("at", "kind", "version", "to", "actor", "reason", "verdict", "policy")
    yield from table(rows, columns)
    if any(row["verdict"] for row in rows):
        model = found["model"]
        yield (
            f"`tradeworthy models verdict {model} DIGEST` and `tradeworthy policy show {model} "
            "--digest DIGEST` show a verdict and a policy"
        )


def _short(digest: str | None) -> str | None:
    return digest and digest[:12]
