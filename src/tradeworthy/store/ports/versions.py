"""Versions as lists and searches show them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tradeworthy.errors import InvalidInput
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import VersionState

MAX_TAGS = 50


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version as lists and searches show it."""

    model: str
    strategy: str
    version: VersionState
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VersionQuery:
    """The conditions of a search; every one that is set has to hold.

    Raises
    ------
    InvalidInput
        For more tags than any database takes in one query.
    """

    strategy: str | None = None
    stage: Stage | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.tags) > MAX_TAGS:
            raise InvalidInput(
                f"a search asks for at most {MAX_TAGS} tags, not {len(self.tags)}", field="tag"
            )


class ReadVersions(Protocol):
    """What can be read of versions; they change by their model's events alone."""

    @abstractmethod
    def search(
        self, query: VersionQuery, *, after: tuple[str, int] = ("", 0), limit: int = 100
    ) -> tuple[VersionRow, ...]:
        """Return a page of versions by model name and number."""

    @abstractmethod
    def tags(self, model: str) -> dict[int, dict[str, str]]:
        """Return the tags of every version of a model that has any."""
