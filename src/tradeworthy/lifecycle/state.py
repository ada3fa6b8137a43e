"""The state of a model as the fold of its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tradeworthy.errors import InvalidTransition
from tradeworthy.lifecycle.events import (
    ApprovalGranted,
    Event,
    EventBody,
    ManifestRecorded,
    ModelRegistered,
    QuarantineLifted,
    VersionDrafted,
    VersionPromoted,
    VersionQuarantined,
    VersionRetired,
    VersionSuperseded,
)
from tradeworthy.lifecycle.stages import TRANSITIONS, Stage


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved which content for which stage under which policy, and when."""

    approver: str
    target: Stage
    content_digest: str
    policy_digest: str
    at: datetime


@dataclass(frozen=True, slots=True)
class VersionState:
    """All that the lifecycle knows of a version."""

    version: int
    stage: Stage
    author: str
    created_at: datetime
    stage_since: datetime
    trainer: str | None = None
    manifest_digest: str | None = None
    artifact_digest: str | None = None
    content_digest: str | None = None
    quarantine_reason: str | None = None
    left_production_at: datetime | None = None
    approvals: tuple[Approval, ...] = ()

    @property
    def quarantined(self) -> bool:
        """Whether the version was stopped."""
        return self.quarantine_reason is not None

    def approvers(self, target: Stage, policy_digest: str) -> tuple[str, ...]:
        """Who approved the present content for ``target`` under the present policy."""
        names = {
            approval.approver
            for approval in self.approvals
            if approval.target is target
            and approval.content_digest == self.content_digest
            and approval.policy_digest == policy_digest
        }
        return tuple(sorted(names - {self.author, self.trainer}))


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model and its versions."""

    name: str
    strategy: str = ""
    owner: str = ""
    tier: str = ""
    created_at: datetime | None = None
    created_by: str = ""
    versions: Mapping[int, VersionState] = field(default_factory=dict)

    @property
    def registered(self) -> bool:
        """Whether the model exists."""
        return self.created_at is not None

    @property
    def champion(self) -> VersionState | None:
        """The version in PRODUCTION, if any."""
        standing = (v for v in self.versions.values() if v.stage is Stage.PRODUCTION)
        return next(standing, None)

    @property
    def standby(self) -> VersionState | None:
        """The version in STAGING that left PRODUCTION last: the target of a rollback."""
        former = [
            version
            for version in self.versions.values()
            if version.stage is Stage.STAGING and version.left_production_at is not None
        ]
        return max(former, key=lambda v: (v.left_production_at, v.version), default=None)


def evolve(state: ModelState, event: Event) -> ModelState:
    """Return the state after ``event``.

    Raises
    ------
    InvalidTransition
        If the event cannot follow: no store takes it, and a log that holds it was altered.
    """
    _check_follows(state, event)
    body = event.body
    if isinstance(body, ModelRegistered):
        return replace(
            state,
            strategy=body.strategy,
            owner=body.owner,
            tier=body.tier,
            created_at=event.at,
            created_by=event.actor,
        )
    if isinstance(body, VersionDrafted):
        version = VersionState(body.version, Stage.DRAFT, event.actor, event.at, event.at)
    else:
        version = _evolve_version(state, state.versions[body.version], event)
    return replace(state, versions={**state.versions, version.version: version})


def _check_follows(state: ModelState, event: Event) -> None:
    body = event.body
    if isinstance(body, ModelRegistered):
        follows = not state.registered
    elif isinstance(body, VersionDrafted):
        follows = state.registered and body.version == max(state.versions, default=0) + 1
    else:
        follows = body.version in state.versions and _can_move(state, body)
    if event.model != state.name or not follows:
        raise InvalidTransition(
            f"{body} cannot follow in the history of model {state.name!r}: decide again from "
            "its present state"
        )


def _can_move(state: ModelState, body: EventBody) -> bool:
    match body:
        case VersionPromoted(version, source, target):
            free = target is not Stage.PRODUCTION or state.champion is None
            return free and _is_move(state, version, source, target)
        case VersionSuperseded(version):
            return _is_move(state, version, Stage.PRODUCTION, Stage.STAGING)
        case VersionRetired(version, source):
            return _is_move(state, version, source, Stage.RETIRED)
        case _:
            return True


def _is_move(state: ModelState, version: int, source: Stage, target: Stage) -> bool:
    return state.versions[version].stage is source and target in TRANSITIONS[source]


def _evolve_version(state: ModelState, version: VersionState, event: Event) -> VersionState:
    match event.body:
        case ManifestRecorded() as body:
            return replace(
                version,
                trainer=event.actor,
                manifest_digest=body.manifest_digest,
                artifact_digest=body.artifact_digest,
                content_digest=body.content_digest,
            )
        case VersionPromoted() as body:
            return replace(version, stage=body.target, stage_since=event.at)
        case VersionSuperseded():
            left = _after_every_other(state, event.at)
            return replace(
                version, stage=Stage.STAGING, stage_since=event.at, left_production_at=left
            )
        case VersionRetired() as body:
            retired = replace(version, stage=Stage.RETIRED, stage_since=event.at)
            if body.source is not Stage.PRODUCTION:
                return retired
            return replace(retired, left_production_at=_after_every_other(state, event.at))
        case ApprovalGranted() as body:
            approval = Approval(
                event.actor, body.target, body.content_digest, body.policy_digest, event.at
            )
            return replace(version, approvals=(*version.approvals, approval))
        case VersionQuarantined():
            return replace(version, quarantine_reason=event.reason)
        case QuarantineLifted():
            return replace(version, quarantine_reason=None)
        case _:
            return version


def _after_every_other(state: ModelState, at: datetime) -> datetime:
    """Return when a version left PRODUCTION: the last to leave has the latest time.

    A clock that was set back, or two servers whose clocks differ, may say otherwise, and a rollback
    would go to the wrong version. The event keeps what the clock said.
    """
    earlier = [v.left_production_at for v in state.versions.values() if v.left_production_at]
    return max([at, *(left + timedelta(microseconds=1) for left in earlier)])


def fold(name: str, events: Iterable[Event]) -> ModelState:
    """Return the state of the model ``name`` after all of its ``events``, in their order.

    Raises
    ------
    InvalidTransition
        If an event cannot follow those before it.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    >>> events = [
    ...     Event("m", ModelRegistered("s", "desk", "high"), "ana", noon),
    ...     Event("m", VersionDrafted(1), "ana", noon),
    ... ]
    >>> fold("m", events).versions[1].stage
    <Stage.DRAFT: 'DRAFT'>
    """
    state = ModelState(name)
    for event in events:
        state = evolve(state, event)
    return state
