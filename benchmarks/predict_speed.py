"""Single-row predictions a second: the whole service beside a bare hello, FastAPI and MLflow.

``strict`` and ``fast`` are `tradeworthy serve` on a home with a model in PRODUCTION: token, route
table, decoder, model, prediction log (strict answers after the disk has the record). ``hello`` is
uvicorn as it comes (httptools, uvloop, one worker) with an application of two words;
``fastapi`` is what one would write first: a pydantic body and the same model in the same runtime,
without token, log, version or hash; ``mlflow`` is `mlflow models serve` with the same model, one
worker, in the peers' environment. The load comes from another process over keep-alive connections.
Rounds alternate between the servers, so that the ratios stand even where the absolute numbers of a
shared machine do not.

    python benchmarks/predict_speed.py [--rounds 5] [--seconds 2] [--connections 64]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from measure import PeerMissing, header, peer_python, report
from production_home import FEATURES, MODEL, TREES, deploy, forest

SERVERS = ("hello", "strict", "fast", "fastapi", "mlflow")
PATH = f"/api/v1/models/{MODEL}/predict"
SERVE = "from tradeworthy.cli.app import run; run()"
START_SECONDS = 90


async def hello(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer anything with two words."""
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"11")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello world"})


def fastapi_app(artifact: Path) -> Any:
    """Build what one would write first: FastAPI, a pydantic body and the same forest."""
    import onnxruntime
    from fastapi import FastAPI
    from pydantic import BaseModel, create_model

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(artifact.read_bytes(), options)
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


def serve(kind: str, port: int, artifact: Path) -> None:
    """Run the hello or the plain FastAPI server until its input ends."""
    import uvicorn

    app = hello if kind == "hello" else fastapi_app(artifact)
    uvicorn.run(
        app,
        port=port,
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        lifespan="off",
    )


def request_bytes(kind: str, rows: int, token: str, graph_hash: str) -> bytes:
    """Build one request as it goes over the wire."""
    draw = np.random.default_rng(3)
    values = draw.normal(size=(rows, len(FEATURES))).tolist()
    content: dict[str, Any] = {
        "rows": [dict(zip(FEATURES, row, strict=True)) for row in values],
        "feature_graph_hash": graph_hash,
        "event_time": "2024-01-31T16:00:00Z",
    }
    path = PATH
    if kind == "mlflow":
        content = {"dataframe_split": {"columns": list(FEATURES), "data": values}}
        path = "/invocations"
    body = json.dumps(content).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {token}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def cpu_seconds(pid: int) -> float:
    """Read user and system time of a process; NaN where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    kind: str
    port: int
    pid: int
    request: Path


SAVE = """
import sys, onnx, mlflow.onnx
mlflow.onnx.save_model(onnx.load(sys.argv[1]), sys.argv[2], pip_requirements=["onnxruntime"])
"""


@contextmanager
def started(kind: str, folder: Path, options: argparse.Namespace) -> Iterator[Running]:
    """Start a server in a process group of its own and wait until it predicts."""
    folder.mkdir()
    artifact = folder / "forest.onnx"
    artifact.write_bytes(forest(options.trees))
    port = free_port()
    environment = dict(os.environ)
    token = graph_hash = "none"
    command = [sys.executable, __file__, "--serve", kind, "--port", str(port)]
    command += ["--artifact", str(artifact)]
    if kind in {"strict", "fast"}:
        home = deploy(folder / "home", options.trees)
        token, graph_hash = home.token, home.feature_graph_hash
        environment |= {
            "TRADEWORTHY_HOME": str(home.settings.home),
            "TRADEWORTHY_PORT": str(port),
            "TRADEWORTHY_PREDICTION_LOG": kind,
        }
        command = [sys.executable, "-c", SERVE, "serve"]
    elif kind == "mlflow":
        python = peer_python("mlflow")
        saved = folder / "saved"
        subprocess.run(
            [python, "-W", "ignore", "-c", SAVE, str(artifact), str(saved)],
            check=True,
            capture_output=True,
        )
        command = [python, "-W", "ignore", "-m", "mlflow", "models", "serve", "-m", str(saved)]
        command += ["--env-manager", "local", "--port", str(port), "--workers", "1"]
        environment["PATH"] = f"{Path(python).parent}{os.pathsep}{environment['PATH']}"
    request = folder / "request"
    request.write_bytes(request_bytes(kind, options.rows, token, graph_hash))
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_for(kind, port, process, folder)
        yield Running(kind, port, process.pid, request)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(kind: str, port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until the server says that it is ready."""
    path = {"strict": "readyz", "fast": "readyz", "mlflow": "ping", "fastapi": "docs"}.get(kind, "")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5).close()
        except (OSError, urllib.error.HTTPError):
            time.sleep(0.05)
        else:
            return
    log = (folder / "server.log").read_text(errors="replace")
    raise SystemExit(f"the {kind} server did not start:\n{log[-3000:]}")


def answer(server: Running) -> float | None:
    """Return what a server predicts for the first row."""
    _, _, body = server.request.read_bytes().partition(b"\r\n\r\n")
    head = server.request.read_bytes().split(b"\r\n")
    path = head[0].split()[1].decode()
    headers = dict(line.decode().split(": ", 1) for line in head[1:4])
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", body, headers)
    with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310 - our own server
        text = reply.read()
    if server.kind == "hello":
        return None
    first = json.loads(text)["predictions"][0]
    if isinstance(first, dict):  # MLflow names the output
        (first,) = first.values()
    return float(np.ravel(first)[0])


def check_answers(servers: list[Running]) -> None:
    """Refuse to compare servers that do not predict the same."""
    values = {server.kind: answer(server) for server in servers}
    known = [value for value in values.values() if value is not None]
    assert not known or np.ptp(known) <= 1e-4 * max(1.0, abs(known[0])), values


def measure(server: Running, connections: int, seconds: float) -> dict[str, Any]:
    """Load one server from another process."""
    program = Path(__file__).with_name("http_load.py")
    command = [sys.executable, str(program), str(server.port), str(server.request)]
    command += [str(connections), str(seconds)]
    before = cpu_seconds(server.pid)
    output = subprocess.run(command, check=True, capture_output=True).stdout
    result: dict[str, Any] = json.loads(output)
    assert result["failures"] == 0, f"some answers of {server.kind} were no 200"
    # The warm-up is loaded like the rest; the client's start is not.
    result["cpu"] = (cpu_seconds(server.pid) - before) / (result["rate"] * (seconds + 0.3)) * 1e6
    return result


def compare(
    servers: list[Running], connections: int, rounds: int, seconds: float
) -> dict[str, Any]:
    """Run the rounds, print medians, return every kind's ratio to every other's rate."""
    runs: dict[str, list[dict[str, Any]]] = {server.kind: [] for server in servers}
    for _ in range(rounds):
        for server in servers:
            runs[server.kind].append(measure(server, connections, seconds))
    print(f"\n{connections} connection(s), {rounds} rounds of {seconds} s")
    print(f"{'server':<10}", *(f"{name:>10}" for name in ("req/s", "p50 ms", "p99 ms", "CPU us")))
    for kind, seen in runs.items():
        middle = {key: statistics.median(run[key] for run in seen) for key in seen[0]}
        cpu = f"{middle['cpu']:>10.0f}" if kind != "mlflow" else f"{'-':>10}"
        rate, p50, p99 = middle["rate"], middle["p50"], middle["p99"]
        print(f"{kind:<10} {rate:>10.0f} {p50:>10.2f} {p99:>10.2f} {cpu}")
    return {
        f"{one}/{other}": statistics.median(
            a["rate"] / b["rate"] for a, b in zip(runs[one], runs[other], strict=True)
        )
        for one in runs
        for other in runs
    }


def tell(ratios: dict[str, float], connections: int, missing: str) -> None:
    """Print the ratios beside their budgets."""
    lead = f"predict, {connections} connection(s)"
    for mode in ("strict", "fast"):
        for other, budget in (("hello", 0.25), ("fastapi", None), ("mlflow", 40.0)):
            ratio = ratios.get(f"{mode}/{other}")
            if ratio is None and other != "mlflow":
                continue
            # A lone client of the strict log waits for the disk: its rate has no budget.
            known = budget if connections > 1 else None
            what = {
                "hello": "bare hello",
                "fastapi": "plain FastAPI, same model",
                "mlflow": "mlflow models serve, same model",
            }[other]
            report(
                f"{lead}, {mode} log: rate of {what}",
                ratio,
                at_least=known,
                why="" if ratio else missing,
            )


def run(options: argparse.Namespace) -> None:
    """Start the servers, check that they agree, load them in turns."""
    print(header("uvicorn", "httptools", "uvloop", "onnxruntime", "msgspec", "fastapi"))
    print(f"{options.rows} row(s) of {len(FEATURES)} features, {options.trees} trees, one worker")
    missing = "left out"
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        print(f"append of 4 KB with fdatasync: {sync_microseconds(Path(name)):.0f} us")
        servers = []
        for kind in options.servers:
            try:
                servers.append(stack.enter_context(started(kind, Path(name) / kind, options)))
            except PeerMissing as error:
                missing = str(error)
        check_answers(servers)
        for connections in (options.connections, 1):
            ratios = compare(servers, connections, options.rounds, options.seconds)
            tell(ratios, connections, missing)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rows", type=int, default=1)
    parser.add_argument("--trees", type=int, default=TREES)
    parser.add_argument("--servers", nargs="+", default=SERVERS, choices=SERVERS)
    parser.add_argument("--serve", choices=("hello", "fastapi"), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--artifact", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.port, options.artifact)
    else:
        run(options)


if __name__ == "__main__":
    main()
