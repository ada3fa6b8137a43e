"""What may happen to a model: ``decide`` turns a command into events, or refuses it.

The gates' verdict comes in as a fact. What no policy may switch off is decided here once more:
one step at a time, four eyes, one champion, final retirement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from tradeworthy.errors import (
    AlreadyExists,
    ApprovalRefused,
    InvalidInput,
    InvalidTransition,
    ModelNotFound,
    PromotionRefused,
    StaleStage,
    VersionNotFound,
)
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
    VersionTagged,
)
from tradeworthy.lifecycle.stages import Stage, is_promotion, next_stage
from tradeworthy.lifecycle.state import ModelState, VersionState


@dataclass(frozen=True, slots=True)
class RegisterModel:
    """Give a model its name."""

    strategy: str
    owner: str
    tier: str


@dataclass(frozen=True, slots=True)
class DraftVersion:
    """Open the next version."""


@dataclass(frozen=True, slots=True)
class RecordManifest:
    """Attach the papers to a draft."""

    version: int
    manifest_digest: str
    artifact_digest: str
    content_digest: str


@dataclass(frozen=True, slots=True)
class Promote:
    """Move a version one stage forward under a verdict that was reached from ``expected``."""

    version: int
    expected: Stage
    target: Stage
    passed: bool
    verdict_digest: str
    policy_digest: str
    required_approvals: int = 1


@dataclass(frozen=True, slots=True)
class Retire:
    """Withdraw a version for good."""

    version: int


@dataclass(frozen=True, slots=True)
class Approve:
    """Approve the content of a version for a stage."""

    version: int
    target: Stage
    content_digest: str
    policy_digest: str


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Stop a version."""

    version: int


@dataclass(frozen=True, slots=True)
class LiftQuarantine:
    """Let a stopped version predict again."""

    version: int


@dataclass(frozen=True, slots=True)
class Tag:
    """Put a tag on a version."""

    version: int
    key: str
    value: str


Command: TypeAlias = (
    RegisterModel
    | DraftVersion
    | RecordManifest
    | Promote
    | Retire
    | Approve
    | Quarantine
    | LiftQuarantine
    | Tag
)


def decide(
    state: ModelState, command: Command, *, actor: str, now: datetime, reason: str = ""
) -> tuple[Event, ...]:
    """Return the events that ``command`` causes in ``state``.

    Parameters
    ----------
    state
        The model as folded from its events.
    command
        What is asked for.
    actor
        The authenticated name of who asks.
    now
        The time of the decision, UTC.
    reason
        Why; a retirement and a quarantine need one.

    Raises
    ------
    TradeworthyError
        ``InvalidTransition``, ``StaleStage``, ``PromotionRefused``, ``ApprovalRefused``,
        ``AlreadyExists``, ``InvalidInput``, ``ModelNotFound`` or ``VersionNotFound``.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    >>> decide(ModelState("m"), RegisterModel("s", "desk", "high"), actor="ana", now=noon)[0].kind
    'ModelRegistered'
    """
    bodies = _bodies(state, command, actor=actor, reason=reason)
    return tuple(Event(state.name, body, actor, now, reason) for body in bodies)


def _bodies(
    state: ModelState, command: Command, *, actor: str, reason: str
) -> tuple[EventBody, ...]:
    if isinstance(command, RegisterModel):
        return (_register(state, command),)
    if not state.registered:
        raise ModelNotFound(f"no model {state.name!r}: register it first", model=state.name)
    if isinstance(command, DraftVersion):
        return (VersionDrafted(max(state.versions, default=0) + 1),)
    version = version_of(state, command.version)
    if isinstance(command, Promote):
        return _promote(state, version, command)
    return (_version_body(version, command, actor=actor, reason=reason),)


def _version_body(
    version: VersionState,
    command: RecordManifest | Retire | Approve | Quarantine | LiftQuarantine | Tag,
    *,
    actor: str,
    reason: str,
) -> EventBody:
    match command:
        case Retire():
            return _retire(version, reason)
        case RecordManifest():
            return _record_manifest(version, command, actor)
        case Approve():
            return _approve(version, command, actor)
        case Quarantine():
            return _quarantine(version, reason)
        case LiftQuarantine():
            return _lift(version, reason)
        case Tag():
            return VersionTagged(version.version, command.key, command.value)


def version_of(state: ModelState, number: int) -> VersionState:
    """Return the version ``number`` or raise ``VersionNotFound``."""
    version = state.versions.get(number)
    if version is None:
        known = f"it has 1 to {max(state.versions)}" if state.versions else "it has none yet"
        raise VersionNotFound(
            f"model {state.name!r} has no version {number}: {known}",
            model=state.name,
            version=number,
        )
    return version


def _register(state: ModelState, command: RegisterModel) -> ModelRegistered:
    if state.registered:
        raise AlreadyExists(f"model {state.name!r} exists already: choose another name")
    return ModelRegistered(command.strategy, command.owner, command.tier)


def _record_manifest(
    version: VersionState, command: RecordManifest, actor: str
) -> ManifestRecorded:
    if version.stage is not Stage.DRAFT:
        raise InvalidTransition(
            f"version {version.version} is {version.stage}: its manifest is final; "
            "train a new version",
            stage=version.stage,
        )
    if version.trainer not in {None, actor}:
        # A second recorder would free the first to approve what is their own work.
        raise AlreadyExists(
            f"version {version.version} has the papers of {version.trainer!r}: "
            "draft a new version for yours",
            trainer=version.trainer,
        )
    return ManifestRecorded(
        version.version, command.manifest_digest, command.artifact_digest, command.content_digest
    )


def _promote(state: ModelState, version: VersionState, command: Promote) -> tuple[EventBody, ...]:
    if version.stage is not command.expected:
        raise StaleStage(
            f"version {version.version} is {version.stage}, not {command.expected} any more: "
            "look at it again before you promote it",
            expected=command.expected,
            actual=version.stage,
        )
    check_promotion(version.stage, command.target)
    if not command.passed:
        raise PromotionRefused(f"version {version.version} did not pass the gates of its policy")
    if version.content_digest is None:
        raise PromotionRefused(f"version {version.version} has no manifest: record it first")
    approvers = version.approvers(command.target, command.policy_digest)
    if command.target is Stage.PRODUCTION:
        _check_production(version, approvers, command.required_approvals)
    promoted = VersionPromoted(
        version.version,
        version.stage,
        command.target,
        command.verdict_digest,
        command.policy_digest,
        approvers,
    )
    champion = state.champion
    if command.target is Stage.PRODUCTION and champion is not None:
        return (VersionSuperseded(champion.version, version.version), promoted)
    return (promoted,)


def check_promotion(source: Stage, target: Stage) -> None:
    """Raise ``InvalidTransition`` unless ``target`` is one step forward from ``source``."""
    if is_promotion(source, target):
        return
    following = next_stage(source)
    way = f"from {source} a version is promoted to {following}" if following else "it is final"
    if following is Stage.RETIRED:
        way = "retire it, or promote its successor"
    raise InvalidTransition(
        f"{source} -> {target} is no promotion: {way}", source=source, target=target
    )


def _check_production(version: VersionState, approvers: tuple[str, ...], required: int) -> None:
    if version.quarantined:
        raise PromotionRefused(
            f"version {version.version} is quarantined ({version.quarantine_reason}): "
            "lift that first"
        )
    if len(approvers) < max(required, 1):
        raise PromotionRefused(
            f"version {version.version} has {len(approvers)} of {max(required, 1)} approvals by "
            "someone who is neither its author nor its trainer"
        )


def _retire(version: VersionState, reason: str) -> VersionRetired:
    if version.stage is Stage.RETIRED:
        raise InvalidTransition(f"version {version.version} is RETIRED already; that is final")
    _need_reason(reason, "a retirement")
    return VersionRetired(version.version, version.stage)


def _approve(version: VersionState, command: Approve, actor: str) -> ApprovalGranted:
    if version.content_digest is None or version.content_digest != command.content_digest:
        raise ApprovalRefused(
            f"version {version.version} does not have the content that was approved: read its "
            "manifest again and approve that",
            approved=command.content_digest,
            current=version.content_digest,
        )
    if actor in {version.author, version.trainer}:
        raise ApprovalRefused(
            f"{actor!r} is the author or trainer of version {version.version}: "
            "an approval takes a second person"
        )
    if version.stage is Stage.RETIRED:
        raise InvalidTransition(f"version {version.version} is RETIRED; that is final")
    if actor in version.approvers(command.target, command.policy_digest):
        raise AlreadyExists(f"{actor!r} approved version {version.version} already")
    return ApprovalGranted(
        version.version, command.target, command.content_digest, command.policy_digest
    )


def _quarantine(version: VersionState, reason: str) -> VersionQuarantined:
    _need_reason(reason, "a quarantine")
    if version.stage is Stage.RETIRED:
        raise InvalidTransition(f"version {version.version} is RETIRED; it does not predict")
    if version.quarantined:
        raise AlreadyExists(f"version {version.version} is quarantined already")
    return VersionQuarantined(version.version)


def _lift(version: VersionState, reason: str) -> QuarantineLifted:
    _need_reason(reason, "lifting a quarantine")
    if not version.quarantined:
        raise InvalidTransition(f"version {version.version} is not quarantined")
    return QuarantineLifted(version.version)


def _need_reason(reason: str, what: str) -> None:
    if not reason.strip():
        raise InvalidInput(f"{what} needs a reason: say why", field="reason")
