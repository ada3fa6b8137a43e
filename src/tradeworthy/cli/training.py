"""Training a strategy file, and putting its version on the record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradeworthy.cli.context import AsJson, context_of, fields, key_values, show


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
    manifests: Annotated[Path, typer.Option(help="Where the manifest is written.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Train a strategy on market data and record the version: DRAFT becomes TRAINED."""
    from tradeworthy.training.candidate import train_candidate
    from tradeworthy.training.recording import market_data, record_version, training_windows
    from tradeworthy.training.strategy_file import load_strategy
    from tradeworthy.training.training_table import parse_train_end

    with context_of(ctx).client() as client:
        windows = training_windows(client, model)
        loaded = load_strategy(file)
        source = market_data(data)
        candidate = train_candidate(
            loaded,
            source,
            config=key_values(config or []),
            train_end=parse_train_end(source.bars, until),
            windows=windows,
        )
        recorded = record_version(client, model, candidate, source, manifests)
    show(recorded, as_json=as_json, human=fields)
