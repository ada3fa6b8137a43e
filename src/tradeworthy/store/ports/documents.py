"""Documents under their digests: manifests, verdicts, releases, evidence, results of jobs."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from tradeworthy.base.strict_json import read_json
from tradeworthy.errors import StoreUnavailable


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes under their digest."""

    digest: str
    kind: str
    body: bytes

    def content(self) -> Any:
        """Return the JSON of the body.

        Raises
        ------
        StoreUnavailable
            If it is none: then it is not what was kept.
        """
        return read_json(self.body, what=f"the kept {self.kind}", refusal=StoreUnavailable)


class ReadDocuments(Protocol):
    """What can be read of documents."""

    @abstractmethod
    def get(self, digest: str) -> Document | None:
        """Return a document."""


class WriteDocuments(ReadDocuments, Protocol):
    """Documents, read and added."""

    @abstractmethod
    def add(self, *documents: Document, at: datetime) -> None:
        """Keep documents; the same one twice is no error.

        Add all documents of a unit in one call: each unit takes them in the same order then, and
        two units with the same documents never wait for each other.
        """
