"""The store as its users see it: a reader, and a store that also writes.

Every method is one transaction. Three implementations stand behind it (memory, SQLite and
PostgreSQL); one contract suite runs over all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from tradeworthy.access.tokens import TokenRecord
from tradeworthy.lifecycle.events import Event
from tradeworthy.lifecycle.state import ModelState
from tradeworthy.store.job_records import JobProblem, JobRecord
from tradeworthy.store.records import (
    Activation,
    BacktestRecord,
    DatasetRecord,
    Document,
    DriftReportRecord,
    IdempotencyClaim,
    LedgerEntry,
    ModelRecord,
    ModelSummary,
    RecordedEvent,
    StoredReply,
    VersionQuery,
    VersionRow,
)


class Reader(Protocol):
    """Everything that can be asked."""

    def model(self, name: str) -> ModelRecord | None:
        """Return the state of a model and its revision."""

    def models(self, *, after: str = "", limit: int = 100) -> tuple[ModelSummary, ...]:
        """Return a page of models by name."""

    def versions(
        self, query: VersionQuery, *, after: tuple[str, int] = ("", 0), limit: int = 100
    ) -> tuple[VersionRow, ...]:
        """Return a page of versions by model name and number."""

    def tags(self, model: str) -> dict[int, dict[str, str]]:
        """Return the tags of every version of a model that has any."""

    def production(self) -> tuple[ModelState, ...]:
        """Return every model that has a version in PRODUCTION."""

    def events(
        self, model: str, *, until: datetime | None = None, after: int = 0, limit: int | None = None
    ) -> tuple[RecordedEvent, ...]:
        """Return a model's events in their order, up to the first one later than ``until``."""

    def position(self) -> tuple[int, int]:
        """Return how many events there are and the active epoch: both grow with every change."""

    def document(self, digest: str) -> Document | None:
        """Return a document."""

    def ledger(self, strategy: str) -> tuple[LedgerEntry, ...]:
        """Return every line of a strategy's trial ledger, oldest first."""

    def backtests(self, model: str, version: int) -> tuple[BacktestRecord, ...]:
        """Return the backtests of a version, oldest first."""

    def latest_backtests(self, model: str) -> dict[int, BacktestRecord]:
        """Return the newest backtest of each version of a model that has one."""

    def strategy_backtests(self, strategy: str) -> tuple[BacktestRecord, ...]:
        """Return the newest backtest of each distinct trial of a strategy, by trial digest."""

    def dataset(self, dataset_hash: str) -> DatasetRecord | None:
        """Return a dataset."""

    def datasets(self) -> tuple[DatasetRecord, ...]:
        """Return every dataset, oldest first."""

    def activation(self, epoch: int | None = None) -> Activation | None:
        """Return the activation of ``epoch``, the latest by default."""

    def drift_reports(
        self,
        model: str,
        *,
        version: int | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> tuple[DriftReportRecord, ...]:
        """Return a model's drift reports, of slots up to ``until``, newest slot first."""

    def token(self, mac: str) -> TokenRecord | None:
        """Return the token kept under ``mac``, revoked ones included."""

    def tokens(self) -> tuple[TokenRecord, ...]:
        """Return every token, oldest first."""

    def job(self, job_id: str) -> JobRecord | None:
        """Return a job."""


class Store(Reader, Protocol):
    """A reader that also writes; each write happens whole or not at all."""

    def commit(
        self,
        model: str,
        expected_revision: int,
        events: Sequence[Event],
        *,
        documents: Sequence[Document] = (),
        ledger: Sequence[LedgerEntry] = (),
    ) -> int:
        """Append events to a model and return its new revision.

        Raises
        ------
        StaleStage
            Unless the model still is at ``expected_revision`` (0: not registered).
        InvalidTransition
            If an event cannot follow those before it.
        VersionNotFound
            If the ledger names a version that is not there.
        """

    def add_document(self, document: Document, at: datetime) -> None:
        """Keep a document; the same one twice is no error."""

    def record_backtest(
        self, record: BacktestRecord, entry: LedgerEntry, evidence: Document
    ) -> None:
        """Keep a backtest with its evidence, and its trial unless the ledger has it.

        Raises
        ------
        VersionNotFound
            If there is no such version.
        """

    def add_dataset(self, record: DatasetRecord) -> None:
        """Keep a dataset; the same one twice is no error."""

    def activate(self, activation: Activation) -> None:
        """Make a release the active one.

        Raises
        ------
        StaleEpoch
            Unless ``activation.epoch`` is the next one.
        RecordNotFound
            If the release is not among the documents.
        """

    def add_drift_report(self, record: DriftReportRecord) -> bool:
        """Keep a report; False if its (version, slot) has one already.

        Raises
        ------
        VersionNotFound
            If there is no such version.
        """

    def add_token(self, record: TokenRecord) -> None:
        """Keep a token.

        Raises
        ------
        AlreadyExists
            If its id or MAC is taken.
        """

    def revoke_token(self, token_id: str, at: datetime) -> bool:
        """Revoke a token; False if there is none that is live.

        Raises
        ------
        LastAdmin
            If nobody could manage tokens any more, however many are revoked at once.
        """

    def claim(self, claim: IdempotencyClaim, now: datetime) -> StoredReply | None:
        """Reserve a key: None if the request may run, else the reply of the first one.

        Raises
        ------
        IdempotencyConflict
            If the key came with another request, or the first one is still running.
        """

    def settle(self, claim: IdempotencyClaim, reply: StoredReply | None) -> None:
        """Keep the reply of a claimed request; None gives the key back.

        Does nothing once the key has its reply, or another request took it over.
        """

    def add_job(self, record: JobRecord) -> None:
        """Queue a job.

        Raises
        ------
        VersionNotFound
            If there is no such version.
        AlreadyExists
            If its id is taken.
        """

    def claim_job(self, now: datetime, lease: timedelta) -> JobRecord | None:
        """Claim the oldest job that waits, or whose worker let its lease run out.

        However many workers ask at once, each job goes to one of them.
        """

    def renew_lease(self, job_id: str, attempt: int, until: datetime) -> bool:
        """Move the end of a claim's lease; False if the claim is not the newest any more."""

    def finish_job(
        self, job_id: str, attempt: int, outcome: Document | JobProblem, now: datetime
    ) -> bool:
        """Keep what came of a job, the document with its result or why it failed.

        False, and nothing is kept, if the claim is not the newest any more or the job has ended.
        """

    def ping(self) -> None:
        """Raise ``StoreUnavailable`` unless the store answers."""

    def close(self) -> None:
        """Give back what the store holds."""
