"""Single-row predictions a second: Tradeworthy's hot path beside a bare hello and plain FastAPI.

Every server is one uvicorn worker (httptools, uvloop) on a free loopback port; the load comes from
another process over keep-alive connections. Rounds alternate between the servers, so that the
ratios stand even where the absolute numbers of a shared machine do not.

    python benchmarks/predict_speed.py [--rounds 5] [--seconds 2] [--connections 32]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from measure import header

FEATURES = tuple(f"feature_{index:02d}" for index in range(20))
TREES, DEPTH = 200, 5
HASH = "a" * 64
TOKEN = b"Bearer benchmark"
PATH = "/api/v1/models/alpha/predict"
SERVERS = ("hello", "strict", "fast", "fastapi")


def forest() -> bytes:
    """Make an ONNX forest of complete trees: float32 ``[batch, 20]`` to ``[batch, 1]``."""
    from onnx import TensorProto, helper

    draw = np.random.default_rng(7)
    inner, leaves = 2**DEPTH - 1, 2**DEPTH
    ids = np.arange(inner + leaves)
    is_leaf = ids >= inner
    trees = np.repeat(np.arange(TREES), len(ids))
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["rows"],
        ["value"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=trees.tolist(),
        nodes_nodeids=np.tile(ids, TREES).tolist(),
        nodes_featureids=draw.integers(0, len(FEATURES), len(trees)).tolist(),
        nodes_values=draw.normal(size=len(trees)).tolist(),
        nodes_modes=["LEAF" if leaf else "BRANCH_LEQ" for leaf in is_leaf] * TREES,
        nodes_truenodeids=np.tile(np.where(is_leaf, 0, 2 * ids + 1), TREES).tolist(),
        nodes_falsenodeids=np.tile(np.where(is_leaf, 0, 2 * ids + 2), TREES).tolist(),
        nodes_missing_value_tracks_true=[0] * len(trees),
        target_treeids=np.repeat(np.arange(TREES), leaves).tolist(),
        target_nodeids=np.tile(ids[is_leaf], TREES).tolist(),
        target_ids=[0] * (TREES * leaves),
        target_weights=draw.normal(size=TREES * leaves).tolist(),
    )
    graph = helper.make_graph(
        [node],
        "forest",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, len(FEATURES)])],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


async def hello(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer anything with two words."""
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"11")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello world"})


def hot_app(mode: Any, folder: Path) -> Any:
    """Build the hot path over the forest, with the prediction log in ``mode``."""
    from dataclasses import dataclass

    from tradeworthy.digests import sha256_hex
    from tradeworthy.errors import Unauthenticated
    from tradeworthy.serving.decoder import make_decoder
    from tradeworthy.serving.hot_path import HotPath
    from tradeworthy.serving.prediction_log import PredictionLog
    from tradeworthy.serving.predictor import load_predictor
    from tradeworthy.serving.route_table import Ready, RouteTable

    @dataclass(frozen=True)
    class Caller:
        name: str

    data = forest()
    digest = sha256_hex(data)
    predictor = load_predictor(data, format="onnx", expected_sha256=digest, n_inputs=len(FEATURES))
    route = Ready(
        model="alpha",
        version=1,
        manifest_digest="b" * 64,
        artifact_sha256=digest,
        bound_hash=HASH,
        active_hash=HASH,
        running_hash=HASH,
        predictor=predictor,
        decoder=make_decoder(FEATURES, 1000, 1_000_000, predictor.largest),
    )
    table = RouteTable(1, 2**62, {"alpha": route})
    callers = {TOKEN: Caller("benchmark")}

    def authorise(header: bytes | None, _model: str) -> Caller:
        caller = callers.get(header or b"")
        if caller is None:
            raise Unauthenticated("send a token")
        return caller

    return HotPath(
        hello,
        routes=lambda: table,
        authorise=authorise,
        log=PredictionLog(folder, mode=mode),
        problem=lambda error, _path: (500, str(error).encode(), []),
    )


def fastapi_app() -> Any:
    """Build what one would write first: FastAPI, a pydantic body and the same forest."""
    import onnxruntime
    from fastapi import FastAPI
    from pydantic import BaseModel, create_model

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(forest(), options)
    row: Any = create_model("Row", **dict.fromkeys(FEATURES, (float, ...)))

    class Body(BaseModel):
        rows: list[row]
        feature_graph_hash: str | None = None
        event_time: str | None = None

    app = FastAPI()

    async def predict(body: Body) -> dict[str, Any]:
        rows = [[getattr(each, name) for name in FEATURES] for each in body.rows]
        (values,) = session.run(None, {"rows": np.array(rows, dtype=np.float32)})
        return {"predictions": values[:, 0].tolist(), "version": 1}

    predict.__annotations__["body"] = Body
    app.post("/api/v1/models/{model}/predict")(predict)
    return app


def serve(kind: str, port: int, folder: Path) -> None:
    """Run one server until it is told to end."""
    import uvicorn

    app = (
        hello if kind == "hello" else fastapi_app() if kind == "fastapi" else hot_app(kind, folder)
    )
    uvicorn.run(
        app,
        port=port,
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        lifespan="off",
    )


def request_bytes(rows: int) -> bytes:
    """Build one request as it goes over the wire."""
    draw = np.random.default_rng(3)
    values = [dict(zip(FEATURES, draw.normal(size=20).tolist(), strict=True)) for _ in range(rows)]
    content = {"rows": values, "feature_graph_hash": HASH, "event_time": "2024-01-31T16:00:00Z"}
    body = json.dumps(content).encode()
    head = (
        f"POST {PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"authorization: {TOKEN.decode()}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Caller(asyncio.Protocol):
    """One keep-alive connection that always has one request under way."""

    def __init__(self, request: bytes, latencies: list[float], failures: list[bytes]) -> None:
        self.request = request
        self.latencies = latencies
        self.failures = failures
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.asked = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self.latencies.append(time.perf_counter() - self.asked)
        if not self.buffer.startswith(b"HTTP/1.1 200"):
            self.failures.append(self.buffer)
        self.buffer = b""
        self.ask()


async def load(port: int, seconds: float, connections: int, rows: int) -> dict[str, Any]:
    """Keep ``connections`` busy for a while and report what they saw."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    failures: list[bytes] = []
    request = request_bytes(rows)
    opened = [
        await loop.create_connection(
            lambda: Caller(request, latencies, failures), "127.0.0.1", port
        )
        for _ in range(connections)
    ]
    await asyncio.sleep(0.3)
    latencies.clear()
    started = time.perf_counter()
    await asyncio.sleep(seconds)
    elapsed = time.perf_counter() - started
    seen = sorted(latencies)
    for transport, _ in opened:
        transport.abort()
    return {
        "rate": len(seen) / elapsed,
        "p50": seen[len(seen) // 2] * 1e3,
        "p99": seen[int(len(seen) * 0.99)] * 1e3,
        "failures": len(failures),
    }


def cpu_seconds(pid: int) -> float:
    """Read user and system time of a process; NaN where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def server(kind: str, folder: Path) -> Iterator[tuple[int, int]]:
    """Start a server in a process of its own; yield its port and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, __file__, "--serve", kind, "--port", str(port)]
    process = subprocess.Popen([*command, "--folder", str(folder / kind)])
    try:
        wait_for(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port: int) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the server did not start within 30 s")


def sync_microseconds(folder: Path, size: int = 4096, count: int = 50) -> float:
    """Measure one append with fdatasync here, the floor of the strict log's latency."""
    descriptor = os.open(folder / "probe", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    taken = []
    for _ in range(count):
        started = time.perf_counter()
        os.write(descriptor, bytes(size))
        os.fdatasync(descriptor)
        taken.append(time.perf_counter() - started)
    os.close(descriptor)
    return statistics.median(taken) * 1e6


def measure(port: int, pid: int, options: argparse.Namespace) -> dict[str, Any]:
    """Load one server from another process."""
    command = [sys.executable, __file__, "--load", "--port", str(port)]
    command += ["--seconds", str(options.seconds), "--rows", str(options.rows)]
    command += ["--connections", str(options.connections)]
    before = cpu_seconds(pid)
    output = subprocess.run(command, check=True, capture_output=True).stdout
    result: dict[str, Any] = json.loads(output)
    assert result["failures"] == 0, "some answers were no 200"
    # The warm-up is loaded like the rest; the client's start is not.
    result["cpu"] = (cpu_seconds(pid) - before) / (result["rate"] * (options.seconds + 0.3)) * 1e6
    return result


def compare(options: argparse.Namespace) -> None:
    """Run the rounds and print medians and ratios."""
    print(header("uvicorn", "httptools", "uvloop", "onnxruntime", "msgspec", "fastapi"))
    print(
        f"{options.rows} row(s) of {len(FEATURES)} features, {TREES} trees, "
        f"{options.connections} connections, {options.rounds} rounds of {options.seconds} s"
    )
    results: dict[str, list[dict[str, Any]]] = {kind: [] for kind in options.servers}
    with tempfile.TemporaryDirectory() as name:
        print(f"append of 4 KB with fdatasync: {sync_microseconds(Path(name)):.0f} us")
        for _ in range(options.rounds):
            for kind in options.servers:
                with server(kind, Path(name)) as (port, pid):
                    results[kind].append(measure(port, pid, options))
    columns = ("req/s", "p50 ms", "p99 ms", "CPU us", "of hello", "by CPU")
    print(f"{'server':<10}", *(f"{name:>9}" for name in columns), sep="")
    for kind, runs in results.items():
        middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        pairs = list(zip(runs, results[options.servers[0]], strict=True))
        ratio = statistics.median(run["rate"] / base["rate"] for run, base in pairs)
        by_cpu = statistics.median(base["cpu"] / run["cpu"] for run, base in pairs)
        print(
            f"{kind:<10}{middle['rate']:>9.0f}{middle['p50']:>9.2f}{middle['p99']:>9.2f}"
            f"{middle['cpu']:>9.0f}{ratio:>9.2f}{by_cpu:>9.2f}"
        )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rows", type=int, default=1)
    parser.add_argument("--servers", nargs="+", default=SERVERS, choices=SERVERS)
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    parser.add_argument("--load", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.port, options.folder)
    elif options.load:
        import uvloop

        work = load(options.port, options.seconds, options.connections, options.rows)
        print(json.dumps(uvloop.run(work)))
    else:
        compare(options)


if __name__ == "__main__":
    main()
