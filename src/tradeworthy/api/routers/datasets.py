"""Files by content: artifacts and market data."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, RawBody, Serving, governed
from tradeworthy.api.http.parameters import Sha256
from tradeworthy.base.text_forms import ONE_LINE
from tradeworthy.wire.datasets import RegisteredDataset, StoredBlob

router = APIRouter(prefix="/api/v1/ml", tags=["files"], route_class=GovernedRoute)

_BYTES = "application/octet-stream"


@router.put("/blobs/{sha256}", **governed(Action.UPLOAD, raw=_BYTES))
def upload_blob(sha256: Sha256, data: RawBody, service: Serving) -> StoredBlob:
    """Keep a file under its digest; sending it again changes nothing."""
    service.blobs.put(data, sha256)
    return StoredBlob(sha256=sha256, size=len(data))


@router.post("/datasets", status_code=201, **governed(Action.UPLOAD, raw=_BYTES))
def upload_dataset(
    name: Annotated[str, Query(min_length=1, max_length=128, pattern=ONE_LINE)],
    data: RawBody,
    service: Serving,
    caller: Caller,
) -> RegisteredDataset:
    """Keep market data, CSV or Parquet, under the hash of its content."""
    return RegisteredDataset.model_validate(service.datasets.add(name, data, actor=caller))


@router.get("/datasets", **governed(Action.READ))
def list_datasets(service: Serving) -> list[RegisteredDataset]:
    """List every dataset, oldest first."""
    with service.store.read() as view:
        return [RegisteredDataset.model_validate(record) for record in view.datasets.all()]
