"""Idempotency-Key on every POST: the first request runs, a repeat gets the first one's answer."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from tradeworthy.api.problems import MEDIA_TYPE, problem
from tradeworthy.api.routers import tokens
from tradeworthy.api.service import Service
from tradeworthy.api.token_gate import bearer_token
from tradeworthy.digests import tagged_digest
from tradeworthy.errors import (
    IdempotencyConflict,
    InvalidInput,
    PayloadTooLarge,
    TradeworthyError,
)
from tradeworthy.store.records import IdempotencyClaim, StoredReply

HEADER = "idempotency-key"
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_FIRST_ERROR_NOT_KEPT = 500

Next = Callable[[Request], Awaitable[Response]]


async def keep_replies(request: Request, call_next: Next) -> Response:
    """Answer a repeated request with the reply of the first."""
    key = request.headers.get(HEADER)
    if request.method != "POST" or key is None:
        return await call_next(request)
    service: Service = request.app.state.service
    try:
        claim = await _claim(request, service, key)
        first = await run_in_threadpool(service.store.claim, claim, service.clock())
    except TradeworthyError as error:
        status, body, headers = problem(error, request.url.path)
        return Response(body, status, headers)
    if first is not None:
        media_type = MEDIA_TYPE if first.status >= 400 else "application/json"
        return Response(first.body, first.status, {"idempotency-replayed": "true"}, media_type)
    return await _run(request, call_next, service, claim)


async def _claim(request: Request, service: Service, key: str) -> IdempotencyClaim:
    if not _KEY.fullmatch(key):
        raise InvalidInput("an Idempotency-Key has 1 to 128 visible ASCII characters")
    header = request.headers.get("authorization")
    token = bearer_token(header.encode("latin-1") if header else None)
    actor = await run_in_threadpool(service.authenticate, token)
    body = await _body(request, service.settings.max_upload_bytes)
    query = request.url.query.encode()
    return IdempotencyClaim(
        key, actor.name, request.url.path, tagged_digest("request/v1", query, body)
    )


async def _body(request: Request, limit: int) -> bytes:
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > limit:
        raise PayloadTooLarge(f"the body is larger than {limit} bytes", limit=limit)
    return await request.body()


async def _run(
    request: Request, call_next: Next, service: Service, claim: IdempotencyClaim
) -> Response:
    kept: StoredReply | None = None
    try:
        response = await call_next(request)
        assert isinstance(response, StreamingResponse) or hasattr(response, "body_iterator")  # noqa: S101
        body = b"".join([bytes(part) async for part in response.body_iterator])
        if response.status_code < _FIRST_ERROR_NOT_KEPT:
            kept = _kept(request, response.status_code, body)
    finally:
        # A failure, and a client that left, give the key back.
        await run_in_threadpool(service.store.settle, claim, kept)
    return Response(body, response.status_code, dict(response.headers))


def _kept(request: Request, status: int, body: bytes) -> StoredReply:
    if status < 400 and request.url.path.startswith(tokens.PREFIX) and body:
        error = IdempotencyConflict("the token of this key was issued and is shown only once")
        told, problem_body, _ = problem(error, request.url.path)
        return StoredReply(told, problem_body)
    return StoredReply(status, body)
