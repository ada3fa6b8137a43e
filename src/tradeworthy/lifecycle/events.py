"""What has happened to a model: facts in the past tense, never changed once recorded."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from tradeworthy.base.digests import Json
from tradeworthy.errors import InvalidInput
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
    """A draft got its papers; the trainer is the actor of the event.

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
    """A version left for good."""

    version: int
    source: Stage


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
class VersionTagged:
    """A version got a tag, or a tag got another value."""

    version: int
    key: str
    value: str


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
    | VersionTagged
)

_BODIES: dict[str, type[EventBody]] = {
    body.__name__: body
    for body in (
        ModelRegistered,
        VersionDrafted,
        ManifestRecorded,
        VersionPromoted,
        VersionSuperseded,
        VersionRetired,
        ApprovalGranted,
        VersionQuarantined,
        QuarantineLifted,
        VersionTagged,
    )
}


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
        return getattr(self.body, "version", None)


def body_to_json(body: EventBody) -> dict[str, Json]:
    """Return the fields of ``body`` as JSON.

    Examples
    --------
    >>> body_to_json(VersionRetired(3, Stage.STAGING))
    {'version': 3, 'source': 'STAGING'}
    """
    fields: dict[str, Json] = {}
    for field in dataclasses.fields(body):
        value = getattr(body, field.name)
        if isinstance(value, tuple):
            value = list(value)
        fields[field.name] = str(value) if isinstance(value, Stage) else value
    return fields


def body_from_json(kind: str, fields: dict[str, Json]) -> EventBody:
    """Rebuild an event's body; the inverse of ``body_to_json``.

    Raises
    ------
    InvalidInput
        For a kind or a field that this release does not know.

    Examples
    --------
    >>> body_from_json("VersionRetired", {"version": 3, "source": "STAGING"})
    VersionRetired(version=3, source=<Stage.STAGING: 'STAGING'>)
    """
    if kind not in _BODIES:
        raise InvalidInput(f"unknown event kind {kind!r}: read it with the release that wrote it")
    try:
        values = {name: _from_json(name, value) for name, value in fields.items()}
        return _BODIES[kind](**values)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"event {kind} does not fit this release: {error}") from error


def _from_json(name: str, value: Json) -> object:
    if name in {"source", "target"}:
        return Stage(str(value))
    return tuple(value) if isinstance(value, list) else value
