"""A problem document (RFC 9457): the body of every error."""

from __future__ import annotations

from pydantic import JsonValue

from tradeworthy.wire.bodies import ResponseBody


class Problem(ResponseBody):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str
    details: dict[str, JsonValue] | None = None
