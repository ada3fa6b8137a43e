"""Idempotency-Key on every POST: the first request runs, a repeat gets the first one's answer."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from tradeworthy.access.roles import Action, Actor
from tradeworthy.api.http.problems import MEDIA_TYPE, problem
from tradeworthy.api.http.respond_async import ACCEPTED, ASYNC, replayed_headers, wants_job
from tradeworthy.base.digests import tagged_digest
from tradeworthy.errors import IdempotencyConflict, InvalidInput
from tradeworthy.runtime.service import Service
from tradeworthy.store.ports.idempotency import IdempotencyClaim, StoredReply

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY_PATTERN = "^[\\x21-\\x7e]{1,128}$"
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_FIRST_ERROR = 400
_REQUEST = "request_of_key"

Run = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True)
class KeyedRequest:
    """A request with a key; ``held`` from when the key is its own until the answer is kept."""

    claim: IdempotencyClaim
    service: Service
    held: bool = False


async def answer_once(
    request: Request, service: Service, actor: Actor, action: Action, run: Run
) -> Response:
    """Answer a request by ``run``, or with the reply that its key got before.

    Only a success is kept: what was refused changed nothing, so that its key may be used again.
    The key is taken by `once_a_key`, after the body was found to be well-formed.

    Raises
    ------
    InvalidInput
        For a key that is none.
    IdempotencyConflict
        If the key came with another request, or the first one is still running.
    """
    key = request.headers.get(HEADER)
    if request.method != "POST" or key is None:
        return await run(request)
    keyed = KeyedRequest(await _claim(request, actor, key), service)
    request.state.keyed = keyed
    kept: StoredReply | None = None
    try:
        response = await run(request)
        if response.status_code < _FIRST_ERROR:
            kept = _kept(request, action, response)
    finally:
        if keyed.held:
            # A refusal, a failure, and a client that left give the key back.
            await run_in_threadpool(_settle, service, keyed.claim, kept)
    return response


def once_a_key(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``endpoint`` so that it runs once for each key that `answer_once` found.

    The framework calls it when everything in the request is well-formed: a body that is not
    understood answers 422 before its key could answer 409.
    """
    signature = inspect.signature(endpoint)
    parameter = inspect.Parameter(_REQUEST, inspect.Parameter.KEYWORD_ONLY, annotation=Request)

    @functools.wraps(endpoint)
    async def run(**given: Any) -> Any:
        request: Request = given.pop(_REQUEST)
        keyed: KeyedRequest | None = getattr(request.state, "keyed", None)
        if keyed is not None:
            first = await run_in_threadpool(_take, keyed.service, keyed.claim)
            if first is not None:
                return _replayed(first)
            keyed.held = True
        return await run_in_threadpool(endpoint, **given)

    parameters = [*signature.parameters.values(), parameter]
    vars(run)["__signature__"] = signature.replace(parameters=parameters)
    return run


async def _claim(request: Request, actor: Actor, key: str) -> IdempotencyClaim:
    if len(request.headers.getlist(HEADER)) > 1 or not _KEY.fullmatch(key):
        raise InvalidInput(f"an {HEADER} has 1 to 128 visible ASCII characters", field=HEADER)
    body = await request.body()
    preference = (ASYNC.encode(),) if wants_job(request) else ()
    rights = ",".join(sorted(actor.roles)), str(actor.strategies and sorted(actor.strategies))
    digest = tagged_digest(
        "request/v1",
        request.url.query.encode(),
        body,
        # What one token was answered is not for another one of the same name that may do less.
        *(each.encode() for each in rights),
        *preference,
    )
    return IdempotencyClaim(key, actor.name, request.scope["path"], digest)


def _take(service: Service, claim: IdempotencyClaim) -> StoredReply | None:
    with service.store.begin() as unit:
        return unit.idempotency.claim(claim, service.clock())


def _settle(service: Service, claim: IdempotencyClaim, reply: StoredReply | None) -> None:
    with service.store.begin() as unit:
        unit.idempotency.settle(claim, reply)


def _replayed(first: StoredReply) -> Response:
    headers = {REPLAYED: "true"}
    if first.body:
        headers["content-type"] = MEDIA_TYPE if first.status >= _FIRST_ERROR else "application/json"
    if first.status == ACCEPTED:
        headers |= replayed_headers(first.body)
    return Response(first.body, first.status, headers)


def _kept(request: Request, action: Action, response: Response) -> StoredReply:
    body = bytes(response.body)
    if action is Action.MANAGE_TOKENS and body:
        error = IdempotencyConflict("the token of this key was issued and is shown only once")
        status, problem_body, _ = problem(error, request.scope["path"])
        return StoredReply(status, problem_body)
    return StoredReply(response.status_code, body)
