"""Speaking to a service: a server by its URL, or this home's own service in process."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Any

import httpx
from fastapi import FastAPI

from tradeworthy.api.app import create_api
from tradeworthy.api.service import Service, open_service
from tradeworthy.errors import ServerUnreachable, TradeworthyError, rebuild
from tradeworthy.settings import Settings

SECONDS = 900.0


class ServiceClient:
    """Sends requests and raises the errors that come back.

    Parameters
    ----------
    token
        The bearer token, if any.
    server
        The server's URL; None for the home's own service in this process.
    settings
        Where the home is.
    """

    def __init__(self, token: str | None, server: str | None, settings: Settings) -> None:
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._server = server
        self._settings = settings
        self._service: Service | None = None
        self._app: FastAPI | None = None

    def get(self, path: str, **parameters: object) -> Any:
        """Send a GET."""
        return self._send("GET", path, parameters=parameters)

    def post(
        self, path: str, body: Mapping[str, object] | None = None, **parameters: object
    ) -> Any:
        """Send a POST with a JSON body."""
        content = json.dumps(body or {}).encode()
        return self._send(
            "POST", path, content=content, kind="application/json", parameters=parameters
        )

    def send_bytes(
        self, method: str, path: str, content: bytes, kind: str, **parameters: object
    ) -> Any:
        """Send a body as it is."""
        return self._send(method, path, content=content, kind=kind, parameters=parameters)

    def close(self) -> None:
        """Give back what the home's own service holds."""
        if self._service is not None:
            self._service.close()
            self._service = self._app = None

    def _send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        kind: str | None = None,
        parameters: Mapping[str, object],
    ) -> Any:
        headers = {**self._headers, **({"content-type": kind} if kind else {})}
        query = {
            name: list(map(str, value)) if isinstance(value, list) else str(value)
            for name, value in parameters.items()
            if value is not None
        }
        request = {"content": content, "headers": headers, "params": query}
        if self._server is not None:
            response = self._remote(method, path, request)
        else:
            response = asyncio.run(self._local(method, path, request))
        return _unwrap(response)

    def _remote(self, method: str, path: str, request: dict[str, Any]) -> httpx.Response:
        try:
            return httpx.request(method, f"{self._server}{path}", timeout=SECONDS, **request)
        except (httpx.TransportError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ServerUnreachable(
                f"no answer from {self._server} ({error}): is it running, and is --server right?"
            ) from error

    async def _local(self, method: str, path: str, request: dict[str, Any]) -> httpx.Response:
        if self._app is None:
            self._service = open_service(self._settings, randomness=secrets.token_bytes)
            self._app = create_api(self._service)
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", timeout=SECONDS
        ) as client:
            return await client.request(method, path, **request)


def _unwrap(response: httpx.Response) -> Any:
    if response.status_code == httpx.codes.NO_CONTENT:
        return None
    try:
        body = response.json()
    except ValueError as error:
        raise ServerUnreachable(
            f"the answer ({response.status_code}) is not JSON: is --server a Tradeworthy service?"
        ) from error
    if response.is_success:
        return body
    if not isinstance(body, dict) or "code" not in body:
        raise TradeworthyError(f"the server answered {response.status_code}")
    raise rebuild(body["code"], body["detail"], body.get("details") or {})
