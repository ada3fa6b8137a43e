"""What can be done to a model; `tradeworthy.lifecycle.decide` makes events of it or refuses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TypeAlias

from tradeworthy.lifecycle.events import Attachment
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import VersionState


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
    """Attach the manifest to a draft."""

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
    """Withdraw a version for good, under a verdict if it was judged."""

    version: int
    verdict_digest: str | None = None


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
class Attach(ABC):
    """Attach something to a version without moving its stage.

    Each kind is a class of its own in a file of its own beside the event that it causes, as
    ``tradeworthy.lifecycle.tags``, and decides for itself; nothing here names them.
    """

    version: int

    @abstractmethod
    def decide(self, version: VersionState, *, actor: str, reason: str) -> Attachment:
        """Return what was attached to ``version``.

        Raises
        ------
        TradeworthyError
            If it may not be attached by this actor, for this reason, to this version.
        """


Command: TypeAlias = (
    RegisterModel
    | DraftVersion
    | RecordManifest
    | Promote
    | Retire
    | Approve
    | Quarantine
    | LiftQuarantine
    | Attach
)
