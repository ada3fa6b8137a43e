"""Which body a route reads: JSON, bytes of one content type, or none; and how much of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from tradeworthy.api.http.json_request import JsonRequest
from tradeworthy.base.strict_json import read_json
from tradeworthy.errors import InvalidInput, PayloadTooLarge, UnsupportedMediaType

JSON = "application/json"
JSON_LIMIT = 8 * 2**20


@dataclass(frozen=True, slots=True)
class BodyForm:
    """What a route reads.

    Parameters
    ----------
    media_type
        The content type, None for a route that takes no body.
    parsed
        Whether the framework gets the JSON, or the route the bytes.
    ignored
        Whether a body means nothing to the method.
    """

    media_type: str | None
    parsed: bool
    ignored: bool

    @classmethod
    def of(cls, route: APIRoute) -> BodyForm:
        """Return what a route reads, by its signature or by what it documents."""
        parsed = route.body_field is not None
        documented = (route.openapi_extra or {}).get("requestBody", {}).get("content", ())
        media_type = JSON if parsed else next(iter(documented), None)
        return cls(media_type, parsed, ignored="GET" in (route.methods or ()))

    async def read(self, request: Request, max_upload_bytes: int) -> Request:
        """Return the request with its body read and, if it is to be parsed, understood.

        Raises
        ------
        PayloadTooLarge, UnsupportedMediaType, InvalidInput
            In this order.
        """
        if self.ignored:
            return request
        raw = self.media_type is not None and not self.parsed
        limit = max_upload_bytes if raw else JSON_LIMIT
        _check_length(request, limit)
        if self.media_type is not None:
            _check_type(request, self.media_type)
        limited = _limited(request, limit)
        body = await limited.body()
        if self.media_type is None and body.strip() not in {b"", b"{}"}:
            # Ignored, it would let somebody believe that it did something.
            raise InvalidInput("this request takes no body: leave it out")
        if not (self.parsed and body):
            return limited
        return JsonRequest(limited, body, await run_in_threadpool(read_json, body))


def _check_length(request: Request, limit: int) -> None:
    length = request.headers.get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length[:20]) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body is larger than {limit} bytes", limit=limit)


def _check_type(request: Request, media_type: str) -> None:
    kind, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "")
    if kind.strip() != media_type or charset not in {"", "charset=utf-8"}:
        raise UnsupportedMediaType(f"send the body as {media_type}, not {kind or 'nothing'}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("send the body without a Content-Encoding")


def _limited(request: Request, limit: int) -> Request:
    """Return the request with its body counted: chunks have no length in the header."""
    read = 0

    async def receive() -> Any:
        nonlocal read
        message = await request.receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise _too_large(limit)
        return message

    return Request(request.scope, receive)
