"""Training a strategy file, and putting its version on the record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradeworthy.cli.context import (
    AsJson,
    context_of,
    key_values,
    outcome,
    show,
    users_code,
    working,
)

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
    from dataclasses import asdict

    from tradeworthy.client.candidate_upload import (
        check_strategy,
        market_data,
        model_strategy,
        record_version,
        strategy_root,
        training_windows,
    )
    from tradeworthy.training.candidate import train_candidate
    from tradeworthy.training.point_in_time import parse_train_end
    from tradeworthy.training.strategy_file import load_strategy

    context = context_of(ctx)
    values = key_values("--set", config or [])
    with context.client() as client:
        root = strategy_root(client, context.settings().strategies_folder, file)
        windows = training_windows(client, model)
        source = market_data(data)
        train_end = parse_train_end(source.bars, until)
        with working("training"), users_code():
            loaded = load_strategy(file)
            check_strategy(model, model_strategy(client, model), loaded.strategy.name)
            candidate = train_candidate(
                loaded,
                source,
                config=values,
                train_end=train_end,
                windows=windows,
                root=root,
            )
        recorded = record_version(client, model, candidate, [source], manifests)
    show(asdict(recorded), as_json=as_json, human=outcome("recorded {model} v{version}: {stage}"))
