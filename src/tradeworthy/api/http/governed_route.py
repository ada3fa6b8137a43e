"""A route that checks in the contract's order: 401, 403, 404, 413, 415, then the body."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, get_args, get_origin

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from tradeworthy.access.roles import Action, Actor
from tradeworthy.api.http.body_form import JSON, BodyForm
from tradeworthy.api.http.idempotency import answer_once, once_a_key
from tradeworthy.api.http.preconditions import HEADER as IF_MATCH
from tradeworthy.errors import InvalidInput, ModelNotFound
from tradeworthy.lifecycle.names import is_name
from tradeworthy.lifecycle.state import version_of
from tradeworthy.model_registry.changes import read_model
from tradeworthy.runtime.service import Service
from tradeworthy.runtime.token_cache import bearer_token
from tradeworthy.wire.field_types import MAX_VERSION

ACTION = "x-tradeworthy-action"
_NUMBER = re.compile("[1-9][0-9]{0,9}")
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
_ETAG = {
    "description": "The model's revision.",
    "required": True,
    "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
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
        schema = {"type": "object"} if raw == JSON else {"type": "string", "format": "binary"}
        extra["requestBody"] = {"required": True, "content": {raw: {"schema": schema}}}
    headers = {200: {"headers": {"ETag": _ETAG}}} if etag else {}
    return {"openapi_extra": extra, "responses": PROBLEMS | headers}


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
    """Authenticate, authorise and look model and version up before the body is read."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:
        super().__init__(path, once_a_key(endpoint), **given)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler, which validates the body."""
        inner = super().get_route_handler()
        extra = self.openapi_extra or {}
        action = Action(str(extra[ACTION]))
        form = BodyForm.of(self)
        queries = {
            field.alias: _is_list(field.field_info.annotation)
            for field in self.dependant.query_params
        }
        conditional = any(each["name"] == IF_MATCH for each in extra.get("parameters", ()))

        async def handler(request: Request) -> Response:
            service = service_of(request)
            actor = await run_in_threadpool(service.authenticate, _token(request))
            actor.require(action)
            if "model" in request.path_params:
                await run_in_threadpool(_check_path, service, actor, action, request.path_params)
            understood = await form.read(request, service.settings.max_upload_bytes)
            _check_query(request, queries)
            if not (conditional or request.method == "GET") and IF_MATCH in request.headers:
                # Ignored, it would change what the caller has not seen.
                raise InvalidInput(f"this request takes no {IF_MATCH}: leave it out")
            request.state.actor = actor
            return await answer_once(understood, service, actor, action, inner)

        return handler


def _token(request: Request) -> str | None:
    headers = request.headers.getlist("authorization")
    # Of two tokens each reader would take another one.
    return bearer_token(headers[0].encode("latin-1")) if len(headers) == 1 else None


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(map(_is_list, get_args(annotation)))


def _check_path(service: Service, actor: Actor, action: Action, path: Mapping[str, str]) -> None:
    model, version = path["model"], path.get("version", "")
    if not is_name(model):
        # Nor could every database look such a name up.
        raise ModelNotFound(f"no model {model[:128]!r}: that cannot be a name")
    state = read_model(service.store, model).state
    actor.require(action, state.strategy)
    if _NUMBER.fullmatch(version) and int(version) <= MAX_VERSION:
        version_of(state, int(version))


def _check_query(request: Request, known: Mapping[str, bool]) -> None:
    # A condition that was mistyped and ignored would answer with what nobody wanted.
    for name in request.query_params:
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise InvalidInput(
                f"no query parameter {name[:80]!r} here; known are {names}", field=name[:80]
            )
        if not known[name] and len(request.query_params.getlist(name)) > 1:
            raise InvalidInput(f"the query parameter {name!r} stands twice", field=name)
