"""A process of its own that answers first requests and says what they left it to do.

``HOME BARS``: the home to serve, and a file of market data to send. It prints JSON: the modules
that requests imported, where they changed the process's warning filters, and the answers.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import traceback
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx

from tradeworthy.api.app import create_app
from tradeworthy.api.management_app import create_api
from tradeworthy.base.settings import read_settings
from tradeworthy.runtime.service import open_service

KNOWN = {
    "model": "m",
    "version": "3",
    "sha256": "0" * 64,
    "digest": "0" * 64,
    "token_id": "0" * 16,
    "job": "0" * 32,
}
READS = ("models", "models/m/status", "models/m/versions", "ml/versions", "ml/m/history")
BYTES = "application/octet-stream"
CLIENTS = 8

Request = tuple[str, str, dict[str, Any]]


class WatchedFilters(warnings.catch_warnings):  # type: ignore[type-arg]
    """Notes who changes the filters for a moment, which holds for every thread."""

    changed: list[str] = []  # noqa: RUF012 - one list for all

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.changed.append("".join(traceback.format_stack(limit=4)))


async def answer_all(app: Any, token: str, requests: Iterable[Request]) -> list[int]:
    """Return the statuses of the answers."""
    headers = {"authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", headers=headers, timeout=None
    ) as client:
        return [
            (await client.request(method, path, **options)).status_code
            for method, path, options in requests
        ]


def upload(bars: bytes) -> Request:
    """Return a request that sends market data: the one that may load what reads them."""
    options = {"content": bars, "headers": {"content-type": BYTES}}
    return "POST", "/api/v1/ml/datasets?name=market", options


def every_request(document: dict[str, Any]) -> list[Request]:
    """Return a request of every operation, and some that come to the end of what they do."""
    requests: list[Request] = [
        ("GET", "/nowhere", {}),
        ("GET", "/openapi.json", {}),
        ("POST", "/api/v1/ml/m/promote", {"json": {"version": 3, "dry_run": True}}),
        ("POST", "/api/v1/ml/drift/scans", {"json": {}}),
    ]
    for template, item in document["paths"].items():
        for method in item:
            body = {} if method == "get" else {"json": {}}
            requests.append((method.upper(), template.format(**KNOWN), body))
    return requests


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """Answer with nothing: what the client itself imports is imported then."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def at_once(app: Any, token: str) -> list[int]:
    """Read in several threads that begin together."""
    start = Barrier(CLIENTS)

    def read(client: int) -> list[int]:
        paths = READS[client % len(READS) :] + READS[: client % len(READS)]
        start.wait()
        return asyncio.run(answer_all(app, token, [("GET", f"/api/v1/{p}", {}) for p in paths]))

    with ThreadPoolExecutor(CLIENTS) as threads:
        return [status for found in threads.map(read, range(CLIENTS)) for status in found]


def main(home: Path, bars: Path) -> None:
    """Answer, and say what that took."""
    token = (home / "all.token").read_text(encoding="ascii").strip()
    settings = read_settings(home=home, scheduler=False)
    app = create_app(settings)
    asyncio.run(answer_all(nothing, token, [("POST", "/", {"json": {}})]))
    api: Any = app._app
    requests = every_request(api.openapi())
    warnings.catch_warnings = WatchedFilters  # type: ignore[misc]
    before = set(sys.modules)
    statuses = asyncio.run(answer_all(app, token, requests))
    imported = sorted(set(sys.modules) - before)
    requests.append(upload(bars.read_bytes()))
    statuses += asyncio.run(answer_all(app, token, requests[-1:]))
    warnings.catch_warnings = WatchedFilters.__base__  # type: ignore[assignment, misc]
    fresh = create_api(open_service(settings, randomness=secrets.token_bytes))
    warnings.catch_warnings = WatchedFilters  # type: ignore[misc]
    together = at_once(fresh, token)
    reported = {
        "imported": imported,
        "filters": WatchedFilters.changed,
        "answers": [[*each[:2], status] for each, status in zip(requests, statuses, strict=True)],
        "together": together,
    }
    print(json.dumps(reported), flush=True)
    # The service's own threads would be waited for.
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
