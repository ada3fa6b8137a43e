"""Feature files: showing, hashing, comparing and activating them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradeworthy.cli.context import (
    AsJson,
    check_file,
    client_of,
    fields,
    outcome,
    show,
    table,
    users_code,
)
from tradeworthy.errors import FeatureConflict, StrategyInvalid

if TYPE_CHECKING:
    from tradeworthy.features.feature_graph import FeatureGraph

features = typer.Typer(help="Show, hash, compare and activate feature files.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="A feature file.")]


PLACE = 70


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(features, name="features")


def _graphs(*files: Path) -> list[FeatureGraph]:
    for file in files:
        check_file("FILE", file, StrategyInvalid)
    from tradeworthy.features.feature_graph import FeatureGraph

    with users_code():
        return [FeatureGraph.from_module(file) for file in files]


@features.command("hash")
def hash_file(
    file: File,
    inputs: Annotated[
        str | None,
        typer.Option(
            help="A model's inputs in its order, parted by commas, each name or name@version (the "
            "newest without): hash what it is bound to."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the hash of a feature file's graph, or of a model's inputs, and of every node."""
    from tradeworthy.features.graph_summary import graph_summary

    (graph,) = _graphs(file)
    if inputs is not None:
        graph = graph.closure(inputs.split(","))
    show(graph_summary(graph), as_json=as_json, human=_hash_lines)


def _hash_lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"graph {found['hash']}"
    rows = [{"feature": name, **node} for name, node in found["nodes"].items()]
    yield from table(rows, ("feature", "version", "logic_hash", "node_hash"))


@features.command("show")
def show_file(file: File, as_json: AsJson = False) -> None:
    """Show the features of a file and what they depend on."""
    (graph,) = _graphs(file)
    rows = [
        {
            "feature": node.key,
            "kind": node.kind,
            "depends_on": [parent for _, parent in node.dependencies],
            "description": node.metadata.get("description"),
        }
        for node in graph.nodes.values()
    ]
    columns = ("feature", "kind", "depends_on", "description")
    show(rows, as_json=as_json, human=lambda found: table(found, columns))


@features.command("diff")
def diff(
    before: File,
    after: Annotated[Path, typer.Argument(help="The file to compare with it.")],
    as_json: AsJson = False,
) -> None:
    """Tell what changed from one feature file to another."""
    old, new = _graphs(before, after)
    found = old.diff(new)
    lines = found.explain() or ("no difference",)
    show(found.to_json(), as_json=as_json, human=lambda _: iter(lines))


@features.command("active")
def active(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Tell which release is active, and since when."""
    with client_of(ctx) as client:
        found = client.active_release()
    show(found, as_json=as_json, human=fields)


def _check_conflicts(files: list[Path], graphs: list[FeatureGraph]) -> None:
    """Refuse two files with different features of one name and version, naming their lines."""
    known: dict[str, tuple[str, str]] = {}
    for file, graph in zip(files, graphs, strict=True):
        for key, node in graph.nodes.items():
            place = f"{file} ({graph.definitions[key].place})" if key in graph.definitions else ""
            node_hash, first = known.setdefault(key, (node.node_hash, place))
            if node_hash != node.node_hash:
                raise FeatureConflict(
                    f"feature {key} comes with two different logics, in {first} and in {place}; "
                    "raise the version of one",
                    feature=node.name,
                    version=node.version,
                )


@features.command("activate")
def activate(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="The feature files of the release.")],
    expected_epoch: Annotated[int | None, typer.Option(help="The epoch you saw.")] = None,
    reason: str = "",
    force: Annotated[bool, typer.Option("--force", help="Drop features in use (admin).")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a release of feature files and activate it."""
    from tradeworthy.client.requests import check_fields
    from tradeworthy.wire.releases import ActivateRelease

    with client_of(ctx) as client:
        check_fields(ActivateRelease, expected_epoch=expected_epoch, reason=reason, force=force)
        graphs = _graphs(*files)
        _check_conflicts(files, graphs)
        snapshots = [graph.snapshot().to_json() for graph in graphs]
        release = client.register_release(snapshots).release
        found = client.activate_release(
            release, expected_epoch=expected_epoch, reason=reason, force=force
        )
    show(found, as_json=as_json, human=outcome("activated {release} as epoch {epoch}"))
