"""Tags of a version: words to search by."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.lifecycle.commands import Attach
from tradeworthy.lifecycle.events import Attachment
from tradeworthy.lifecycle.state import VersionState


@dataclass(frozen=True, slots=True)
class VersionTagged(Attachment):
    """A version got a tag, or a tag got another value."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Tag(Attach):
    """Put a tag on a version."""

    key: str
    value: str

    def decide(self, version: VersionState, *, actor: str, reason: str) -> VersionTagged:  # noqa: ARG002 - anybody may tag
        """Return the tag; nothing stands against one."""
        return VersionTagged(version.version, self.key, self.value)
