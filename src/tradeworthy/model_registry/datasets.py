"""Market data that the registry keeps: parsed, checked, hashed by content."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from tradeworthy.access.roles import Action, Actor
from tradeworthy.base.digests import sha256_hex
from tradeworthy.errors import InvalidInput
from tradeworthy.store.blobs import BlobFolder
from tradeworthy.store.ports.datasets import StoredDataset
from tradeworthy.store.unit_of_work import Store

MAX_NAME = 128


class Datasets:
    """Takes market data in."""

    def __init__(self, store: Store, blobs: BlobFolder, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock

    def add(self, name: str, data: bytes, *, actor: Actor) -> StoredDataset:
        """Keep a CSV or Parquet file of daily or intraday bars.

        Raises
        ------
        DatasetInvalid
            If it cannot be read as bars.
        InvalidInput
            If the name is empty or too long.
        Forbidden
            Unless the actor may upload.
        """
        # Table code takes a third of a second to import: not every service is sent market data.
        from tradeworthy.manifest.dataset_digest import dataset_hash
        from tradeworthy.market_data.files.bar_file import parse_bars

        actor.require(Action.UPLOAD)
        if not 0 < len(name) <= MAX_NAME:
            raise InvalidInput(f"a dataset's name has 1 to {MAX_NAME} characters", field="name")
        bars = parse_bars(data)
        file_sha256 = sha256_hex(data)
        self._blobs.put(data, file_sha256)
        dates = bars["date"]
        record = StoredDataset(
            dataset_hash=dataset_hash(bars),
            name=name,
            file_sha256=file_sha256,
            rows=bars.height,
            symbols=tuple(sorted(bars["symbol"].unique().to_list())),
            first=str(dates.min()),
            last=str(dates.max()),
            created_at=self._clock(),
            created_by=actor.name,
        )
        with self._store.begin() as unit:
            unit.datasets.add(record)
            return unit.datasets.get(record.dataset_hash) or record
