"""The hot path behind a real server on a real socket: bad input, swaps under load, lost clients."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import uvicorn
from onnx import TensorProto, helper, numpy_helper
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tradeworthy.artifacts.predictor import load_predictor
from tradeworthy.base.digests import sha256_hex
from tradeworthy.errors import ModelQuarantined, TradeworthyError, Unauthenticated
from tradeworthy.prediction_log.reader import read_from
from tradeworthy.prediction_log.writer import PredictionLog
from tradeworthy.serving.decoder import make_decoder
from tradeworthy.serving.hot_path import HotPath
from tradeworthy.serving.route_table import Blocked, Ready, RouteTable

A = "a" * 64
MAX_BYTES = 50_000
PATH = "/api/v1/models/m/predict"
STATUS = {
    "unauthenticated": 401,
    "model_not_found": 404,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "invalid_input": 422,
    "model_quarantined": 423,
    "feature_graph_mismatch": 409,
}


def adding(constant: int) -> bytes:
    """An ONNX model that adds its two inputs and a constant."""
    weights = numpy_helper.from_array(np.ones((2, 1), dtype=np.float32), "w")
    bias = numpy_helper.from_array(np.array([[constant]], dtype=np.float32), "b")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["s"]),
        helper.make_node("Add", ["s", "b"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "adding",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [weights, bias],
    )
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def table(version: int, epoch: int = 1) -> RouteTable:
    data = adding(version)
    digest = sha256_hex(data)
    predictor = load_predictor(data, format="onnx", expected_sha256=digest, n_inputs=2)
    decoder = make_decoder(("open", "close"), 1000, MAX_BYTES, predictor.largest)
    route = Ready("m", version, "d" * 64, digest, A, A, A, predictor, decoder)
    stopped = Blocked(ModelQuarantined("stopped"), decoder, A)
    return RouteTable(epoch, 2**62, {"m": route, "stopped": stopped})


def authorise(header: bytes | None, model: str) -> SimpleNamespace:
    if header != b"Bearer good":
        raise Unauthenticated("send a token")
    return SimpleNamespace(name="ada")


def problem(error: TradeworthyError, path: str) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    body = json.dumps({"code": error.code, "details": error.details}).encode()
    return STATUS[error.code], body, [(b"content-type", b"application/problem+json")]


class Service:
    """A uvicorn server in a thread, with a trivial application behind the hot path."""

    def __init__(self, folder: Path) -> None:
        self.table = table(1)
        self.log = PredictionLog(folder)
        behind = Starlette(routes=[Route("/", lambda request: PlainTextResponse("behind"))])
        self.path = HotPath(
            behind,
            routes=lambda: self.table,
            authorise=authorise,
            log=self.log,
            problem=problem,
            max_bytes=MAX_BYTES,
        )
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self.path, log_level="warning", lifespan="off", ws="none", http="httptools"
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, args=([listener],))
        self.thread.start()

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.log.close()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("log"))
    yield service
    service.close()


def ask(
    connection: http.client.HTTPConnection,
    body: bytes | Iterator[bytes],
    *,
    path: str = PATH,
    **headers: str,
) -> tuple[int, dict[str, Any]]:
    given = {"authorization": "Bearer good", "content-type": "application/json"} | headers
    connection.request("POST", path, body=body, headers=given)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def row(value: int | str, name: str = "close") -> bytes:
    return f'{{"rows": [{{"open": 1, "{name}": {value}}}], "feature_graph_hash": "{A}"}}'.encode()


def test_prediction_and_everything_else(service: Service) -> None:
    connection = service.connect()
    status, answer = ask(connection, row(2))
    assert (status, answer["predictions"], answer["version"]) == (200, [4.0], 1)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"behind"
    connection.close()


BAD = {
    "null": row("null"),
    "NaN": row("NaN"),
    "Infinity": row("Infinity"),
    "minus infinity": row("-Infinity"),
    "overflow": row("1e999"),
    "beyond float32": row("1e39"),
    "huge integer": row("9" * 5000),
    "boolean": row("true"),
    "text": row('"2"'),
    "nested": row("[2]"),
    "missing": f'{{"rows": [{{"open": 1}}], "feature_graph_hash": "{A}"}}'.encode(),
    "other name": row(2, name="high"),
    "extra": row('2, "high": 3'),
    "repeated": row('2, "close": 3'),
    "narrow": f'{{"rows": [[1]], "feature_graph_hash": "{A}"}}'.encode(),
    "empty batch": f'{{"rows": [], "feature_graph_hash": "{A}"}}'.encode(),
    "no hash": b'{"rows": [{"open": 1, "close": 2}]}',
    "bad time": row(2)[:-1] + b', "event_time": "noon"}',
    "unknown field": row(2)[:-1] + b', "model": "m"}',
    "empty": b"",
    "broken": row(2)[:-1],
    "not UTF-8": row('"\xff"').replace(b"\xc3\xbf", b"\xff"),
    "byte order mark": b"\xef\xbb\xbf" + row(2),
    "deep": b"[" * 40_000,
    "entities": b'{"entities": ["X"]}',
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_422_and_leaves_no_record(service: Service, name: str) -> None:
    connection = service.connect()
    before = len(read_from(service.log.folder).records)
    status, answer = ask(connection, BAD[name])
    assert (status, answer["code"]) == (422, "invalid_input")
    # The same connection goes on working.
    assert ask(connection, row(2))[0] == 200
    assert len(read_from(service.log.folder).records) == before + 1
    connection.close()


@pytest.mark.parametrize(
    ("body", "options", "code"),
    [
        (row(2), {"authorization": "Bearer bad"}, "unauthenticated"),
        (row(2), {"path": "/api/v1/models/none/predict"}, "model_not_found"),
        (b" " * (MAX_BYTES + 1), {}, "payload_too_large"),
        (b" " * (7 * MAX_BYTES), {}, "payload_too_large"),
        (row(2), {"content-type": "text/csv"}, "unsupported_media_type"),
        (row(2), {"path": "/api/v1/models/stopped/predict"}, "model_quarantined"),
        (row(2).replace(b"aaa", b"bbb"), {}, "feature_graph_mismatch"),
    ],
)
def test_other_refusals(service: Service, body: bytes, options: dict[str, str], code: str) -> None:
    connection = service.connect()
    status, answer = ask(connection, body, **options)
    assert (status, answer["code"]) == (STATUS[code], code)
    connection.close()


def test_chunked_body_is_bounded_without_a_length(service: Service) -> None:
    connection = service.connect()
    assert ask(connection, iter([row(2)[:7], row(2)[7:]]))[0] == 200
    assert ask(connection, iter([b" " * 10_000] * 8))[0] == 413
    connection.close()


def test_client_that_never_stops_sending_is_cut_off(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port)) as client:
        head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\n"
        client.sendall(f"{head}content-length: 999999999\r\n\r\n".encode())
        with pytest.raises(ConnectionError):
            for _ in range(100_000):
                client.sendall(b" " * 10_000)
    connection = service.connect()
    assert ask(connection, row(2))[0] == 200
    connection.close()


def test_clients_that_leave_do_no_harm(service: Service) -> None:
    head = (
        f"POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\n"
        "content-type: application/json\r\ncontent-length: 100\r\n\r\n"
    )
    for part in (head[:20], head, head + '{"rows"'):
        with socket.create_connection(("127.0.0.1", service.port)) as leaving:
            leaving.sendall(part.encode())
    connection = service.connect()
    assert ask(connection, row(2))[0] == 200
    connection.close()


def test_hundred_swaps_under_load_fail_no_request(service: Service) -> None:
    """Each version adds its own number, so an answer that mixed two versions would show."""
    tables = [table(version, epoch=version) for version in range(1, 11)]
    done = threading.Event()
    wrong, answered, versions = [], [], set()

    def load() -> None:
        connection = service.connect()
        while not done.is_set():
            status, answer = ask(connection, row(2))
            version = answer.get("version")
            if status != 200 or answer["predictions"] != [3.0 + version]:
                wrong.append((status, answer))
            versions.add(version)
            answered.extend(answer.get("prediction_ids", ()))
        connection.close()

    clients = [threading.Thread(target=load) for _ in range(4)]
    for client in clients:
        client.start()
    for swap in range(100):
        service.table = tables[swap % len(tables)]
        seen = len(answered)
        while len(answered) < seen + 5 and not wrong and any(c.is_alive() for c in clients):
            clients[0].join(0.001)
    done.set()
    for client in clients:
        client.join()
    service.table = tables[0]
    assert wrong == []
    assert len(versions) == 10
    assert len(answered) >= 500
    recorded = {
        identifier: record.origin.version
        for record in read_from(service.log.folder).records
        for identifier in record.prediction_ids
    }
    assert set(answered) <= set(recorded)
