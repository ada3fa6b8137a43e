"""Bodies of requests and answers, strictly typed; unknown fields are refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.json_schema import SkipJsonSchema

from tradeworthy.access.roles import Role
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.wire.field_types import (
    NO_NUL,
    ONE_LINE,
    TAG_KEY,
    ActorName,
    BasisPoints,
    Digest,
    Epoch,
    Flag,
    Line,
    Moment,
    Name,
    Reason,
    RegisteredName,
    VersionNumber,
)


class Asked(BaseModel):
    """Base of request bodies."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str
    details: dict[str, JsonValue] | None = None


class ModelAsked(Asked):
    """A model to register."""

    name: RegisteredName
    strategy: RegisteredName
    owner: Name
    tier: Annotated[str, Field(min_length=1, max_length=64, pattern=ONE_LINE)] = "standard"


class PromotionAsked(Asked):
    """A promotion: one step forward."""

    version: VersionNumber
    target: Stage | None = None
    overrides: dict[Line, JsonValue] | None = None
    reason: Reason = ""
    dry_run: Flag = False


class Costs(Asked):
    """Costs in basis points of traded value."""

    commission_bps: BasisPoints
    slippage_bps: BasisPoints


class BacktestAsked(Asked):
    """A backtest."""

    version: VersionNumber
    costs: Costs | None = None
    dataset_hash: Digest | None = None


class ApprovalAsked(Asked):
    """An approval of the content that the approver has read."""

    content_digest: Digest
    target: Stage = Stage.PRODUCTION
    reason: Reason = ""


class ReasonAsked(Asked):
    """A reason for what is asked."""

    reason: Annotated[str, Field(min_length=1, max_length=2000, pattern=NO_NUL)]


class TagAsked(Asked):
    """A tag of a version."""

    key: Annotated[str, Field(max_length=128, pattern=f"^{TAG_KEY}$")]
    value: Annotated[str, Field(max_length=512, pattern=NO_NUL)]


class ReleaseAsked(Asked):
    """Feature graph snapshots that make a release."""

    snapshots: Annotated[list[dict[str, JsonValue]], Field(min_length=1, max_length=1000)]


class ActivationAsked(Asked):
    """A release to activate."""

    release: Digest
    expected_epoch: Epoch | None = None
    reason: Reason = ""
    force: Flag = False


class ScanAsked(Asked):
    """A run of the drift schedule."""

    model: Name | None = None
    as_of: Moment | None = None


class TokenAsked(Asked):
    """A token to issue."""

    actor: ActorName
    roles: Annotated[list[Role], Field(min_length=1)]
    strategies: list[Name] | None = None


class PredictAsked(Asked):
    """Rows that the client computed, with the hash of the code that computed them."""

    rows: Annotated[list[dict[str, float]], Field(min_length=1)]
    feature_graph_hash: Digest
    event_time: Annotated[
        str | SkipJsonSchema[None], Field(json_schema_extra=lambda told: told.pop("default"))
    ] = None


class Predictions(BaseModel):
    """What was predicted, and by what."""

    version: int
    manifest_digest: str
    feature_graph_hash: str
    epoch: int
    predictions: list[float]
    prediction_ids: list[str]
    override: str | None = None


class ModelOut(BaseModel):
    """A model in a list."""

    name: str
    strategy: str
    owner: str
    tier: str
    created_at: datetime
    created_by: str
    production_version: int | None


class ApprovalOut(BaseModel):
    """An approval."""

    approver: str
    target: Stage
    content_digest: str
    policy_digest: str
    at: datetime


class VersionOut(BaseModel):
    """A version with its stage, digests, figures, and who did what when."""

    model: str
    version: int
    stage: Stage
    author: str
    trainer: str | None
    created_at: datetime
    stage_since: datetime
    manifest_digest: str | None
    artifact_digest: str | None
    content_digest: str | None
    quarantined: bool
    quarantine_reason: str | None
    approvals: list[ApprovalOut]
    tags: dict[str, str]
    metrics: dict[str, float | None] | None = None


class AlignmentOut(BaseModel):
    """Whether running = active = bound."""

    aligned: bool
    bound: str | None
    active: str | None
    running: str | None
    differences: list[str]


class RollbackOut(BaseModel):
    """The version that a rollback would bring back."""

    version: int
    ready: bool


class DriftOut(BaseModel):
    """The last drift report in short."""

    slot: datetime
    status: str
    severity: str | None
    digest: str


class StatusOut(BaseModel):
    """Where a model stands."""

    model: str
    strategy: str
    revision: int
    production: VersionOut | None
    alignment: AlignmentOut | None
    epoch: int
    drift: DriftOut | None
    quarantined: bool
    rollback: RollbackOut | None


class PlanOut(BaseModel):
    """A promotion, judged: every gate with what it saw."""

    model: str
    version: int
    source: Stage
    target: Stage
    allowed: bool
    applied: bool
    steps: list[str]
    verdict: dict[str, Any]
    verdict_digest: str


class BacktestOut(BaseModel):
    """What a backtest found and what the policy says of it."""

    model: str
    version: int
    result_digest: str
    evidence_digest: str
    metrics: dict[str, float | None]
    artifact_metrics: dict[str, float | None] | None
    evidence: dict[str, Any]
    verdict: dict[str, Any]


class DraftOut(BaseModel):
    """A version's number."""

    model: str
    version: int


class ManifestOut(BaseModel):
    """What a manifest is kept under, and what an approval of it names."""

    manifest_digest: str
    content_digest: str


class BlobOut(BaseModel):
    """A file that is kept."""

    sha256: str
    size: int


class DatasetOut(BaseModel):
    """A dataset."""

    dataset_hash: str
    name: str
    file_sha256: str
    rows: int
    symbols: list[str]
    first: str
    last: str
    created_at: datetime
    created_by: str


class ReleaseOut(BaseModel):
    """A release of features."""

    release: str
    features: dict[str, str]


class ActivationOut(BaseModel):
    """An activation."""

    epoch: int
    release: str
    at: datetime
    actor: str
    reason: str


class DriftReportOut(BaseModel):
    """A drift report with its evidence."""

    model: str
    version: int
    slot: datetime
    status: str
    severity: str | None
    digest: str
    created_at: datetime
    report: dict[str, Any]


class EventOut(BaseModel):
    """Something that happened to a model."""

    sequence: int
    kind: str
    version: int | None
    actor: str
    at: datetime
    reason: str
    body: dict[str, Any]


class HistoryOut(BaseModel):
    """A model as it stood at a time, and how it came there."""

    model: str
    at: datetime
    production_version: int | None
    stages: dict[int, Stage]
    events: list[EventOut]


class TokenOut(BaseModel):
    """A token as it is kept; the token itself is not."""

    token_id: str
    actor: str
    roles: list[Role]
    strategies: list[str] | None
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


class TokenIssued(BaseModel):
    """A new token, shown this once."""

    token: str
    record: TokenOut


class PolicyOut(BaseModel):
    """The policy that a model is held to, and where each value comes from."""

    digest: str
    values: dict[str, JsonValue]
    origins: dict[str, str]


class Health(BaseModel):
    """That the process lives, or is ready."""

    status: str
    epoch: int | None = None
