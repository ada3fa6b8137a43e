"""A route that checks in the contract's order: 401, 403, 404, 413, 415, then the body."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from tradeworthy.access.roles import Action, Actor
from tradeworthy.api.idempotency import answer_once
from tradeworthy.api.service import Service
from tradeworthy.api.token_gate import bearer_token
from tradeworthy.errors import InvalidInput, ModelNotFound, PayloadTooLarge, UnsupportedMediaType
from tradeworthy.model_registry.registry import is_name
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
REVISION = '^"[0-9]{1,9}"$'
_ETAG = {
    "description": "The model's revision.",
    "required": True,
    "schema": {"type": "string", "pattern": REVISION},
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": _PROBLEM} for status, text in _STATUSES.items()
}


def governed(action: Action, *, raw: str | None = None, etag: bool = False) -> dict[str, Any]:
    """Return the arguments of a route that takes ``action``: its mark and its problems.

    ``raw`` is the content type of a body that the route reads as bytes. With ``etag`` its answer
    carries the model's revision, for an If-Match.
    """
    extra: dict[str, Any] = {ACTION: action.value}
    if raw is not None:
        schema = {"type": "object"} if raw == _JSON else {"type": "string", "format": "binary"}
        extra["requestBody"] = {"required": True, "content": {raw: {"schema": schema}}}
    told = {200: {"headers": {"ETag": _ETAG}}} if etag else {}
    return {"openapi_extra": extra, "responses": PROBLEMS | told}


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
        extra = self.openapi_extra or {}
        action = Action(str(extra[ACTION]))
        reads_json = self.body_field is not None
        raw = next(iter(extra.get("requestBody", {}).get("content", ())), None)
        media_type = _JSON if reads_json else raw
        known = frozenset(field.alias for field in self.dependant.query_params)

        async def handler(request: Request) -> Response:
            service = service_of(request)
            header = request.headers.get("authorization")
            token = bearer_token(header.encode("latin-1") if header else None)
            actor = await run_in_threadpool(service.authenticate, token)
            actor.require(action)
            model = request.path_params.get("model")
            if model is not None:
                await run_in_threadpool(_check_model, service, actor, action, model)
            limit = JSON_LIMIT if reads_json else service.settings.max_upload_bytes
            _check_length(request, limit)
            if media_type is not None:
                _check_type(request, media_type)
            _check_query(request, known)
            limited = _limited(request, limit)
            # Read here: FastAPI would tell a body that is too large as one that is no JSON.
            await limited.body()
            request.state.actor = actor
            return await answer_once(limited, service, actor, action, inner)

        return handler


def _check_model(service: Service, actor: Actor, action: Action, model: str) -> None:
    if not is_name(model):
        # Nor could every database look such a name up.
        raise ModelNotFound(f"no model {model[:128]!r}: that cannot be a name")
    actor.require(action, record_of(service.store, model).state.strategy)


def _check_length(request: Request, limit: int) -> None:
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > limit:
        raise too_large(limit)


def too_large(limit: int) -> PayloadTooLarge:
    """Build the error of a body above ``limit`` bytes."""
    return PayloadTooLarge(f"the body is larger than {limit} bytes", limit=limit)


def _check_type(request: Request, media_type: str) -> None:
    kind, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "")
    if kind.strip() != media_type or charset not in {"", "charset=utf-8"}:
        raise UnsupportedMediaType(f"send the body as {media_type}, not {kind or 'nothing'}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("send the body without a Content-Encoding")


def _check_query(request: Request, known: frozenset[str]) -> None:
    # A condition that was mistyped and ignored would answer with what nobody asked for.
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        told = ", ".join(sorted(known)) or "none"
        raise InvalidInput(
            f"no query parameter {unknown[0][:80]!r} here; known are {told}", field=unknown[0][:80]
        )


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
