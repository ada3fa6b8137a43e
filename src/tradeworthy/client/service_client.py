"""Speaking to a service: a server by its URL, or this home's own service in process."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from tradeworthy.errors import (
    ServerUnreachable,
    SettingsInvalid,
    TradeworthyError,
    Unauthenticated,
    rebuild,
)

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tradeworthy.base.settings import Settings
    from tradeworthy.runtime.service import Service

SECONDS = 900.0
# A host that is away says nothing; a backtest may well take long.
CONNECT_SECONDS = 10.0
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@contextmanager
def open_client(
    *, home: Path | None = None, server: str | None = None, token: str | None = None
) -> Iterator[ServiceClient]:
    """Open a client for a server if one is named, else for a home.

    Parameters
    ----------
    home
        The home folder; from the settings by default.
    server
        A server's URL.
    token
        The bearer token.
    """
    service: HomeService | RemoteService
    if server:
        service = RemoteService(server)
    else:
        from tradeworthy.base.settings import read_settings

        service = HomeService(read_settings(home=home))
    try:
        yield ServiceClient(service, token)
    finally:
        service.close()


def read_token(file: Path | None, token: str | None = None) -> str | None:
    """Return the token in a file, or the one given where no file is.

    Raises
    ------
    Unauthenticated
        If the file cannot be read, or its content cannot be a token; it is never quoted.
    """
    if file is not None:
        try:
            token = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Unauthenticated(f"cannot read the token file {file}") from error
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise Unauthenticated(
            f"{file or 'TRADEWORTHY_TOKEN'} does not hold one token: a token is one word"
        )
    return token or None


class HomeService:
    """A home's own service in this process, opened when it is first asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._service: Service | None = None
        self._app: FastAPI | None = None

    def send(self, method: str, path: str, request: Mapping[str, Any]) -> httpx.Response:
        """Answer one request."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self._send(method, path, request))
        # A notebook's cells run inside a loop, which takes no second one in its thread.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, self._send(method, path, request)).result()

    async def _send(self, method: str, path: str, request: Mapping[str, Any]) -> httpx.Response:
        if self._app is None:
            # A client of a server needs none of this.
            from tradeworthy.api.app import create_api
            from tradeworthy.runtime.service import open_service

            self._service = open_service(self._settings, randomness=secrets.token_bytes)
            self._app = create_api(self._service)
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", timeout=SECONDS
        ) as client:
            return await client.request(method, path, **request)

    def close(self) -> None:
        """Give back what the service holds."""
        if self._service is not None:
            self._service.close()
            self._service = self._app = None


class RemoteService:
    """A server by its URL; its connection is kept.

    A redirect is not followed and a loopback address is asked without a proxy: no other host ever
    gets the token.

    Parameters
    ----------
    url
        ``http://`` or ``https://``, host, and port and path prefix if it has them.

    Raises
    ------
    SettingsInvalid
        For another URL, and for proxies or certificates in the environment that cannot be used.
    """

    def __init__(self, url: str) -> None:
        self._url = _checked_url(url)
        try:
            self._client = httpx.Client(
                timeout=httpx.Timeout(SECONDS, connect=CONNECT_SECONDS),
                follow_redirects=False,
                mounts={f"all://{host}": None for host in _LOOPBACK},
            )
        except (ValueError, OSError, httpx.InvalidURL) as error:
            raise SettingsInvalid(
                f"the environment's proxy or certificate settings cannot be used ({error}): "
                "correct HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE or SSL_CERT_DIR"
            ) from error

    def send(self, method: str, path: str, request: Mapping[str, Any]) -> httpx.Response:
        """Answer one request."""
        try:
            response = self._client.request(method, f"{self._url}{path}", **request)
        except httpx.RequestError as error:
            told = str(error) or type(error).__name__
            raise ServerUnreachable(
                f"no answer from {self._url} ({told}): is it running, and is --server right?"
            ) from error
        if response.has_redirect_location:
            raise ServerUnreachable(
                f"{self._url} redirects to {response.headers['location'][:200]}, where your token "
                "is not sent: if that is the service, name it with --server"
            )
        return response

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _checked_url(text: str) -> str:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise SettingsInvalid("--server is not a URL such as https://models.example:8765")
    if url.userinfo:
        # It would be sent instead of the token; here it is not quoted either.
        raise SettingsInvalid("--server has a user or password in it: leave them out")
    return text.rstrip("/")


class ServiceClient:
    """Sends requests and raises the errors that come back.

    Parameters
    ----------
    service
        The server, or the home's own service.
    token
        The bearer token, if any.
    """

    def __init__(self, service: HomeService | RemoteService, token: str | None) -> None:
        self._service = service
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

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

    def post_as_job(self, path: str, body: Mapping[str, object]) -> Any:
        """Send a POST with a JSON body; the answer is a job, whose result comes later."""
        return self._send(
            "POST",
            path,
            content=json.dumps(body).encode(),
            kind="application/json",
            prefer="respond-async",
            parameters={},
        )

    def send_bytes(
        self, method: str, path: str, content: bytes, kind: str, **parameters: object
    ) -> Any:
        """Send a body as it is."""
        return self._send(method, path, content=content, kind=kind, parameters=parameters)

    def _send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        kind: str | None = None,
        prefer: str | None = None,
        parameters: Mapping[str, object],
    ) -> Any:
        told = {"content-type": kind, "prefer": prefer}
        headers = self._headers | {name: text for name, text in told.items() if text}
        query = {
            name: list(map(_text, value)) if isinstance(value, list) else _text(value)
            for name, value in parameters.items()
            if value is not None
        }
        request = {"content": content, "headers": headers, "params": query}
        return _unwrap(self._service.send(method, _quoted(path), request))


def _text(value: object) -> str:
    # Bytes of an argument that are no UTF-8 come as halves of surrogate pairs.
    return str(value).encode(errors="replace").decode()


def _quoted(path: str) -> str:
    """Return a path whose segments are sent as they are, whatever a user called a model.

    Examples
    --------
    >>> _quoted("/api/v1/models/m?x/../status")
    '/api/v1/models/m%3Fx/%2E%2E/status'
    """
    segments = (quote(segment, safe="", errors="replace") for segment in path.split("/"))
    return "/".join(each.replace(".", "%2E") if each in {".", ".."} else each for each in segments)


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
    told = body if isinstance(body, dict) else {}
    code, detail, details = (told.get(name) for name in ("code", "detail", "details"))
    if not (isinstance(code, str) and isinstance(detail, str)):
        raise TradeworthyError(
            f"the server answered {response.status_code} without saying why: is --server a "
            "Tradeworthy service?"
        )
    raise rebuild(code, detail, details if isinstance(details, dict) else {})
