"""Training a strategy file, and putting its version on the record."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradeworthy.cli.context import (
    AsJson,
    check_file,
    client_of,
    context_of,
    key_values,
    outcome,
    print_aside,
    show,
    users_code,
    working,
)
from tradeworthy.errors import DatasetInvalid, StrategyInvalid

if TYPE_CHECKING:
    from polars import DataFrame

    from tradeworthy.client.candidate_upload import RecordedVersion
    from tradeworthy.client.client import Client
    from tradeworthy.training.strategy_file import LoadedStrategy

PLACE = 20


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(train)


def train(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The strategy file.")],
    model: Annotated[str, typer.Option(help="The model that gets a version.")],
    data: Annotated[Path, typer.Option(help="Bars, CSV or Parquet.")],
    until: Annotated[str | None, typer.Option(help="The last day to train on.")] = None,
    config: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of the configuration.")
    ] = None,
    manifests: Annotated[
        Path, typer.Option(help="Where the manifest is written.", exists=True, file_okay=False)
    ] = Path(),
    as_json: AsJson = False,
) -> None:
    """Train a strategy on market data and record the version: DRAFT becomes TRAINED."""
    # That a file is not there, or a setting has no value, costs neither a library nor a service.
    values = key_values("--set", config or [])
    check_file("FILE", file, StrategyInvalid)
    check_file("--data", data, DatasetInvalid)
    from dataclasses import asdict

    from tradeworthy.training.train_end import parse_train_end

    with client_of(ctx) as client:
        train_end = None if until is None else parse_train_end(until)
        strategies = context_of(ctx).settings().strategies_folder
        recorded = _recorded(client, model, file, data, train_end, values, strategies, manifests)
    show(asdict(recorded), as_json=as_json, human=outcome("recorded {model} v{version}: {stage}"))


def _recorded(
    client: Client,
    model: str,
    file: Path,
    data: Path,
    train_end: date | None,
    values: dict[str, Any],
    strategies: Path,
    manifests: Path,
) -> RecordedVersion:
    """Train and record; whether that can come to an end is seen before users' code or bars are."""
    from tradeworthy.client.candidate_upload import (
        check_folder,
        check_strategy,
        market_data,
        record_version,
        recordable_strategy,
        strategy_root,
        training_windows,
    )
    from tradeworthy.training.candidate import resolve_config, train_candidate
    from tradeworthy.training.strategy_file import load_strategy

    expected, windows = recordable_strategy(client, model), training_windows(client, model)
    root = strategy_root(client, strategies, file)
    check_folder(manifests)
    with users_code():
        loaded = load_strategy(file)
        resolve_config(loaded.strategy, values)
    check_strategy(model, expected, loaded.strategy.name)
    source = market_data(data)
    _warn(loaded, source.bars, train_end)
    with working("training"), users_code():
        candidate = train_candidate(
            loaded, source, config=values, train_end=train_end, windows=windows, root=root
        )
    return record_version(client, model, candidate, [source], manifests)


def _warn(loaded: LoadedStrategy, bars: DataFrame, train_end: date | None) -> None:
    """Say before the training what will keep its version from being validated."""
    from tradeworthy.client.git_warnings import git_warnings
    from tradeworthy.manifest.files.git_tree import read_git_tree
    from tradeworthy.training.point_in_time import known_bars, last_moment

    print_aside(git_warnings(read_git_tree(loaded.file, also=[loaded.feature_file])))
    if train_end is not None and known_bars(bars, train_end).height == bars.height:
        print_aside(
            [
                f"warning: --until: the data end at {last_moment(bars)}: nothing after the train "
                "end is left to test the artifact on"
            ]
        )
