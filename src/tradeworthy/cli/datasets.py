"""Market data that the registry keeps: what a backtest may be run on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradeworthy.cli.context import AsJson, check_file, client_of, outcome, show, table
from tradeworthy.errors import DatasetInvalid

datasets = typer.Typer(help="Keep market data in the registry.", no_args_is_help=True)


PLACE = 30


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(datasets, name="datasets")


@datasets.command("add")
def add(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="Bars, CSV or Parquet.")],
    as_json: AsJson = False,
) -> None:
    """Keep a file of market data under the hash of its content, for `backtest --dataset`."""
    check_file("FILE", file, DatasetInvalid)
    from tradeworthy.client.candidate_upload import market_data, upload_dataset

    data = market_data(file)
    with client_of(ctx) as client:
        dataset = upload_dataset(client, data)
    done = "the registry keeps {name}, {rows} rows, as {dataset_hash}"
    show(dataset, as_json=as_json, human=outcome(done))


@datasets.command("list")
def list_datasets(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List the market data that the registry has."""
    with client_of(ctx) as client:
        found = client.datasets()
    columns = ("dataset_hash", "name", "rows", "symbols", "first", "last")
    show(found, as_json=as_json, human=lambda rows: table(rows, columns))
