"""The naive model of a store: lists and dictionaries under one lock, copied for every view."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from tradeworthy.access.tokens import TokenRecord, check_not_last_admin
from tradeworthy.errors import (
    AlreadyExists,
    ModelNotFound,
    RecordNotFound,
    StaleEpoch,
    StaleStage,
    VersionNotFound,
)
from tradeworthy.lifecycle.events import Event
from tradeworthy.lifecycle.evolve import evolve
from tradeworthy.lifecycle.job_state import JobState
from tradeworthy.lifecycle.state import ModelState
from tradeworthy.lifecycle.tags import VersionTagged
from tradeworthy.store.ports.backtests import BacktestRecord, WriteBacktests
from tradeworthy.store.ports.datasets import StoredDataset, WriteDatasets
from tradeworthy.store.ports.documents import Document, WriteDocuments
from tradeworthy.store.ports.drift_reports import DriftReportRecord, WriteDriftReports
from tradeworthy.store.ports.events import RecordedEvent, WriteEvents
from tradeworthy.store.ports.idempotency import (
    CLAIM_LEASE,
    Idempotency,
    IdempotencyClaim,
    StoredReply,
    reply_of,
)
from tradeworthy.store.ports.jobs import JobProblem, JobRecord, WriteJobs
from tradeworthy.store.ports.models import ModelRecord, ModelSummary, ReadModels
from tradeworthy.store.ports.outbox import Message, WriteOutbox, check_own_id, event_message
from tradeworthy.store.ports.releases import Activation, WriteReleases
from tradeworthy.store.ports.tokens import WriteTokens
from tradeworthy.store.ports.trials import LedgerEntry, WriteTrials
from tradeworthy.store.ports.versions import ReadVersions, VersionQuery, VersionRow
from tradeworthy.store.unit_of_work import Unit, View


@dataclass
class Records:
    """All that a store keeps."""

    models: dict[str, ModelRecord] = field(default_factory=dict)
    events: list[RecordedEvent] = field(default_factory=list)
    tags: dict[tuple[str, int, str], str] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    trials: list[LedgerEntry] = field(default_factory=list)
    backtests: list[BacktestRecord] = field(default_factory=list)
    datasets: dict[str, StoredDataset] = field(default_factory=dict)
    activations: list[Activation] = field(default_factory=list)
    drift: dict[tuple[str, int, datetime], DriftReportRecord] = field(default_factory=dict)
    tokens: dict[str, TokenRecord] = field(default_factory=dict)
    claims: dict[tuple[str, str], tuple[IdempotencyClaim, datetime, StoredReply | None]] = field(
        default_factory=dict
    )
    jobs: dict[str, JobRecord] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    held: dict[str, datetime] = field(default_factory=dict)
    delivered: set[str] = field(default_factory=set)

    def copy(self) -> Records:
        return Records(**{each.name: getattr(self, each.name).copy() for each in fields(self)})

    def need_version(self, model: str, version: int) -> None:
        record = self.models.get(model)
        if record is None or version not in record.state.versions:
            raise VersionNotFound(
                f"model {model!r} has no version {version}", model=model, version=version
            )


class NaiveStore:
    """A store in memory; one unit at a time."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._records = Records()

    @contextmanager
    def read(self) -> Iterator[View]:
        with self._lock:
            records = self._records.copy()
        yield View(lambda port: PORTS[port](records))

    @contextmanager
    def begin(self) -> Iterator[Unit]:
        with self._lock:
            records = self._records.copy()
            yield Unit(lambda port: PORTS[port](records))
            self._records = records

    def close(self) -> None:
        """Give nothing back: memory goes with the process."""


class NaivePort:
    def __init__(self, records: Records) -> None:
        self.kept = records


class NaiveModels(NaivePort, ReadModels):
    def get(self, name: str) -> ModelRecord | None:
        return self.kept.models.get(name)

    def page(self, *, after: str = "", limit: int = 100) -> tuple[ModelSummary, ...]:
        names = sorted(name for name in self.kept.models if name > after)[:limit]
        return tuple(_summary(self.kept.models[name].state) for name in names)

    def strategies(self) -> frozenset[str]:
        return frozenset(record.state.strategy for record in self.kept.models.values())

    def production(self) -> tuple[ModelState, ...]:
        states = [record.state for _, record in sorted(self.kept.models.items())]
        return tuple(state for state in states if state.champion is not None)


class NaiveVersions(NaivePort, ReadVersions):
    def search(
        self, query: VersionQuery, *, after: tuple[str, int] = ("", 0), limit: int = 100
    ) -> tuple[VersionRow, ...]:
        rows = [
            VersionRow(name, r.state.strategy, v, self.tags(name).get(v.version, {}))
            for name, r in sorted(self.kept.models.items())
            for v in r.state.versions.values()
            if (name, v.version) > after
        ]
        return tuple(row for row in rows if _matches(row, query))[:limit]

    def tags(self, model: str) -> dict[int, dict[str, str]]:
        tags: dict[int, dict[str, str]] = {}
        for (name, version, key), value in self.kept.tags.items():
            if name == model:
                tags.setdefault(version, {})[key] = value
        return tags


class NaiveEvents(NaivePort, WriteEvents):
    def of_model(
        self, model: str, *, until: datetime | None = None, after: int = 0, limit: int | None = None
    ) -> tuple[RecordedEvent, ...]:
        ours = [recorded for recorded in self.kept.events if recorded.event.model == model]
        known = takewhile(lambda recorded: until is None or recorded.event.at <= until, ours)
        return tuple(recorded for recorded in known if recorded.sequence > after)[:limit]

    def count(self) -> int:
        return len(self.kept.events)

    def append(self, model: str, expected_revision: int, events: Sequence[Event]) -> int:
        record = self.kept.models.get(model, ModelRecord(ModelState(model), 0))
        if record.revision != expected_revision:
            raise StaleStage(f"model {model!r} changed meanwhile: look at it again")
        state = record.state
        for revision, event in enumerate(events, expected_revision + 1):
            state = evolve(state, event)
            self.kept.events.append(RecordedEvent(len(self.kept.events) + 1, event))
            message = event_message(revision, event)
            self.kept.messages[message.id] = message
            if isinstance(event.body, VersionTagged):
                self.kept.tags[model, event.body.version, event.body.key] = event.body.value
        self.kept.models[model] = ModelRecord(state, record.revision + len(events))
        return record.revision + len(events)


class NaiveDocuments(NaivePort, WriteDocuments):
    def get(self, digest: str) -> Document | None:
        return self.kept.documents.get(digest)

    def add(self, *documents: Document, at: datetime) -> None:
        for document in documents:
            self.kept.documents.setdefault(document.digest, document)


class NaiveTrials(NaivePort, WriteTrials):
    def of_strategy(self, strategy: str) -> tuple[LedgerEntry, ...]:
        return tuple(entry for entry in self.kept.trials if entry.strategy == strategy)

    def add(self, *entries: LedgerEntry) -> None:
        for entry in entries:
            self.kept.need_version(entry.model, entry.version)
            done = {e.trial_digest for e in self.of_strategy(entry.strategy)} - {None}
            if entry.trial_digest not in done:
                self.kept.trials.append(replace(entry, position=len(self.kept.trials) + 1))


class NaiveBacktests(NaivePort, WriteBacktests):
    def of_version(self, model: str, version: int) -> tuple[BacktestRecord, ...]:
        return tuple(b for b in self.kept.backtests if (b.model, b.version) == (model, version))

    def latest(self, model: str) -> dict[int, BacktestRecord]:
        return {b.version: b for b in self.kept.backtests if b.model == model}

    def of_strategy(self, strategy: str) -> tuple[BacktestRecord, ...]:
        newest = {
            each.trial_digest: each
            for each in self.kept.backtests
            if self.kept.models[each.model].state.strategy == strategy
        }
        return tuple(newest[digest] for digest in sorted(newest))

    def add(self, record: BacktestRecord) -> None:
        self.kept.need_version(record.model, record.version)
        self.kept.backtests.append(record)


class NaiveDatasets(NaivePort, WriteDatasets):
    def get(self, dataset_hash: str) -> StoredDataset | None:
        return self.kept.datasets.get(dataset_hash)

    def all(self) -> tuple[StoredDataset, ...]:
        return tuple(self.kept.datasets.values())

    def add(self, record: StoredDataset) -> None:
        self.kept.datasets.setdefault(record.dataset_hash, record)


class NaiveReleases(NaivePort, WriteReleases):
    def activation(self, epoch: int | None = None) -> Activation | None:
        activations = self.kept.activations
        place = len(activations) if epoch is None else epoch
        return activations[place - 1] if 0 < place <= len(activations) else None

    def hold(self) -> Activation | None:
        return self.activation()

    def reserve(self) -> Activation | None:
        return self.activation()

    def activate(self, activation: Activation) -> None:
        if activation.release_digest not in self.kept.documents:
            digest = activation.release_digest
            raise RecordNotFound(f"no release {digest}: publish it first", digest=digest)
        if activation.epoch != len(self.kept.activations) + 1:
            raise StaleEpoch(
                f"epoch {activation.epoch} is not the next one any more: look at what is active",
                epoch=activation.epoch,
            )
        self.kept.activations.append(activation)


class NaiveDriftReports(NaivePort, WriteDriftReports):
    def newest(
        self,
        model: str,
        *,
        version: int | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> tuple[DriftReportRecord, ...]:
        reports = [
            report
            for report in reversed(self.kept.drift.values())
            if report.model == model
            and version in {None, report.version}
            and (until is None or report.slot <= until)
        ]
        return tuple(sorted(reports, key=lambda report: report.slot, reverse=True)[:limit])

    def add(self, record: DriftReportRecord) -> bool:
        self.kept.need_version(record.model, record.version)
        key = (record.model, record.version, record.slot)
        return self.kept.drift.setdefault(key, record) is record


class NaiveTokens(NaivePort, WriteTokens):
    def get(self, mac: str) -> TokenRecord | None:
        return next((token for token in self.kept.tokens.values() if token.mac == mac), None)

    def all(self) -> tuple[TokenRecord, ...]:
        return tuple(sorted(self.kept.tokens.values(), key=lambda t: (t.created_at, t.token_id)))

    def add(self, record: TokenRecord) -> None:
        if record.token_id in self.kept.tokens or self.get(record.mac) is not None:
            raise AlreadyExists(f"token {record.token_id!r} exists already")
        self.kept.tokens[record.token_id] = record

    def revoke(self, token_id: str, at: datetime) -> bool:
        token = self.kept.tokens.get(token_id)
        if token is None or token.revoked_at is not None:
            return False
        live = [other for other in self.kept.tokens.values() if other.revoked_at is None]
        check_not_last_admin(token_id, live)
        self.kept.tokens[token_id] = replace(token, revoked_at=at)
        return True


class NaiveIdempotency(NaivePort, Idempotency):
    def claim(self, claim: IdempotencyClaim, now: datetime) -> StoredReply | None:
        key = (claim.actor, claim.key)
        held = self.kept.claims.get(key)
        if held is None or (held[2] is None and held[1] < now - CLAIM_LEASE):
            self.kept.claims[key] = (claim, now, None)
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
        key = (claim.actor, claim.key)
        held = self.kept.claims.get(key)
        if held is None or held[0] != claim or held[2] is not None:
            return
        del self.kept.claims[key]
        if reply is not None:
            self.kept.claims[key] = (held[0], held[1], reply)


class NaiveJobs(NaivePort, WriteJobs):
    def get(self, job_id: str) -> JobRecord | None:
        return self.kept.jobs.get(job_id)

    def add(self, record: JobRecord) -> None:
        self.kept.need_version(record.model, record.version)
        if record.id in self.kept.jobs:
            raise AlreadyExists(f"job {record.id!r} exists already")
        self.kept.jobs[record.id] = record

    def claim(self, now: datetime, lease: timedelta) -> JobRecord | None:
        free = [job for job in self.kept.jobs.values() if _is_free(job, now)]
        if not free:
            return None
        oldest = min(free, key=lambda job: (job.created_at, job.id))
        claimed = replace(
            oldest,
            state=JobState.RUNNING,
            attempt=oldest.attempt + 1,
            started_at=now,
            lease_until=now + lease,
        )
        self.kept.jobs[claimed.id] = claimed
        return claimed

    def renew(self, job_id: str, attempt: int, until: datetime) -> bool:
        job = self._held(job_id, attempt)
        if job is not None:
            self.kept.jobs[job_id] = replace(job, lease_until=until)
        return job is not None

    def finish(
        self, job_id: str, attempt: int, outcome: Document | JobProblem, now: datetime
    ) -> bool:
        job = self._held(job_id, attempt)
        if job is None:
            return False
        ended = replace(job, finished_at=now, lease_until=None)
        if isinstance(outcome, JobProblem):
            ended = replace(ended, state=JobState.FAILED, problem=outcome)
        else:
            self.kept.documents.setdefault(outcome.digest, outcome)
            ended = replace(ended, state=JobState.DONE, result_digest=outcome.digest)
        self.kept.jobs[job_id] = ended
        return True

    def _held(self, job_id: str, attempt: int) -> JobRecord | None:
        job = self.kept.jobs.get(job_id)
        held = job is not None and (job.state, job.attempt) == (JobState.RUNNING, attempt)
        return job if held else None


class NaiveOutbox(NaivePort, WriteOutbox):
    def undelivered(self, model: str, *, limit: int = 100) -> tuple[Message, ...]:
        return tuple(m for m in self._waiting() if m.model == model)[:limit]

    def add(self, *messages: Message) -> None:
        for message in messages:
            check_own_id(message)
            if message.id in self.kept.messages:
                raise AlreadyExists(f"message {message.id!r} exists already")
            if message.model not in self.kept.models:
                raise ModelNotFound(f"no model {message.model!r}", model=message.model)
            self.kept.messages[message.id] = message

    def take(self, now: datetime, lease: timedelta, *, limit: int = 100) -> tuple[Message, ...]:
        first: dict[str, Message] = {}
        for message in self._waiting():
            first.setdefault(message.model, message)
        for model, head in first.items():
            if self.kept.held.get(head.id, now) <= now:
                taken = self.undelivered(model, limit=limit)
                self.kept.held |= {message.id: now + lease for message in taken}
                return taken
        return ()

    def mark_delivered(self, message_id: str, now: datetime) -> bool:
        known = message_id in self.kept.messages and message_id not in self.kept.delivered
        self.kept.delivered.add(message_id)
        return known

    def _waiting(self) -> list[Message]:
        return [m for m in self.kept.messages.values() if m.id not in self.kept.delivered]


PORTS: dict[str, Any] = {
    "backtests": NaiveBacktests,
    "datasets": NaiveDatasets,
    "documents": NaiveDocuments,
    "drift_reports": NaiveDriftReports,
    "events": NaiveEvents,
    "idempotency": NaiveIdempotency,
    "jobs": NaiveJobs,
    "models": NaiveModels,
    "outbox": NaiveOutbox,
    "releases": NaiveReleases,
    "tokens": NaiveTokens,
    "trials": NaiveTrials,
    "versions": NaiveVersions,
}


def _summary(state: ModelState) -> ModelSummary:
    assert state.created_at is not None
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


def _is_free(job: JobRecord, now: datetime) -> bool:
    lapsed = job.lease_until is not None and job.lease_until <= now
    return job.state is JobState.QUEUED or (job.state is JobState.RUNNING and lapsed)
