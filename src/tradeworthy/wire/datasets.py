"""Market data and other files that are kept by their content."""

from __future__ import annotations

from datetime import datetime

from tradeworthy.wire.bodies import ResponseBody


class StoredBlob(ResponseBody):
    """A file that is kept."""

    sha256: str
    size: int


class RegisteredDataset(ResponseBody):
    """A dataset."""

    dataset_hash: str
    name: str
    file_sha256: str
    rows: int
    symbols: list[str]
    first: str
    last: str
    created_at: datetime
    created_by: str
