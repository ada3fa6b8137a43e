"""Market data files that were uploaded, by the hash of their content."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredDataset:
    """A market data file that was uploaded, by the hash of its content."""

    dataset_hash: str
    name: str
    file_sha256: str
    rows: int
    symbols: tuple[str, ...]
    first: str
    last: str
    created_at: datetime
    created_by: str


class ReadDatasets(Protocol):
    """What can be read of datasets."""

    @abstractmethod
    def get(self, dataset_hash: str) -> StoredDataset | None:
        """Return a dataset."""

    @abstractmethod
    def all(self) -> tuple[StoredDataset, ...]:
        """Return every dataset, oldest first."""


class WriteDatasets(ReadDatasets, Protocol):
    """Datasets, read and added."""

    @abstractmethod
    def add(self, record: StoredDataset) -> None:
        """Keep a dataset; the same one twice is no error."""
