"""Putting a trained candidate on the record: draft, files, manifest, TRAINED."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from tradeworthy.base.digests import sha256_hex
from tradeworthy.drift.calibration.drift_calibration import Windows
from tradeworthy.errors import HomeUnusable, StrategyInvalid
from tradeworthy.manifest.dataset_hash import dataset_hash
from tradeworthy.manifest.files.manifest_file import write_manifest
from tradeworthy.market_data.files.bar_file import read_bars
from tradeworthy.training.run_record import Candidate, MarketData

_BYTES = "application/octet-stream"


class Client(Protocol):
    """Whatever speaks to a service."""

    def get(self, path: str, **parameters: object) -> Any:
        """Send a GET."""

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        """Send a POST with a JSON body."""

    def send_bytes(
        self, method: str, path: str, content: bytes, kind: str, **parameters: object
    ) -> Any:
        """Send a body as it is."""


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
    values = client.get(f"/api/v1/ml/{model}/policy")["values"]
    return Windows(values["drift.current_sessions"], values["drift.reference_sessions"])


def model_strategy(client: Client, model: str) -> str:
    """Return the strategy that a model belongs to.

    Raises
    ------
    ModelNotFound
        If the model is not registered.
    """
    return str(client.get(f"/api/v1/models/{model}/status")["strategy"])


def record_version(
    client: Client, model: str, candidate: Candidate, data: MarketData, folder: Path
) -> dict[str, Any]:
    """Give a candidate a version, upload its files and papers, and promote it to TRAINED.

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

    Returns
    -------
    dict
        Model, version, stage, digests and the manifest's path.

    Raises
    ------
    TradeworthyError
        Whatever the registry refuses with.
    """
    check_strategy(model, model_strategy(client, model), candidate.strategy)
    upload_dataset(client, data)
    drafted = draft_version(client, model, candidate, folder)
    return {**drafted, "stage": promote_trained(client, model, drafted["version"])}


def check_strategy(model: str, expected: str, actual: str) -> None:
    """Raise ``StrategyInvalid`` unless a strategy is the one that the model belongs to."""
    if actual != expected:
        raise StrategyInvalid(
            f"model {model!r} belongs to strategy {expected!r}, and this is {actual!r}: name "
            "another model, or register one for this strategy"
        )


def draft_version(client: Client, model: str, candidate: Candidate, folder: Path) -> dict[str, Any]:
    """Draft a version with a candidate's files and papers; return its number, digests and path.

    Raises
    ------
    TradeworthyError
        Whatever the registry refuses with.
    """
    if not folder.is_dir():
        raise HomeUnusable(f"there is no folder {folder} to write the manifest to: make it")
    artifact = candidate.artifact
    if artifact is not None:
        blob = f"/api/v1/ml/blobs/{sha256_hex(artifact.data)}"
        client.send_bytes("PUT", blob, artifact.data, _BYTES)
    number = client.post(f"/api/v1/ml/{model}/versions")["version"]
    drafted = client.get(f"/api/v1/ml/{model}/versions/{number}")
    manifest = candidate.manifest(
        model,
        number,
        created_at=datetime.fromisoformat(drafted["created_at"]).astimezone(UTC),
        created_by=drafted["author"],
    )
    recorded = client.send_bytes(
        "PUT",
        f"/api/v1/ml/{model}/versions/{number}/manifest",
        manifest.to_json().encode(),
        "application/json",
    )
    path = write_manifest(manifest, folder)
    return {"model": model, "version": number, "stage": "DRAFT", "manifest": str(path), **recorded}


def promote_trained(client: Client, model: str, version: int) -> str:
    """Promote a drafted version to TRAINED and return the stage it is in.

    Raises
    ------
    PromotionRefused
        Naming every gate that did not pass, and why.
    """
    asked = {"version": version, "target": "TRAINED"}
    return str(client.post(f"/api/v1/ml/{model}/promote", asked)["target"])


def upload_dataset(client: Client, data: MarketData) -> None:
    """Upload market data unless the registry has it."""
    known = client.get("/api/v1/ml/datasets")
    if any(each["dataset_hash"] == data.dataset_hash for each in known):
        return
    buffer = io.BytesIO()
    data.bars.write_parquet(buffer)
    client.send_bytes("POST", "/api/v1/ml/datasets", buffer.getvalue(), _BYTES, name=data.name)
