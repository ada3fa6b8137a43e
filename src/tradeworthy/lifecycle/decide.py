"""What may happen to a model: ``decide`` turns a command into events, or refuses it.

The gates' verdict comes in as a fact. What no policy may switch off is decided here once more:
one step at a time, four eyes, one champion, final retirement.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from tradeworthy.base.text_forms import says_something
from tradeworthy.errors import (
    AlreadyExists,
    ApprovalRefused,
    InvalidInput,
    InvalidTransition,
    PromotionRefused,
    StaleStage,
)
from tradeworthy.lifecycle.commands import (
    Approve,
    Attach,
    Command,
    DraftVersion,
    LiftQuarantine,
    Promote,
    Quarantine,
    RecordManifest,
    RegisterModel,
    Retire,
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
)
from tradeworthy.lifecycle.stages import Stage, check_promotion
from tradeworthy.lifecycle.state import ModelState, VersionState, check_registered, version_of


def decide(
    state: ModelState, command: Command, *, actor: str, now: datetime, reason: str = ""
) -> tuple[Event, ...]:
    """Return the events that ``command`` causes in ``state``.

    Parameters
    ----------
    state
        The model as folded from its events.
    command
        What to do.
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
    >>> register = RegisterModel("trend", "research", "high")
    >>> decide(ModelState("m"), register, actor="ana", now=noon)[0].kind
    'ModelRegistered'
    """
    bodies = _bodies(state, command, actor, reason)
    return tuple(Event(state.name, body, actor, now, reason) for body in bodies)


def _bodies(state: ModelState, command: Command, actor: str, reason: str) -> tuple[EventBody, ...]:
    match command:
        case RegisterModel():
            return (_register(state, command),)
        case DraftVersion():
            return (_draft(state),)
        case RecordManifest():
            return (_record_manifest(version_of(state, command.version), command, actor),)
        case Promote():
            return _promote(state, version_of(state, command.version), command)
        case Retire():
            return (_retire(version_of(state, command.version), command, reason),)
        case Approve():
            return (_approve(version_of(state, command.version), command, actor),)
        case Quarantine():
            return (_quarantine(version_of(state, command.version), reason),)
        case LiftQuarantine():
            return (_lift(version_of(state, command.version), reason),)
        case Attach():
            version = version_of(state, command.version)
            return (command.decide(version, actor=actor, reason=reason),)
        case _:
            assert_never(command)


def _register(state: ModelState, command: RegisterModel) -> ModelRegistered:
    if state.registered:
        way = "train versions of it"
        if command.strategy != state.strategy:
            way = f"give the model of {command.strategy!r} another name"
        raise AlreadyExists(
            f"model {state.name!r} exists already, for strategy {state.strategy!r}: {way}",
            strategy=state.strategy,
        )
    return ModelRegistered(command.strategy, command.owner, command.tier)


def _draft(state: ModelState) -> VersionDrafted:
    check_registered(state)
    return VersionDrafted(max(state.versions, default=0) + 1)


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
            f"version {version.version} has the manifest of {version.trainer!r}: "
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
    target = check_promotion(version.stage, command.target)
    if not command.passed:
        raise PromotionRefused(f"version {version.version} did not pass the gates of its policy")
    if version.content_digest is None:
        raise PromotionRefused(f"version {version.version} has no manifest: record it first")
    approvers = version.approvers(target, command.policy_digest)
    promoted = VersionPromoted(
        version.version,
        version.stage,
        target,
        command.verdict_digest,
        command.policy_digest,
        approvers,
    )
    if target is not Stage.PRODUCTION:
        return (promoted,)
    _check_production(version, approvers, command.required_approvals)
    champion = state.champion
    superseded = (VersionSuperseded(champion.version, version.version),) if champion else ()
    return (*superseded, promoted)


def _check_production(version: VersionState, approvers: tuple[str, ...], required: int) -> None:
    if version.quarantined:
        raise PromotionRefused(
            f"version {version.version} was {version.quarantine}: lift that first"
        )
    if len(approvers) < max(required, 1):
        raise PromotionRefused(
            f"version {version.version} has {len(approvers)} of {max(required, 1)} approvals by "
            "someone who is neither its author nor its trainer"
        )


def _retire(version: VersionState, command: Retire, reason: str) -> VersionRetired:
    if version.stage is Stage.RETIRED:
        raise InvalidTransition(f"version {version.version} is RETIRED already; that is final")
    _need_reason(reason, "a retirement")
    return VersionRetired(version.version, version.stage, command.verdict_digest)


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
        raise AlreadyExists(f"version {version.version} was {version.quarantine} already")
    return VersionQuarantined(version.version)


def _lift(version: VersionState, reason: str) -> QuarantineLifted:
    _need_reason(reason, "lifting a quarantine")
    if version.stage is Stage.RETIRED:
        raise InvalidTransition(f"version {version.version} is RETIRED; it does not predict")
    if not version.quarantined:
        raise InvalidTransition(f"version {version.version} is not quarantined")
    return QuarantineLifted(version.version)


def _need_reason(reason: str, what: str) -> None:
    if not says_something(reason):
        raise InvalidInput(f"{what} needs a reason: say why", field="reason")
