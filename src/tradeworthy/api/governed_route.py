"""A route that checks in the contract's order: 401, 403, 404, 413, 415, then the body."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from tradeworthy.access.roles import Action, Actor
from tradeworthy.api.service import Service
from tradeworthy.api.token_gate import bearer_token
from tradeworthy.errors import PayloadTooLarge, UnsupportedMediaType
from tradeworthy.model_registry.writing import record_of

ACTION = "x-tradeworthy-action"
JSON_LIMIT = 8 * 2**20
_JSON = "application/json"
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_STATUSES = {
    401: "no live token",
    403: "not for this role or strategy",
    404: "no such model, version or record",
    409: "the state does not allow it",
    412: "If-Match names another revision",
    413: "too large",
    415: "another content type",
    422: "not understood, or refused by a policy",
    423: "quarantined",
    503: "something it needs does not answer",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": _PROBLEM} for status, text in _STATUSES.items()
}


def governed(action: Action, *, raw: str | None = None) -> dict[str, Any]:
    """Return the arguments of a route that takes ``action``: its mark and its problems.

    ``raw`` is the content type of a body that the route reads as bytes.
    """
    extra: dict[str, Any] = {ACTION: action.value}
    if raw is not None:
        schema = {"type": "object"} if raw == _JSON else {"type": "string", "format": "binary"}
        extra["requestBody"] = {"required": True, "content": {raw: {"schema": schema}}}
    return {"openapi_extra": extra, "responses": PROBLEMS}


def service_of(request: Request) -> Service:
    """Return the service behind a request."""
    service: Service = request.app.state.service
    return service


def actor_of(request: Request) -> Actor:
    """Return who sent a request; the route has checked that already."""
    actor: Actor = request.state.actor
    return actor


async def bytes_of(request: Request) -> bytes:
    """Return the body of a request as it came."""
    return await request.body()


Serving = Annotated[Service, Depends(service_of)]
Caller = Annotated[Actor, Depends(actor_of)]
RawBody = Annotated[bytes, Depends(bytes_of)]


class GovernedRoute(APIRoute):
    """Authenticate, authorise and look the model up before the body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler, which reads and validates the body."""
        inner = super().get_route_handler()
        action = Action(str((self.openapi_extra or {})[ACTION]))
        reads_json = self.body_field is not None

        async def handler(request: Request) -> Response:
            service = service_of(request)
            header = request.headers.get("authorization")
            token = bearer_token(header.encode("latin-1") if header else None)
            actor = await run_in_threadpool(service.authenticate, token)
            actor.require(action)
            model = request.path_params.get("model")
            if model is not None:
                record = await run_in_threadpool(record_of, service.store, model)
                actor.require(action, record.state.strategy)
            limit = JSON_LIMIT if reads_json else service.settings.max_upload_bytes
            _check_length(request, limit)
            if reads_json:
                _check_json(request)
            request.state.actor = actor
            return await inner(_limited(request, limit))

        return handler


def _check_length(request: Request, limit: int) -> None:
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > limit:
        raise too_large(limit)


def too_large(limit: int) -> PayloadTooLarge:
    """Build the error of a body above ``limit`` bytes."""
    return PayloadTooLarge(f"the body is larger than {limit} bytes", limit=limit)


def _check_json(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _JSON:
        raise UnsupportedMediaType(f"send the body as {_JSON}, not {kind or 'nothing'}")


def _limited(request: Request, limit: int) -> Request:
    """Return the request with its body counted: chunks have no length in the header."""
    read = 0

    async def receive() -> Any:
        nonlocal read
        message = await request.receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise too_large(limit)
        return message

    return Request(request.scope, receive, request._send)
