"""What carries a request to a service: a server over HTTP, or a home's service in this process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request; ``path`` is quoted already."""

    method: str
    path: str
    query: Mapping[str, str | list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request."""

    status: int
    body: bytes


class Transport(Protocol):
    """Carries requests; several connections, each with its own token, may share one."""

    def send(self, request: Request) -> Answer:
        """Return the answer to a request.

        Raises
        ------
        ServerUnreachable, HomeUnusable, StoreUnavailable, SettingsInvalid
            If nothing can answer.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...
