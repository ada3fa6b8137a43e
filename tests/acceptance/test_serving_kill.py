"""Kill -9 at random moments under load: every answered prediction is in the log."""

import contextlib
import http.client
import json
import random
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Literal, Never

import pytest

from tradeworthy.base.digests import sha256_hex
from tradeworthy.prediction_log.reader import read_from

A = "a" * 64
BODY = {"feature_graph_hash": A, "event_time": "2024-01-31"}
HEADERS = {"authorization": "Bearer good", "content-type": "application/json"}
CLIENTS = 8


def serve(model: Path, folder: Path, mode: str) -> None:
    """Run the service until it is killed; its port is the first line of its output."""
    import uvicorn

    from tradeworthy.artifacts.predictor import load_predictor
    from tradeworthy.prediction_log.writer import PredictionLog
    from tradeworthy.serving.decoder import make_decoder
    from tradeworthy.serving.hot_path import HotPath
    from tradeworthy.serving.route_table import Ready, RouteTable

    data = model.read_bytes()
    digest = sha256_hex(data)
    predictor = load_predictor(data, format="onnx", expected_sha256=digest, n_inputs=1)
    decoder = make_decoder(("x",), 100, 10_000, predictor.largest)
    route = Ready("m", 5, "d" * 64, digest, A, A, A, predictor, decoder)
    table = RouteTable(1, 2**62, {"m": route})

    async def behind(scope: object, receive: object, send: object) -> Never:
        raise AssertionError(scope)

    app = HotPath(
        behind,
        routes=lambda: table,
        authorise=lambda header, model: SimpleNamespace(name="ada"),
        log=PredictionLog(folder, mode=mode, segment_bytes=20_000),
        problem=lambda error, path: (500, error.message.encode(), []),
    )
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="error", lifespan="off", ws="none")
    uvicorn.Server(config).run([listener])


def identity() -> bytes:
    from onnx import TensorProto, helper

    shape = [None, 1]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "identity",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


class Load:
    """Clients that ask until the server is gone, and remember what they were answered."""

    def __init__(self, port: int, seed: int) -> None:
        self.answered: dict[str, float] = {}
        self.changed = threading.Condition()
        self.refused: list[object] = []
        self.threads = [
            threading.Thread(target=self.ask, args=(port, seed * CLIENTS + index))
            for index in range(CLIENTS)
        ]
        for thread in self.threads:
            thread.start()

    def ask(self, port: int, seed: int) -> None:
        draw = random.Random(seed)
        connection = http.client.HTTPConnection("127.0.0.1", port)
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                values = [draw.randrange(2**20) / 8 for _ in range(draw.choice([1, 1, 40]))]
                rows = [{"x": value} for value in values]
                body = json.dumps(BODY | {"rows": rows})
                connection.request("POST", "/api/v1/models/m/predict", body, HEADERS)
                response = connection.getresponse()
                content = response.read()
                self.remember(response.status, content, values)
        connection.close()

    def remember(self, status: int, content: bytes, values: list[float]) -> None:
        with self.changed:
            if status == 200:
                ids = json.loads(content)["prediction_ids"]
                self.answered.update(zip(ids, values, strict=True))
            else:
                self.refused.append((status, content))
            self.changed.notify()

    def wait_for(self, count: int) -> None:
        with self.changed:
            self.changed.wait_for(lambda: len(self.answered) >= count or self.refused)

    def join(self) -> None:
        for thread in self.threads:
            thread.join()


@pytest.mark.parametrize("mode", ["strict", "fast"])
@pytest.mark.parametrize("kills", [4, pytest.param(100, marks=pytest.mark.acceptance)])
def test_every_answered_prediction_survives_kill_9(
    tmp_path: Path, mode: Literal["strict", "fast"], kills: int
) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(identity())
    folder = tmp_path / "log"
    command = [sys.executable, __file__, str(model), str(folder), mode]
    draw = random.Random(kills)
    cursor, total = None, 0
    for seed in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        with process:
            load = Load(int(process.stdout.readline()), seed)
            load.wait_for(draw.randrange(1, 1500))
            process.kill()
            load.join()
        assert load.refused == []
        scan = read_from(folder, cursor)
        cursor = scan.cursor
        recorded = {}
        for record in scan.records:
            assert (record.origin.version, record.origin.manifest_digest) == (5, "d" * 64)
            assert record.outputs.tolist() == record.rows[:, 0].tolist()
            recorded.update(zip(record.prediction_ids, record.outputs.tolist(), strict=True))
        assert {key: recorded.get(key) for key in load.answered} == load.answered
        assert {fault.kind for fault in scan.faults} <= {"torn"}
        total += len(load.answered)
    assert total >= kills


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
