"""Putting a trained candidate on the record: draft, files, manifest, TRAINED."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import cast

from tradeworthy.client.client import Client
from tradeworthy.drift.calibration.drift_calibration import Windows
from tradeworthy.errors import HomeUnusable, StrategyInvalid
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.manifest.dataset_hash import dataset_hash
from tradeworthy.manifest.files.manifest_file import write_manifest
from tradeworthy.market_data.files.bar_file import read_bars
from tradeworthy.training.run_record import Candidate, MarketData
from tradeworthy.wire.datasets import RegisteredDataset


@dataclass(frozen=True, slots=True)
class RecordedVersion:
    """A version on the record; ``manifest`` is the file that its manifest was written to."""

    model: str
    version: int
    stage: Stage
    manifest: Path
    manifest_digest: str
    content_digest: str


def market_data(path: Path) -> MarketData:
    """Read bars and hash them.

    Raises
    ------
    DatasetInvalid
        If the file is no market data.
    """
    bars = read_bars(path)
    return MarketData(path.name, bars, dataset_hash(bars))


def training_windows(client: Client, model: str) -> Windows:
    """Return the windows that the model's policy will watch it with.

    Raises
    ------
    ModelNotFound
        If the model is not registered.
    """
    values = client.policy(model).values
    sessions = (values["drift.current_sessions"], values["drift.reference_sessions"])
    return Windows(*cast("tuple[int, int]", sessions))


def model_strategy(client: Client, model: str) -> str:
    """Return the strategy that a model belongs to.

    Raises
    ------
    ModelNotFound
        If the model is not registered.
    """
    return client.status(model).strategy


def check_strategy(model: str, expected: str, actual: str) -> None:
    """Raise ``StrategyInvalid`` unless a strategy is the one that the model belongs to."""
    if actual != expected:
        raise StrategyInvalid(
            f"model {model!r} belongs to strategy {expected!r}, and this is {actual!r}: name "
            "another model, or register one for this strategy"
        )


def record_version(
    client: Client, model: str, candidate: Candidate, data: MarketData, folder: Path
) -> RecordedVersion:
    """Give a candidate a version, upload its files and manifest, and promote it to TRAINED.

    Parameters
    ----------
    client
        Speaks to the registry as a researcher.
    model
        The model's name.
    candidate, data
        What was trained, on what.
    folder
        Where the manifest is written besides.

    Raises
    ------
    TradeworthyError
        Whatever the registry refuses with.
    """
    check_strategy(model, model_strategy(client, model), candidate.strategy)
    upload_dataset(client, data)
    drafted = draft_version(client, model, candidate, folder)
    return replace(drafted, stage=promote_trained(client, model, drafted.version))


def draft_version(
    client: Client, model: str, candidate: Candidate, folder: Path
) -> RecordedVersion:
    """Draft a version with a candidate's files and manifest.

    Raises
    ------
    TradeworthyError
        Whatever the registry refuses with.
    """
    if not folder.is_dir():
        raise HomeUnusable(f"there is no folder {folder} to write the manifest to: make it")
    if candidate.artifact is not None:
        client.upload_blob(candidate.artifact.data)
    number = client.draft_version(model).version
    drafted = client.version(model, number)
    manifest = candidate.manifest(
        model,
        number,
        created_at=drafted.created_at.astimezone(UTC),
        created_by=drafted.author,
    )
    recorded = client.record_manifest(model, number, manifest.to_json().encode())
    return RecordedVersion(
        model=model,
        version=number,
        stage=Stage.DRAFT,
        manifest=write_manifest(manifest, folder),
        manifest_digest=recorded.manifest_digest,
        content_digest=recorded.content_digest,
    )


def promote_trained(client: Client, model: str, version: int) -> Stage:
    """Promote a drafted version to TRAINED and return the stage it is in.

    Raises
    ------
    PromotionRefused
        Naming every gate that did not pass, and why.
    """
    return client.promote(model, version, Stage.TRAINED).target


def upload_dataset(client: Client, data: MarketData) -> RegisteredDataset:
    """Upload market data unless the registry has it; return what it has."""
    for dataset in client.datasets():
        if dataset.dataset_hash == data.dataset_hash:
            return dataset
    buffer = io.BytesIO()
    data.bars.write_parquet(buffer)
    return client.upload_dataset(data.name, buffer.getvalue())
