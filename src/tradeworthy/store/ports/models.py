"""Models and where they stand."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tradeworthy.lifecycle.state import ModelState


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A model's state and the revision that whoever appends events has to name."""

    state: ModelState
    revision: int


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """One line of the list of models."""

    name: str
    strategy: str
    owner: str
    tier: str
    created_at: datetime
    created_by: str
    production_version: int | None


class ReadModels(Protocol):
    """What can be read of models; they change by their events alone."""

    @abstractmethod
    def get(self, name: str) -> ModelRecord | None:
        """Return the state of a model and its revision."""

    @abstractmethod
    def page(self, *, after: str = "", limit: int = 100) -> tuple[ModelSummary, ...]:
        """Return a page of models by name."""

    @abstractmethod
    def strategies(self) -> frozenset[str]:
        """Return every strategy that a model belongs to."""

    @abstractmethod
    def production(self) -> tuple[ModelState, ...]:
        """Return every model that has a version in PRODUCTION."""
