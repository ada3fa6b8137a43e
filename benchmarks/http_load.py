"""Keep connections to a server busy with one request; `predict_speed` runs it in another process.

    python benchmarks/http_load.py PORT FILE CONNECTIONS SECONDS

FILE holds the whole request as it goes over the wire; the answer is JSON on standard output.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import uvloop


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
        self.sent_at = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self.latencies.append(time.perf_counter() - self.sent_at)
        if not self.buffer.startswith(b"HTTP/1.1 200"):
            self.failures.append(self.buffer)
        self.buffer = b""
        self.ask()


async def load(port: int, seconds: float, connections: int, request: bytes) -> dict[str, Any]:
    """Keep ``connections`` busy for a while and report what they saw."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    failures: list[bytes] = []
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


if __name__ == "__main__":
    port, file, connections, seconds = sys.argv[1:]
    work = load(int(port), float(seconds), int(connections), Path(file).read_bytes())
    print(json.dumps(uvloop.run(work)))
