"""Tokens by their MACs."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from tradeworthy.access.tokens import TokenRecord


class ReadTokens(Protocol):
    """What can be read of tokens."""

    @abstractmethod
    def get(self, mac: str) -> TokenRecord | None:
        """Return the token kept under ``mac``, revoked ones included."""

    @abstractmethod
    def all(self) -> tuple[TokenRecord, ...]:
        """Return every token, oldest first."""


class WriteTokens(ReadTokens, Protocol):
    """Tokens, read, added and revoked."""

    @abstractmethod
    def add(self, record: TokenRecord) -> None:
        """Keep a token.

        Raises
        ------
        AlreadyExists
            If its id or MAC is taken.
        """

    @abstractmethod
    def revoke(self, token_id: str, at: datetime) -> bool:
        """Revoke a token; False if there is none that is live.

        Raises
        ------
        LastAdmin
            If nobody could manage tokens any more, however many are revoked at once.
        """
