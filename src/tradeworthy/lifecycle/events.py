"""What has happened to a model: facts in the past tense, never changed once recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from tradeworthy.lifecycle.stages import Stage


@dataclass(frozen=True, slots=True)
class ModelRegistered:
    """A model got its name, its strategy, its owner and its risk tier."""

    strategy: str
    owner: str
    tier: str


@dataclass(frozen=True, slots=True)
class VersionDrafted:
    """A version got its number; its author is the actor of the event."""

    version: int


@dataclass(frozen=True, slots=True)
class ManifestRecorded:
    """A draft got its manifest; the trainer is the actor of the event.

    ``content_digest`` covers the manifest and the artifact files: an approval is bound to it.
    """

    version: int
    manifest_digest: str
    artifact_digest: str
    content_digest: str


@dataclass(frozen=True, slots=True)
class VersionPromoted:
    """A version moved one stage forward under a verdict."""

    version: int
    source: Stage
    target: Stage
    verdict_digest: str
    policy_digest: str
    approvers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionSuperseded:
    """The champion made room for a new one and stands by in STAGING."""

    version: int
    successor: int


@dataclass(frozen=True, slots=True)
class VersionRetired:
    """A version left for good, under a verdict if it was judged."""

    version: int
    source: Stage
    verdict_digest: str | None = None


@dataclass(frozen=True, slots=True)
class ApprovalGranted:
    """A second person approved this content for this stage under this policy."""

    version: int
    target: Stage
    content_digest: str
    policy_digest: str


@dataclass(frozen=True, slots=True)
class VersionQuarantined:
    """A version was stopped: it keeps its stage and does not predict."""

    version: int


@dataclass(frozen=True, slots=True)
class QuarantineLifted:
    """A stopped version may predict again."""

    version: int


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something was attached to a version, and its stage did not move.

    Each kind is a class of its own in a file of its own beside the command that causes it, as
    ``tradeworthy.lifecycle.tags``; nothing here names them.
    """

    version: int


EventBody: TypeAlias = (
    ModelRegistered
    | VersionDrafted
    | ManifestRecorded
    | VersionPromoted
    | VersionSuperseded
    | VersionRetired
    | ApprovalGranted
    | VersionQuarantined
    | QuarantineLifted
    | Attachment
)


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about one model: what, who, when and why."""

    model: str
    body: EventBody
    actor: str
    at: datetime
    reason: str = ""

    @property
    def kind(self) -> str:
        """The name of the body's class; it is stored and never changes."""
        return type(self.body).__name__

    @property
    def version(self) -> int | None:
        """The version concerned, None where the model itself is."""
        return None if isinstance(self.body, ModelRegistered) else self.body.version
