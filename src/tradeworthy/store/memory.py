"""The store in memory: for tests, and for trying the product without a disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import takewhile

from tradeworthy.access.tokens import TokenRecord, check_not_last_admin
from tradeworthy.errors import (
    AlreadyExists,
    RecordNotFound,
    StaleEpoch,
    StaleStage,
    VersionNotFound,
)
from tradeworthy.lifecycle.events import Event
from tradeworthy.lifecycle.evolve import evolve
from tradeworthy.lifecycle.state import ModelState
from tradeworthy.lifecycle.tags import VersionTagged
from tradeworthy.store.idempotency_rule import CLAIM_LEASE, reply_of
from tradeworthy.store.memory_jobs import MemoryJobs
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


class MemoryStore(MemoryJobs):
    """Everything the product keeps, behind ``store.protocol.Store``."""

    def __init__(self) -> None:
        super().__init__()
        self._models: dict[str, ModelRecord] = {}
        self._events: list[RecordedEvent] = []
        self._tags: dict[tuple[str, int], dict[str, str]] = {}
        self._ledger: list[LedgerEntry] = []
        self._backtests: list[BacktestRecord] = []
        self._datasets: dict[str, DatasetRecord] = {}
        self._activations: list[Activation] = []
        self._drift: dict[tuple[str, int, datetime], DriftReportRecord] = {}
        self._tokens: dict[str, TokenRecord] = {}
        self._claims: dict[
            tuple[str, str], tuple[IdempotencyClaim, datetime, StoredReply | None]
        ] = {}

    def model(self, name: str) -> ModelRecord | None:
        """Return the state of a model and its revision."""
        return self._models.get(name)

    def models(self, *, after: str = "", limit: int = 100) -> tuple[ModelSummary, ...]:
        """Return a page of models by name."""
        with self._lock:
            names = sorted(name for name in self._models if name > after)[:limit]
            return tuple(_summary(self._models[name].state) for name in names)

    def versions(
        self, query: VersionQuery, *, after: tuple[str, int] = ("", 0), limit: int = 100
    ) -> tuple[VersionRow, ...]:
        """Return a page of versions by model name and number."""
        with self._lock:
            rows = [
                VersionRow(name, r.state.strategy, v, dict(self._tags.get((name, v.version), {})))
                for name, r in sorted(self._models.items())
                for v in r.state.versions.values()
                if (name, v.version) > after
            ]
        return tuple(row for row in rows if _matches(row, query))[:limit]

    def tags(self, model: str) -> dict[int, dict[str, str]]:
        """Return the tags of every version of a model that has any."""
        with self._lock:
            return {v: dict(tags) for (name, v), tags in self._tags.items() if name == model}

    def production(self) -> tuple[ModelState, ...]:
        """Return every model that has a version in PRODUCTION."""
        with self._lock:
            states = [record.state for _, record in sorted(self._models.items())]
        return tuple(state for state in states if state.champion is not None)

    def events(
        self, model: str, *, until: datetime | None = None, after: int = 0, limit: int | None = None
    ) -> tuple[RecordedEvent, ...]:
        """Return a model's events in their order, up to the first one later than ``until``."""
        with self._lock:
            ours = [recorded for recorded in self._events if recorded.event.model == model]
        known = takewhile(lambda recorded: until is None or recorded.event.at <= until, ours)
        return tuple(recorded for recorded in known if recorded.sequence > after)[:limit]

    def position(self) -> tuple[int, int]:
        """Return how many events there are and the active epoch: both grow with every change."""
        return len(self._events), len(self._activations)

    def commit(
        self,
        model: str,
        expected_revision: int,
        events: Sequence[Event],
        *,
        documents: Sequence[Document] = (),
        ledger: Sequence[LedgerEntry] = (),
    ) -> int:
        """Append events to a model and return its new revision."""
        with self._lock:
            record = self._models.get(model, ModelRecord(ModelState(model), 0))
            if record.revision != expected_revision:
                raise StaleStage(f"model {model!r} changed meanwhile: look at it again")
            state = record.state
            for event in events:
                state = evolve(state, event)
            for entry in ledger:
                if entry.model != model or entry.version not in state.versions:
                    self._need_version(entry.model, entry.version)
            for event in events:
                self._events.append(RecordedEvent(len(self._events) + 1, event))
                if isinstance(event.body, VersionTagged):
                    tags = self._tags.setdefault((model, event.body.version), {})
                    tags[event.body.key] = event.body.value
            self._models[model] = ModelRecord(state, record.revision + len(events))
            for document in documents:
                self._documents.setdefault(document.digest, document)
            self._extend_ledger(ledger)
            return record.revision + len(events)

    def _extend_ledger(self, entries: Sequence[LedgerEntry]) -> None:
        known = {(e.strategy, e.trial_digest) for e in self._ledger if e.trial_digest is not None}
        for entry in entries:
            if (entry.strategy, entry.trial_digest) in known:
                continue
            self._ledger.append(replace(entry, position=len(self._ledger) + 1))
            if entry.trial_digest is not None:
                known.add((entry.strategy, entry.trial_digest))

    def _need_version(self, model: str, version: int) -> None:
        record = self._models.get(model)
        if record is None or version not in record.state.versions:
            raise VersionNotFound(
                f"model {model!r} has no version {version}", model=model, version=version
            )

    def document(self, digest: str) -> Document | None:
        """Return a document."""
        return self._documents.get(digest)

    def add_document(self, document: Document, at: datetime) -> None:  # noqa: ARG002
        """Keep a document; the same one twice is no error."""
        with self._lock:
            self._documents.setdefault(document.digest, document)

    def ledger(self, strategy: str) -> tuple[LedgerEntry, ...]:
        """Return every line of a strategy's trial ledger, oldest first."""
        with self._lock:
            return tuple(entry for entry in self._ledger if entry.strategy == strategy)

    def backtests(self, model: str, version: int) -> tuple[BacktestRecord, ...]:
        """Return the backtests of a version, oldest first."""
        with self._lock:
            return tuple(b for b in self._backtests if (b.model, b.version) == (model, version))

    def latest_backtests(self, model: str) -> dict[int, BacktestRecord]:
        """Return the newest backtest of each version of a model that has one."""
        with self._lock:
            return {b.version: b for b in self._backtests if b.model == model}

    def strategy_backtests(self, strategy: str) -> tuple[BacktestRecord, ...]:
        """Return the newest backtest of each distinct trial of a strategy, by trial digest."""
        with self._lock:
            newest = {
                each.trial_digest: each
                for each in self._backtests
                if self._models[each.model].state.strategy == strategy
            }
        return tuple(newest[digest] for digest in sorted(newest))

    def record_backtest(
        self, record: BacktestRecord, entry: LedgerEntry, evidence: Document
    ) -> None:
        """Keep a backtest with its evidence, and its trial unless the ledger has it."""
        with self._lock:
            self._need_version(record.model, record.version)
            self._need_version(entry.model, entry.version)
            self._documents.setdefault(evidence.digest, evidence)
            self._backtests.append(record)
            self._extend_ledger([entry])

    def dataset(self, dataset_hash: str) -> DatasetRecord | None:
        """Return a dataset."""
        return self._datasets.get(dataset_hash)

    def datasets(self) -> tuple[DatasetRecord, ...]:
        """Return every dataset, oldest first."""
        with self._lock:
            return tuple(self._datasets.values())

    def add_dataset(self, record: DatasetRecord) -> None:
        """Keep a dataset; the same one twice is no error."""
        with self._lock:
            self._datasets.setdefault(record.dataset_hash, record)

    def activation(self, epoch: int | None = None) -> Activation | None:
        """Return the activation of ``epoch``, the latest by default."""
        with self._lock:
            place = len(self._activations) if epoch is None else epoch
            return self._activations[place - 1] if 0 < place <= len(self._activations) else None

    def activate(self, activation: Activation) -> None:
        """Make a release the active one, if its epoch is the next one."""
        with self._lock:
            if activation.release_digest not in self._documents:
                digest = activation.release_digest
                raise RecordNotFound(f"no release {digest}: publish it first", digest=digest)
            if activation.epoch != len(self._activations) + 1:
                raise StaleEpoch(
                    f"epoch {activation.epoch} is not the next one any more: "
                    "look at what is active now",
                    epoch=activation.epoch,
                )
            self._activations.append(activation)

    def drift_reports(
        self,
        model: str,
        *,
        version: int | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> tuple[DriftReportRecord, ...]:
        """Return a model's drift reports, of slots up to ``until``, newest slot first."""
        with self._lock:
            found = [
                report
                for report in reversed(self._drift.values())
                if report.model == model
                and version in {None, report.version}
                and (until is None or report.slot <= until)
            ]
        return tuple(sorted(found, key=lambda report: report.slot, reverse=True)[:limit])

    def add_drift_report(self, record: DriftReportRecord) -> bool:
        """Keep a report; False if its (version, slot) has one already."""
        key = (record.model, record.version, record.slot)
        with self._lock:
            self._need_version(record.model, record.version)
            return self._drift.setdefault(key, record) is record

    def token(self, mac: str) -> TokenRecord | None:
        """Return the token kept under ``mac``, revoked ones included."""
        with self._lock:
            return next((token for token in self._tokens.values() if token.mac == mac), None)

    def tokens(self) -> tuple[TokenRecord, ...]:
        """Return every token, oldest first."""
        with self._lock:
            return tuple(sorted(self._tokens.values(), key=lambda t: (t.created_at, t.token_id)))

    def add_token(self, record: TokenRecord) -> None:
        """Keep a token."""
        with self._lock:
            if record.token_id in self._tokens or self.token(record.mac) is not None:
                raise AlreadyExists(f"token {record.token_id!r} exists already")
            self._tokens[record.token_id] = record

    def revoke_token(self, token_id: str, at: datetime) -> bool:
        """Revoke a token; False if there is none that is live."""
        with self._lock:
            token = self._tokens.get(token_id)
            if token is None or token.revoked_at is not None:
                return False
            live = [other for other in self._tokens.values() if other.revoked_at is None]
            check_not_last_admin(token_id, live)
            self._tokens[token_id] = replace(token, revoked_at=at)
            return True

    def claim(self, claim: IdempotencyClaim, now: datetime) -> StoredReply | None:
        """Reserve a key: None if the request may run, else the reply of the first one."""
        key = (claim.actor, claim.key)
        with self._lock:
            held = self._claims.get(key)
            if held is None or (held[2] is None and held[1] < now - CLAIM_LEASE):
                self._claims[key] = (claim, now, None)
                return None
        first, _, reply = held
        return reply_of(
            claim,
            first.route,
            first.request_digest,
            reply.status if reply else None,
            reply.body if reply else None,
        )

    def settle(self, claim: IdempotencyClaim, reply: StoredReply | None) -> None:
        """Keep the reply of a claimed request; None gives the key back."""
        key = (claim.actor, claim.key)
        with self._lock:
            held = self._claims.get(key)
            if held is None or held[0] != claim or held[2] is not None:
                return
            del self._claims[key]
            if reply is not None:
                self._claims[key] = (held[0], held[1], reply)

    def ping(self) -> None:
        """Answer: memory always does."""

    def close(self) -> None:
        """Give nothing back: memory goes with the process."""


def _summary(state: ModelState) -> ModelSummary:
    assert state.created_at is not None  # noqa: S101 - only registered models are kept
    champion = state.champion
    return ModelSummary(
        state.name,
        state.strategy,
        state.owner,
        state.tier,
        state.created_at,
        state.created_by,
        champion.version if champion else None,
    )


def _matches(row: VersionRow, query: VersionQuery) -> bool:
    return (
        query.strategy in {None, row.strategy}
        and query.stage in {None, row.version.stage}
        and all(row.tags.get(key) == value for key, value in query.tags.items())
    )
