"""A request whose JSON was read already, strictly, before the framework sees it."""

from __future__ import annotations

from typing import Any

from fastapi import Request


class JsonRequest(Request):
    """A request whose body was read and understood already.

    Parameters
    ----------
    request
        The request as it came.
    body
        Its body.
    content
        What the body says.
    """

    def __init__(self, request: Request, body: bytes, content: Any) -> None:
        super().__init__(request.scope)
        self._bytes = body
        self._content = content

    async def body(self) -> bytes:
        """Return the body as it came."""
        return self._bytes

    async def json(self) -> Any:
        """Return what the body says."""
        return self._content
