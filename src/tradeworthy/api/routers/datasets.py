"""Files by content: artifacts and market data."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, RawBody, Serving, governed
from tradeworthy.api.presenting import dataset_out
from tradeworthy.wire import field_types, schemas

router = APIRouter(prefix="/api/v1/ml", tags=["files"], route_class=GovernedRoute)

Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
_BYTES = "application/octet-stream"


@router.put("/blobs/{sha256}", **governed(Action.UPLOAD, raw=_BYTES))
def upload_blob(sha256: Sha256, data: RawBody, service: Serving) -> schemas.BlobOut:
    """Keep a file under its digest; sending it again changes nothing."""
    service.blobs.put(data, sha256)
    return schemas.BlobOut(sha256=sha256, size=len(data))


@router.post("/datasets", status_code=201, **governed(Action.UPLOAD, raw=_BYTES))
def upload_dataset(
    name: Annotated[str, Query(min_length=1, max_length=128, pattern=field_types.ONE_LINE)],
    data: RawBody,
    service: Serving,
    caller: Caller,
) -> schemas.DatasetOut:
    """Keep market data, CSV or Parquet, under the hash of its content."""
    return dataset_out(service.datasets.add(name, data, actor=caller))


@router.get("/datasets", **governed(Action.READ))
def list_datasets(service: Serving) -> list[schemas.DatasetOut]:
    """List every dataset, oldest first."""
    with service.store.read() as view:
        return [dataset_out(record) for record in view.datasets.all()]
