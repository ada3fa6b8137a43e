"""What a store takes and gives: plain frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tradeworthy.base.digests import Json
from tradeworthy.errors import InvalidInput
from tradeworthy.lifecycle.events import Event
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import ModelState, VersionState

MAX_TAGS = 50


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event and its place in the one order of all events."""

    sequence: int
    event: Event


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A model's state and the revision that a commit has to name."""

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


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version as lists and searches show it."""

    model: str
    strategy: str
    version: VersionState
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VersionQuery:
    """What a search asks for; every condition given has to hold.

    Raises
    ------
    InvalidInput
        For more tags than any database takes in one question.
    """

    strategy: str | None = None
    stage: Stage | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.tags) > MAX_TAGS:
            raise InvalidInput(
                f"a search asks for at most {MAX_TAGS} tags, not {len(self.tags)}", field="tag"
            )


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes under their digest: manifests, verdicts, releases, evidence."""

    digest: str
    kind: str
    body: bytes


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


@dataclass(frozen=True, slots=True)
class DatasetRecord:
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


@dataclass(frozen=True, slots=True)
class Activation:
    """Which release became active at which epoch, by whom and why."""

    epoch: int
    release_digest: str
    at: datetime
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class DriftReportRecord:
    """A row of ``model_drift_reports``."""

    model: str
    version: int
    slot: datetime
    status: str
    severity: str | None
    digest: str
    report: Mapping[str, Json]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """A request that carries an Idempotency-Key."""

    key: str
    actor: str
    route: str
    request_digest: str


@dataclass(frozen=True, slots=True)
class StoredReply:
    """The answer that the first request under a key got."""

    status: int
    body: bytes
