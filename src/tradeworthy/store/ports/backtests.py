"""Backtests that the registry ran."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tradeworthy.base.digests import Json


@dataclass(frozen=True, slots=True)
class BacktestRecord:
    """A backtest that the registry ran: its figures and the document with its evidence."""

    model: str
    version: int
    result_digest: str
    trial_digest: str
    artifact_digest: str
    dataset_hash: str
    evidence_digest: str
    metrics: Mapping[str, Json]
    actor: str
    at: datetime


class ReadBacktests(Protocol):
    """What can be read of backtests."""

    @abstractmethod
    def of_version(self, model: str, version: int) -> tuple[BacktestRecord, ...]:
        """Return the backtests of a version, oldest first."""

    @abstractmethod
    def latest(self, model: str) -> dict[int, BacktestRecord]:
        """Return the newest backtest of each version of a model that has one."""

    @abstractmethod
    def of_strategy(self, strategy: str) -> tuple[BacktestRecord, ...]:
        """Return the newest backtest of each distinct trial of a strategy, by trial digest."""


class WriteBacktests(ReadBacktests, Protocol):
    """Backtests, read and added."""

    @abstractmethod
    def add(self, record: BacktestRecord) -> None:
        """Keep a backtest; its evidence has to be among the documents.

        Raises
        ------
        VersionNotFound
            If there is no such version.
        """
