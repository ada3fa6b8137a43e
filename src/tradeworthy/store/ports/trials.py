"""The trial ledger: a strategy's attempts, its failures included."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One line of a strategy's trial ledger.

    ``trial_digest`` and the figures are None for a training run whose first backtest is pending.
    ``sharpe`` is per period.
    """

    strategy: str
    model: str
    version: int
    artifact_digest: str
    recorded_at: datetime
    trial_digest: str | None = None
    sharpe: float | None = None
    n_observations: int | None = None
    position: int = 0


class ReadTrials(Protocol):
    """What can be read of the trial ledger."""

    @abstractmethod
    def of_strategy(self, strategy: str) -> tuple[LedgerEntry, ...]:
        """Return every line of a strategy's ledger, oldest first."""


class WriteTrials(ReadTrials, Protocol):
    """The trial ledger, read and extended."""

    @abstractmethod
    def add(self, *entries: LedgerEntry) -> None:
        """Add lines; a finished trial that the strategy has already adds none.

        Raises
        ------
        VersionNotFound
            If an entry names a version that is not there.
        """
