"""The hot path as an ASGI callable: order of the checks, bodies, failures, counters."""

import asyncio
import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Never, TypeAlias

import numpy as np
import pytest

from tradeworthy.errors import (
    ArtifactInvalid,
    FeatureGraphMismatch,
    Forbidden,
    ModelQuarantined,
    NoProductionVersion,
    TradeworthyError,
    Unauthenticated,
)
from tradeworthy.prediction_log.reader import PredictionRecord, read_from
from tradeworthy.prediction_log.writer import PredictionLog
from tradeworthy.serving.decoder import make_decoder
from tradeworthy.serving.hot_path import HotPath, Message, Receive, Scope, Send
from tradeworthy.serving.route_table import Blocked, Ready, RouteTable

A, B = "a" * 64, "b" * 64
NOW = 1_700_000_000_000_000_000
STATUS = {
    "unauthenticated": 401,
    "forbidden": 403,
    "model_not_found": 404,
    "no_production_version": 404,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "invalid_input": 422,
    "model_quarantined": 423,
    "feature_graph_mismatch": 409,
    "artifact_invalid": 503,
    "release_unconfirmed": 503,
    "prediction_log_full": 503,
    "internal_error": 500,
}


class Sum:
    format = "onnx"
    n_inputs = 2
    largest = 1e300

    def __init__(self) -> None:
        self.threads = []

    def predict(self, rows: np.ndarray) -> np.ndarray:
        self.threads.append(threading.current_thread())
        return rows.sum(axis=1)


class Failing(Sum):
    def __init__(self, error: Exception) -> None:
        self.error = error

    def predict(self, rows: np.ndarray) -> Never:
        raise self.error


def ready(**changes: Any) -> Ready:
    options = {
        "model": "m",
        "version": 3,
        "manifest_digest": "d" * 64,
        "artifact_sha256": "e" * 64,
        "bound_hash": A,
        "active_hash": A,
        "running_hash": A,
        "predictor": Sum(),
        "decoder": make_decoder(("a", "b"), 5000, 400_000),
    }
    return Ready(**options | changes)


def authorise(header: bytes | None, model: str) -> SimpleNamespace:
    if header == b"Bearer outsider":
        raise Forbidden("not yours")
    if header != b"Bearer good":
        raise Unauthenticated("send a token")
    return SimpleNamespace(name="ada")


def problem(error: TradeworthyError, path: str) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    body = json.dumps({"code": error.code, "details": error.details}, default=list).encode()
    return STATUS[error.code], body, [(b"content-type", b"application/problem+json")]


async def behind(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


def body_of(rows: Iterable[dict[str, float]] = ({"a": 1, "b": 2},), **more: object) -> bytes:
    return json.dumps({"rows": list(rows), "feature_graph_hash": A} | more).encode()


class Client:
    """Sends requests to a hot path without a network."""

    def __init__(
        self,
        folder: Path,
        *,
        confirmed_until: int = 2**62,
        max_pending: int = 100,
        **routes: Ready | Blocked,
    ) -> None:
        self.log = PredictionLog(folder, max_pending=max_pending)
        self.now = 1000
        self.authorise = authorise
        self.before_the_last_chunk = lambda: None
        self.table = RouteTable(7, confirmed_until, routes or {"m": ready()})
        self.path = HotPath(
            behind,
            routes=lambda: self.table,
            authorise=self.who,
            log=self.log,
            problem=problem,
            clock=lambda: NOW,
            monotonic=lambda: self.now,
            max_bytes=500_000,
        )

    def who(self, header: bytes | None, model: str) -> SimpleNamespace:
        return self.authorise(header, model)

    def send(
        self,
        body: bytes | None = None,
        *,
        chunks: Sequence[bytes] | None = None,
        caller: str = "good",
        model: str = "m",
        drop: Collection[str] = (),
        query: bytes = b"",
        **headers: str,
    ) -> tuple[int | None, Any]:
        body = body_of() if body is None else body
        chunks = [body] if chunks is None else chunks
        given = {
            "authorization": f"Bearer {caller}",
            "content-type": "application/json",
            "content-length": str(sum(map(len, chunks))),
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        scope = {
            "type": "http",
            "method": "POST",
            "path": f"/api/v1/models/{model}/predict",
            "query_string": query,
            "headers": [
                (name.encode(), value.encode()) for name, value in given.items() if name not in drop
            ],
        }
        return self.call(scope, chunks)

    def call(
        self, scope: Scope, chunks: Sequence[bytes] = (b"",), *, leave: bool = False
    ) -> tuple[int | None, Any]:
        sent, left = [], list(chunks)

        async def receive() -> Message:
            if not left:
                return {"type": "http.disconnect"}
            chunk = left.pop(0)
            if not left:
                self.before_the_last_chunk()
            return {"type": "http.request", "body": chunk, "more_body": bool(left) or leave}

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self.path(scope, receive, send))
        self.unread = len(left)
        if not sent:
            return None, None
        assert dict(sent[0]["headers"]).get(b"content-length", b"2") == (
            b"%d" % len(sent[1]["body"])
        )
        self.headers = dict(sent[0]["headers"])
        return sent[0]["status"], json.loads(sent[1]["body"])

    def code(self, *arguments: bytes, **options: Any) -> str:
        status, answer = self.send(*arguments, **options)
        assert STATUS[answer["code"]] == status
        return answer["code"]

    @property
    def records(self) -> list[PredictionRecord]:
        return read_from(self.log.folder).records


MakeClient: TypeAlias = Callable[..., Client]


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[MakeClient]:
    made = []

    def make(**options: Any) -> Client:
        made.append(Client(tmp_path / f"log-{len(made)}", **options))
        return made[-1]

    yield make
    for client in made:
        client.log.close()


def test_answer_says_what_made_it(make_client: MakeClient) -> None:
    client = make_client()
    status, answer = client.send(body_of([{"a": 1, "b": 2}, {"b": 0.5, "a": -1}]))
    (record,) = client.records
    assert status == 200
    assert answer == {
        "version": 3,
        "manifest_digest": "d" * 64,
        "feature_graph_hash": A,
        "epoch": 7,
        "predictions": [3.0, -0.5],
        "prediction_ids": record.prediction_ids,
    }
    assert (record.actor, record.time, record.event_time) == ("ada", NOW, NOW)
    assert record.origin.manifest_digest == "d" * 64
    assert record.rows.tolist() == [[1.0, 2.0], [-1.0, 0.5]]


def test_event_time_is_recorded(make_client: MakeClient) -> None:
    client = make_client()
    assert client.send(body_of(event_time="1970-01-01T00:00:01Z"))[0] == 200
    assert client.records[0].event_time == 10**9


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/api/v1/models/m/predict", "http"),
        ("POST", "/api/v1/models/m/status", "http"),
        ("POST", "/api/v1/models//predict", "http"),
        ("POST", "/api/v1/models/a/b/predict", "http"),
        ("POST", "/", "http"),
        ("POST", "/api/v1/models/m/predict", "other"),
    ],
)
def test_everything_else_goes_to_the_application(
    make_client: MakeClient, method: str, path: str, kind: str
) -> None:
    scope = {"type": kind, "method": method, "path": path, "headers": []}
    assert make_client().call(scope) == (299, {})


def test_checks_answer_in_the_order_of_the_contract(make_client: MakeClient) -> None:
    """Every request has all later faults too, so that only the order decides."""
    blocked = Blocked(ModelQuarantined("stopped"), ready().decoder, A)
    late = make_client(
        confirmed_until=1,
        m=ready(),
        stopped=blocked,
        draft=Blocked(NoProductionVersion("promote one")),
    )
    bad, other = b"{", body_of(feature_graph_hash=B)
    huge = {"chunks": [bad * 100_000] * 5}
    wrong = {"content_type": "text/plain"}
    assert late.code(caller="nobody", model="x", **huge, **wrong) == "unauthenticated"
    assert late.code(caller="outsider", model="x", **huge, **wrong) == "forbidden"
    assert late.code(model="x", **huge, **wrong) == "model_not_found"
    assert late.code(model="draft", **huge, **wrong) == "no_production_version"
    assert late.code(model="stopped", **huge, **wrong) == "payload_too_large"
    assert late.code(bad, model="stopped", **wrong) == "unsupported_media_type"
    assert late.code(bad, model="stopped") == "invalid_input"
    assert late.code(other, model="stopped") == "model_quarantined"
    assert late.code(other) == "feature_graph_mismatch"
    assert late.code() == "release_unconfirmed"
    assert late.records == []


@pytest.mark.parametrize(
    ("error", "sent", "code"),
    [
        (ArtifactInvalid("tampered"), A, "artifact_invalid"),
        (ArtifactInvalid("tampered"), B, "feature_graph_mismatch"),
        (FeatureGraphMismatch("apart", differences=[1]), A, "feature_graph_mismatch"),
        (NoProductionVersion("none"), A, "no_production_version"),
    ],
)
def test_blocked_models_say_why(
    make_client: MakeClient, error: TradeworthyError, sent: str, code: str
) -> None:
    client = make_client(m=Blocked(error, ready().decoder, A))
    assert client.code(body_of(feature_graph_hash=sent)) == code


def test_blocked_model_without_a_manifest_still_wants_json(make_client: MakeClient) -> None:
    client = make_client(m=Blocked(ArtifactInvalid("missing")))
    assert client.code(b"{") == "invalid_input"
    assert client.code(b"{}") == "artifact_invalid"


def test_known_mismatch_is_explained(make_client: MakeClient) -> None:
    reported = FeatureGraphMismatch("edited", differences=["a@1: constant N 1 -> 2"])
    client = make_client(m=ready(explain=lambda sent: reported if sent == B else None))
    status, answer = client.send(body_of(feature_graph_hash=B))
    assert status == 409
    assert answer["details"] == {"differences": ["a@1: constant N 1 -> 2"]}
    status, answer = client.send(body_of(feature_graph_hash="c" * 64))
    assert (status, answer["details"]["epoch"]) == (409, 7)


def test_missing_hash_is_shown_how_to_get_it(make_client: MakeClient) -> None:
    status, answer = make_client().send(b'{"rows": [{"a": 1, "b": 2}]}')
    assert (status, answer["details"]) == (422, {"field": "feature_graph_hash"})


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "text/plain"},
        {"content_type": ""},
        {"content_type": "application/jsonx"},
        {"content_type": "application/json; charset=latin-1"},
        {"content_encoding": "gzip"},
        {"drop": ["content-type"]},
    ],
)
def test_other_media_types_are_refused(make_client: MakeClient, headers: dict[str, Any]) -> None:
    assert make_client().code(**headers) == "unsupported_media_type"


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "application/json; charset=utf-8"},
        {"content_type": 'Application/JSON;charset="UTF-8"'},
        {"content_encoding": "identity"},
        {"drop": ["content-length"]},
    ],
)
def test_json_is_accepted_however_it_is_spelled(
    make_client: MakeClient, headers: dict[str, Any]
) -> None:
    assert make_client().send(**headers)[0] == 200


def test_bodies_in_pieces_are_put_together(make_client: MakeClient) -> None:
    body = body_of()
    pieces = [body[:1], b"", body[1:9], body[9:]]
    assert make_client().send(chunks=pieces, drop=["content-length"])[0] == 200


def test_announced_and_unannounced_large_bodies_are_refused(make_client: MakeClient) -> None:
    client = make_client()
    chunk = b" " * 100_000
    assert client.code(chunks=[chunk] * 5) == "payload_too_large"
    assert client.unread == 0
    assert client.headers[b"connection"] == b"close"
    assert client.code(chunks=[chunk] * 5, drop=["content-length"]) == "payload_too_large"
    assert client.code(content_length="99999999999999999999999") == "payload_too_large"
    assert client.code(chunks=[chunk] * 1000, drop=["content-length"]) == "payload_too_large"
    assert client.unread > 900


def test_client_that_leaves_gets_no_answer(make_client: MakeClient) -> None:
    client = make_client()
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/models/m/predict",
        "headers": [(b"authorization", b"Bearer good")],
    }
    assert client.call(scope, [body_of()[:5]], leave=True) == (None, None)
    assert client.records == []


def nobody(header: bytes | None, model: str) -> Never:
    raise Unauthenticated("revoked")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"authorise": nobody}, "unauthenticated"),
        ({"m": None}, "model_not_found"),
        ({"m": Blocked(NoProductionVersion("retired"))}, "no_production_version"),
        ({"m": Blocked(ModelQuarantined("stopped"), ready().decoder, A)}, "model_quarantined"),
        ({"m": ready(bound_hash=B, active_hash=B, running_hash=B)}, "feature_graph_mismatch"),
    ],
)
def test_what_changes_while_a_slow_body_comes_counts(
    make_client: MakeClient, change: dict[str, Any], code: str
) -> None:
    """A client that trickles its body must not predict with a model that was stopped meanwhile."""
    client = make_client()

    def turn() -> None:
        client.authorise = change.get("authorise", authorise)
        routes = {"m": change.get("m", ready())}
        client.table = RouteTable(8, 2**62, {name: r for name, r in routes.items() if r})

    client.before_the_last_chunk = turn
    assert client.code(chunks=[body_of()[:9], body_of()[9:]]) == code
    assert client.records == []


def test_slow_body_is_answered_by_the_version_that_is_current_then(make_client: MakeClient) -> None:
    client = make_client()

    def turn() -> None:
        client.table = RouteTable(8, 2**62, {"m": ready(version=4)})

    client.before_the_last_chunk = turn
    status, answer = client.send(chunks=[body_of()[:9], body_of()[9:]])
    assert (status, answer["version"], answer["epoch"]) == (200, 4, 8)


def test_lease_that_runs_out_while_a_slow_body_comes_counts(make_client: MakeClient) -> None:
    client = make_client(confirmed_until=2000)

    def later() -> None:
        client.now = 2001

    client.before_the_last_chunk = later
    assert client.code(chunks=[body_of()[:9], body_of()[9:]]) == "release_unconfirmed"
    assert client.records == []


@pytest.mark.parametrize("error", [RuntimeError("boom"), ArtifactInvalid("nan"), ValueError()])
def test_failing_model_is_a_503_and_reported_in_the_log(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    client = make_client(m=ready(predictor=Failing(error)))
    assert client.code() == "artifact_invalid"
    assert "version 3 of 'm' failed" in caplog.text
    assert client.records == []


def test_a_failure_of_the_service_itself_is_no_failure_of_the_database(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(header: bytes | None, model: str) -> Never:
        raise KeyError(model)

    client = make_client()
    client.authorise = broken
    assert client.code() == "internal_error"
    assert "KeyError" in caplog.text


@pytest.mark.parametrize("query", [b"version=99", b"version", b"&", b"a=%ff"])
def test_a_query_is_refused_and_not_passed_over(make_client: MakeClient, query: bytes) -> None:
    client = make_client()
    assert client.code(query=query) == "invalid_input"
    assert client.records == []


DAY = 86_400 * 10**9


@pytest.mark.parametrize(
    ("ahead", "accepted"), [(DAY, True), (DAY + 1, False), (200 * 365 * DAY, False)]
)
def test_an_event_is_at_most_a_day_ahead(
    make_client: MakeClient, ahead: int, accepted: bool
) -> None:
    client = make_client()
    moment = np.datetime64(NOW + ahead, "ns")
    status, answer = client.send(body_of(event_time=f"{moment}Z"))
    assert status == (200 if accepted else 422)
    assert accepted or answer["details"] == {"field": "event_time"}
    assert len(client.records) == accepted


def test_large_batches_leave_the_event_loop(make_client: MakeClient) -> None:
    predictor = Sum()
    client = make_client(m=ready(predictor=predictor))
    for count in (1, 4000):
        status, answer = client.send(body_of([{"a": 1, "b": index} for index in range(count)]))
        assert status == 200
        assert answer["predictions"] == [1.0 + index for index in range(count)]
    assert predictor.threads[0] is threading.main_thread()
    assert predictor.threads[1] is not threading.main_thread()
    assert len(client.records) == 2


def test_full_log_is_a_503(make_client: MakeClient) -> None:
    assert make_client(max_pending=0).code() == "prediction_log_full"


def test_counters_count_answers_rows_and_models_that_exist(make_client: MakeClient) -> None:
    client = make_client()
    client.send(body_of([{"a": 1, "b": 2}] * 3))
    client.send(b"{")
    client.send(model="guess-1")
    client.send(model="guess-2")
    counters = client.path.counters
    assert counters.answers == {("m", 200): 1, ("m", 422): 1, ("", 404): 2}
    assert counters.rows == {"m": 3}
    assert sum(counters.latency_buckets) == 1


def test_new_table_takes_over_with_its_own_origin(make_client: MakeClient) -> None:
    client = make_client()
    client.send()
    client.table = RouteTable(8, 2**62, {"m": ready(version=4)})
    assert client.send()[1]["epoch"] == 8
    assert [(r.origin.version, r.origin.epoch) for r in client.records] == [(3, 7), (4, 8)]
