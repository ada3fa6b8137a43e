"""Predictions over HTTP, answered before the web framework sees the request.

`HotPath` is a plain ASGI callable in front of an application. It takes
``POST /api/v1/models/{model}/predict`` and hands everything else on. Checks answer in the order
401, 403, 404, 413, 415, 422, 423, 409, 503; a prediction is answered only after it was logged.
"""

from __future__ import annotations

import asyncio
import logging
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from tradeworthy.base.strict_json import read_json
from tradeworthy.errors import (
    ArtifactInvalid,
    InvalidInput,
    ModelNotFound,
    NoProductionVersion,
    PayloadTooLarge,
    TradeworthyError,
    UnsupportedMediaType,
)
from tradeworthy.prediction_log.segments import Origin
from tradeworthy.prediction_log.writer import PredictionLog
from tradeworthy.serving.decoder import DecodedRequest, too_many_bytes
from tradeworthy.serving.route_table import Blocked, Ready, Route, RouteTable

FloatArray: TypeAlias = npt.NDArray[np.float64]
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Asgi: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]
Problem: TypeAlias = Callable[[TradeworthyError, str], tuple[int, bytes, Headers]]

PREFIX: Final = "/api/v1/models/"
SUFFIX: Final = "/predict"
LATENCY_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
# Nanoseconds: where a bar is named by its end, the last one ends later today.
_FURTHEST_AHEAD: Final = 24 * 60 * 60 * 10**9
# Below these sizes a thread costs more than the turn of the event loop that it frees.
_THREAD_FROM_BYTES: Final = 64 * 1024
_THREAD_FROM_ROWS: Final = 256
# How many times the limit a client may send before the connection is closed on it. Until then
# the rest is read and thrown away: a client that still sends would never read the answer.
_DRAIN_FACTOR: Final = 8

_logger = logging.getLogger("tradeworthy.serving")
_encode = msgspec.json.Encoder().encode


class Principal(Protocol):
    """Who calls."""

    @property
    def name(self) -> str:
        """What the prediction log names the caller."""
        ...


@dataclass(slots=True)
class PredictionCounters:
    """Counts of one worker, for ``/metrics``; changed by its event loop only.

    Attributes
    ----------
    answers
        Requests by (model, status); the model is empty when there is none of that name.
    rows
        Rows predicted by model.
    latency_buckets
        Answered predictions by `LATENCY_BOUNDS` (seconds, not cumulative; the last is beyond).
    latency_sum
        Seconds spent on answered predictions.
    """

    answers: dict[tuple[str, int], int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    latency_buckets: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS) + 1))
    latency_sum: float = 0.0

    def count(self, model: str, status: int) -> None:
        """Count an answer."""
        key = (model, status)
        self.answers[key] = self.answers.get(key, 0) + 1

    def observe(self, model: str, rows: int, seconds: float) -> None:
        """Count a prediction that was answered."""
        self.count(model, 200)
        self.rows[model] = self.rows.get(model, 0) + rows
        self.latency_buckets[bisect_left(LATENCY_BOUNDS, seconds)] += 1
        self.latency_sum += seconds


class HotPath:
    """Answer predict requests; hand all others to ``app``.

    Parameters
    ----------
    app
        The ASGI application behind.
    routes
        Returns the current table.
    authorise
        Takes the Authorization header (or None) and the model's name; returns who calls or
        raises `Unauthenticated` or `Forbidden`. Runs in the event loop: it must not wait.
    log
        Where predictions are written down.
    problem
        Turns an error and the request's path into status, body and headers.
    clock
        Nanoseconds since 1970 in UTC.
    monotonic
        The clock, in nanoseconds, that `RouteTable.confirmed_until` refers to.
    max_bytes
        Greatest body; a model's decoder may allow less.
    """

    def __init__(
        self,
        app: Asgi,
        *,
        routes: Callable[[], RouteTable],
        authorise: Callable[[bytes | None, str], Principal],
        log: PredictionLog,
        problem: Problem,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] = time.monotonic_ns,
        max_bytes: int = 8 * 1024 * 1024,
    ) -> None:
        self.counters = PredictionCounters()
        self._app = app
        self._routes = routes
        self._authorise = authorise
        self._log = log
        self._problem = problem
        self._clock = clock
        self._monotonic = monotonic
        self._max_bytes = max_bytes
        self._origins: tuple[RouteTable | None, dict[str, int]] = (None, {})
        self._threads = ThreadPoolExecutor(2, "predict")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "http":
            path: str = scope["path"]
            if path.startswith(PREFIX) and path.endswith(SUFFIX) and scope["method"] == "POST":
                model = path[len(PREFIX) : -len(SUFFIX)]
                if model and "/" not in model:
                    await self._serve(scope, receive, send, model)
                    return
        await self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, model: str) -> None:
        started = self._monotonic()
        try:
            answer = await self._answer(scope, receive, model)
        except TradeworthyError as error:
            await self._refuse(error, scope, send, model)
            return
        except Exception:
            _logger.exception("predicting with %r failed", model)
            unexpected = TradeworthyError("the prediction failed inside the service; see its log")
            await self._refuse(unexpected, scope, send, model)
            return
        if answer is None:
            return
        body, rows = answer
        self.counters.observe(model, rows, (self._monotonic() - started) / 1e9)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive, model: str) -> tuple[bytes, int] | None:
        """Check in the contract's order, predict, log; None when the client is gone."""
        head = _Head(scope["headers"])
        principal, table, route = self._find(head, model)
        decoder = route.decoder
        limit = min(self._max_bytes, decoder.max_bytes) if decoder else self._max_bytes
        body = await _read_body(receive, head.length, limit)
        if body is None:
            return None
        if table is not self._routes():
            # The client took its time: what was revoked, stopped or replaced meanwhile counts.
            principal, table, route = self._find(head, model)
        head.require_json()
        _require_no_query(scope)
        now = self._clock()
        request = await self._decode(route, body)
        event_time = _event_time(request, now)
        ready = table.admit(route, request)
        table.require_confirmed(self._monotonic())
        rows = request.rows
        outputs = await self._predict(ready, rows)
        ids = await self._log.append(
            self._origin(table, ready),
            now=now,
            event_time=event_time,
            actor=principal.name,
            rows=rows,
            outputs=outputs,
        )
        return _body(ready, table, outputs, ids), len(ids)

    def _find(self, head: _Head, model: str) -> tuple[Principal, RouteTable, Route]:
        """Return who calls, the current table and the model's route: 401, 403, 404."""
        principal = self._authorise(head.authorization, model)
        table = self._routes()
        route = table.lookup(model)
        if isinstance(route, Blocked) and isinstance(
            route.error, (ModelNotFound, NoProductionVersion)
        ):
            raise route.error.with_traceback(None)
        return principal, table, route

    async def _decode(self, route: Route, body: bytes) -> DecodedRequest:
        decoder = route.decoder
        if decoder is None:
            # Without a readable manifest only the syntax can be checked; such a route is blocked.
            read_json(body)
            assert isinstance(route, Blocked)  # noqa: S101 - what may predict has a decoder
            raise route.error.with_traceback(None)
        if len(body) < _THREAD_FROM_BYTES:
            return decoder.decode(body)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, decoder.decode, body)

    async def _predict(self, ready: Ready, rows: FloatArray) -> FloatArray:
        try:
            if len(rows) < _THREAD_FROM_ROWS:
                return ready.predictor.predict(rows)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, ready.predictor.predict, rows)
        except (InvalidInput, ArtifactInvalid) as error:
            if isinstance(error, ArtifactInvalid):
                _logger.exception("version %s of %r failed", ready.version, ready.model)
            raise
        except Exception as error:
            _logger.exception("version %s of %r failed", ready.version, ready.model)
            raise ArtifactInvalid(
                f"version {ready.version} failed on these rows; roll back or quarantine it",
                version=ready.version,
            ) from error

    def _origin(self, table: RouteTable, ready: Ready) -> int:
        held, keys = self._origins
        if held is not table:
            keys = {}
            self._origins = (table, keys)
        key = keys.get(ready.model)
        if key is None:
            key = keys[ready.model] = self._log.declare(
                Origin(
                    ready.model,
                    ready.version,
                    ready.manifest_digest,
                    ready.artifact_sha256,
                    ready.bound_hash,
                    ready.running_hash,
                    table.epoch,
                    ready.decoder.inputs,
                )
            )
        return key

    async def _refuse(self, error: TradeworthyError, scope: Scope, send: Send, model: str) -> None:
        status, body, problem_headers = self._problem(error, scope["path"])
        self.counters.count(model if model in self._routes().routes else "", status)
        headers = [*problem_headers, (b"content-length", b"%d" % len(body))]
        if isinstance(error, PayloadTooLarge):
            # The rest of the body was not read, so the connection cannot serve another request.
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class _Head:
    """The three request headers that matter here."""

    __slots__ = ("authorization", "encoding", "length", "type")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.authorization: bytes | None = None
        self.type = self.encoding = b""
        self.length = 0
        for name, value in headers:
            if name == b"authorization":
                # Of two tokens each reader would take another one.
                self.authorization = value if self.authorization is None else b""
            elif name == b"content-type":
                self.type = value
            elif name == b"content-length" and value.isdigit():
                self.length = int(value[:20])
            elif name == b"content-encoding":
                self.encoding = value

    def require_json(self) -> None:
        if self.type == b"application/json" and not self.encoding:
            return
        kind, _, parameters = self.type.lower().partition(b";")
        charset = parameters.replace(b" ", b"").replace(b'"', b"")
        if kind.strip() != b"application/json" or charset not in (b"", b"charset=utf-8"):
            raise UnsupportedMediaType("send the body as application/json in UTF-8")
        if self.encoding.lower() not in (b"", b"identity"):
            raise UnsupportedMediaType("send the body without a Content-Encoding")


def _require_no_query(scope: Scope) -> None:
    if scope.get("query_string"):
        raise InvalidInput(
            "predict takes no query parameter, and the version in PRODUCTION answers: send rows, "
            "feature_graph_hash and event_time in the body",
            field="query",
        )


def _event_time(request: DecodedRequest, now: int) -> int:
    """Return the moment that the rows describe, nanoseconds since 1970: now, if none was sent."""
    if request.event_time is None:
        return now
    if request.event_time > now + _FURTHEST_AHEAD:
        raise InvalidInput(
            "event_time is more than a day ahead of the service's clock: send the moment that the "
            "rows describe",
            field="event_time",
        )
    return request.event_time


async def _read_body(receive: Receive, announced: int, limit: int) -> bytes | None:
    """Read at most ``limit`` bytes; None when the client left first."""
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        more = message.get("more_body", False)
        if size <= limit and announced <= limit:
            chunks.append(chunk)
        elif size > _DRAIN_FACTOR * limit:
            break
    if max(size, announced) > limit:
        raise too_many_bytes(limit)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _body(ready: Ready, table: RouteTable, outputs: FloatArray, ids: list[str]) -> bytes:
    parts = (
        ready.answer_head,
        table.answer_tail,
        b',"predictions":',
        _encode(outputs.tolist()),
        b',"prediction_ids":',
        _encode(ids),
        b"}",
    )
    return b"".join(parts)
