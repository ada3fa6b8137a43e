"""Which release of features is active, and which ones were."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Activation:
    """Which release became active at which epoch, by whom and why."""

    epoch: int
    release_digest: str
    at: datetime
    actor: str
    reason: str


class ReadReleases(Protocol):
    """What can be read of activations."""

    @abstractmethod
    def activation(self, epoch: int | None = None) -> Activation | None:
        """Return the activation of ``epoch``, the latest by default."""


class WriteReleases(ReadReleases, Protocol):
    """Activations, read and made."""

    @abstractmethod
    def hold(self) -> Activation | None:
        """Return the latest activation; no other is made before this unit ends."""

    @abstractmethod
    def reserve(self) -> Activation | None:
        """Return the latest activation once no unit holds it; none can before this unit ends.

        Whoever activates a release begins with it, and checks afterwards.
        """

    @abstractmethod
    def activate(self, activation: Activation) -> None:
        """Make a release the active one.

        Raises
        ------
        StaleEpoch
            Unless ``activation.epoch`` is the next one.
        RecordNotFound
            If the release is not among the documents.
        """
