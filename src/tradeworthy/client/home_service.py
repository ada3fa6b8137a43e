"""A home's own service in this process: the same routes as over HTTP, without a server."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tradeworthy.client.transport import SECONDS, Answer, Request

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tradeworthy.base.settings import Settings
    from tradeworthy.runtime.service import Service


class HomeService:
    """A home's own service in this process, opened at the first request."""

    def __init__(self, settings: Settings) -> None:
        # Whoever speaks to it may go to another folder meanwhile.
        self._settings = settings.absolute()
        self._service: Service | None = None
        self._app: FastAPI | None = None

    def __str__(self) -> str:
        return f"the home {self._settings.home}"

    def send(self, request: Request) -> Answer:
        """Answer one request."""
        if not _in_a_loop():
            return asyncio.run(self._send(request))
        # A notebook's cells run inside a loop, which takes no second one in its thread.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, self._send(request)).result()

    async def _send(self, request: Request) -> Answer:
        # A request that is not understood is refused before this is loaded.
        import httpx

        transport = httpx.ASGITransport(self._opened(), raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", timeout=SECONDS
        ) as client:
            response = await client.request(
                request.method,
                request.path,
                content=request.content,
                headers=request.headers,
                params=request.query,
            )
        return Answer(response.status_code, response.content)

    def _opened(self) -> FastAPI:
        if self._app is None:
            # A client of a server needs none of this.
            from tradeworthy.api.management_app import create_api
            from tradeworthy.runtime.service import open_service

            self._service = open_service(self._settings, randomness=secrets.token_bytes)
            self._app = create_api(self._service)
        return self._app

    def close(self) -> None:
        """Give back what the service holds."""
        if self._service is not None:
            self._service.close()
            self._service = self._app = None


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
