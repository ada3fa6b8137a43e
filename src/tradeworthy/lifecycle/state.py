"""What is known of a model and its versions at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tradeworthy.errors import ModelNotFound, VersionNotFound
from tradeworthy.lifecycle.stages import Stage


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
    quarantined_by: str | None = None
    quarantined_at: datetime | None = None
    quarantine_lifted_at: datetime | None = None
    left_production_at: datetime | None = None
    approvals: tuple[Approval, ...] = ()

    @property
    def quarantined(self) -> bool:
        """Whether the version was stopped."""
        return self.quarantine_reason is not None

    @property
    def answering_since(self) -> datetime | None:
        """Since when it answers in its stage without a break; None while it is stopped."""
        if self.quarantined:
            return None
        return max(self.stage_since, self.quarantine_lifted_at or self.stage_since)

    @property
    def quarantine(self) -> str:
        """Who stopped the version, when and why, in words; empty if nobody did."""
        if self.quarantine_reason is None or self.quarantined_at is None:
            return ""
        at = self.quarantined_at.isoformat(timespec="seconds")
        return f"quarantined by {self.quarantined_by} at {at} ({self.quarantine_reason})"

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


def check_registered(state: ModelState) -> None:
    """Raise ``ModelNotFound`` unless the model exists."""
    if not state.registered:
        raise ModelNotFound(f"no model {state.name!r}: register it first", model=state.name)


def version_of(state: ModelState, number: int) -> VersionState:
    """Return the version ``number``.

    Raises
    ------
    ModelNotFound, VersionNotFound
        If the model or the version is not there.
    """
    check_registered(state)
    version = state.versions.get(number)
    if version is None:
        latest = max(state.versions, default=0)
        known = {0: "it has none yet", 1: "it has version 1"}.get(
            latest, f"it has versions 1 to {latest}"
        )
        raise VersionNotFound(
            f"model {state.name!r} has no version {number}: {known}",
            model=state.name,
            version=number,
        )
    return version
