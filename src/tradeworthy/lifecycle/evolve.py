"""How each event changes a model: its state is the fold of its events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from tradeworthy.errors import InvalidTransition
from tradeworthy.lifecycle.events import (
    ApprovalGranted,
    Attachment,
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
from tradeworthy.lifecycle.state import Approval, ModelState, VersionState


def evolve(state: ModelState, event: Event) -> ModelState:  # noqa: C901 - a case for each event
    """Return the state after ``event``.

    Raises
    ------
    InvalidTransition
        If the event cannot follow: no store takes it, and a log that holds it was altered.
    """
    _check(event.model == state.name, state, event.body)
    body = event.body
    match body:
        case ModelRegistered():
            return _registered(state, event, body)
        case VersionDrafted():
            return _drafted(state, event, body)
        case ManifestRecorded():
            return _recorded(state, event, body)
        case VersionPromoted():
            return _moved(state, event, body, body.source, body.target)
        case VersionSuperseded():
            return _moved(state, event, body, Stage.PRODUCTION, Stage.STAGING)
        case VersionRetired():
            return _moved(state, event, body, body.source, Stage.RETIRED)
        case ApprovalGranted():
            return _approved(state, event, body)
        case VersionQuarantined():
            return _stopped(state, _known(state, body), event.reason, event.actor, event.at)
        case QuarantineLifted():
            lifted = replace(_known(state, body), quarantine_lifted_at=event.at)
            return _stopped(state, lifted, None, None, None)
        case Attachment():
            return _changed(state, _known(state, body))
        case _:
            assert_never(body)


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
    ...     Event("m", ModelRegistered("trend", "research", "high"), "ana", noon),
    ...     Event("m", VersionDrafted(1), "ana", noon),
    ... ]
    >>> fold("m", events).versions[1].stage
    <Stage.DRAFT: 'DRAFT'>
    """
    state = ModelState(name)
    for event in events:
        state = evolve(state, event)
    return state


def _registered(state: ModelState, event: Event, body: ModelRegistered) -> ModelState:
    _check(not state.registered, state, body)
    return replace(
        state,
        strategy=body.strategy,
        owner=body.owner,
        tier=body.tier,
        created_at=event.at,
        created_by=event.actor,
    )


def _drafted(state: ModelState, event: Event, body: VersionDrafted) -> ModelState:
    _check(state.registered and body.version == max(state.versions, default=0) + 1, state, body)
    return _changed(state, VersionState(body.version, Stage.DRAFT, event.actor, event.at, event.at))


def _recorded(state: ModelState, event: Event, body: ManifestRecorded) -> ModelState:
    return _changed(
        state,
        _known(state, body),
        trainer=event.actor,
        manifest_digest=body.manifest_digest,
        artifact_digest=body.artifact_digest,
        content_digest=body.content_digest,
    )


def _moved(
    state: ModelState,
    event: Event,
    body: VersionPromoted | VersionSuperseded | VersionRetired,
    source: Stage,
    target: Stage,
) -> ModelState:
    version = _known(state, body)
    _check(version.stage is source and target in TRANSITIONS[source], state, body)
    _check(target is not Stage.PRODUCTION or state.champion is None, state, body)
    left = version.left_production_at
    if source is Stage.PRODUCTION:
        left = _after_every_other(state, event.at)
    return _changed(state, version, stage=target, stage_since=event.at, left_production_at=left)


def _after_every_other(state: ModelState, at: datetime) -> datetime:
    """Return when a version left PRODUCTION: the last to leave has the latest time.

    A clock that was set back, or two servers whose clocks differ, may say otherwise, and a rollback
    would go to the wrong version. The event keeps what the clock said.
    """
    earlier = [v.left_production_at for v in state.versions.values() if v.left_production_at]
    return max([at, *(left + timedelta(microseconds=1) for left in earlier)])


def _approved(state: ModelState, event: Event, body: ApprovalGranted) -> ModelState:
    version = _known(state, body)
    approval = Approval(event.actor, body.target, body.content_digest, body.policy_digest, event.at)
    return _changed(state, version, approvals=(*version.approvals, approval))


def _stopped(
    state: ModelState,
    version: VersionState,
    reason: str | None,
    actor: str | None,
    at: datetime | None,
) -> ModelState:
    """Return the state with a version's quarantine, or without one."""
    return _changed(
        state,
        version,
        quarantine_reason=reason,
        quarantined_by=actor,
        quarantined_at=at,
    )


def _known(state: ModelState, body: EventBody) -> VersionState:
    """Return the version that ``body`` speaks of."""
    version = None if isinstance(body, ModelRegistered) else state.versions.get(body.version)
    if version is None:
        raise _altered(state, body)
    return version


def _changed(state: ModelState, version: VersionState, **changes: Any) -> ModelState:
    return replace(state, versions={**state.versions, version.version: replace(version, **changes)})


def _check(follows: bool, state: ModelState, body: EventBody) -> None:
    if not follows:
        raise _altered(state, body)


def _altered(state: ModelState, body: EventBody) -> InvalidTransition:
    return InvalidTransition(
        f"{body} cannot follow in the history of model {state.name!r}: decide again from "
        "its present state"
    )
