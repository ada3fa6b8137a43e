"""One person's connection to a service: JSON out, JSON in, errors as exceptions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from tradeworthy.client.answers import content_of
from tradeworthy.client.home_service import HomeService
from tradeworthy.client.transport import Request, Transport
from tradeworthy.errors import InvalidInput, ServerUnreachable

JSON, BYTES = "application/json", "application/octet-stream"


class Connection:
    """Sends requests with a token and raises the errors that come back.

    Parameters
    ----------
    transport
        A server, or a home's own service.
    token
        The bearer token, if any.
    """

    def __init__(self, transport: Transport, token: str | None = None) -> None:
        self._transport = transport
        self._closed = False
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    @classmethod
    def to(
        cls,
        *,
        server: str | None = None,
        home: str | Path | None = None,
        token: str | None = None,
    ) -> Self:
        """Return a connection to a server, or where none is named to a home's own service.

        Raises
        ------
        SettingsInvalid
            For a URL that is none, or settings that cannot be used.
        """
        # Only who speaks to a server loads the library for it.
        if server:
            from tradeworthy.client.remote_server import RemoteServer

            return cls(RemoteServer(server), token)
        from tradeworthy.base.settings import read_settings

        place = None if home is None else Path(home)
        return cls(HomeService(read_settings(home=place)), token)

    def __str__(self) -> str:
        return str(self._transport)

    @property
    def in_process(self) -> bool:
        """Whether a home's own service answers in this process."""
        return isinstance(self._transport, HomeService)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, path: str, **parameters: object) -> Any:
        """Send a GET and return the answer's JSON; a parameter that is None is left out."""
        return self._send("GET", path, None, {}, parameters)

    def post(
        self,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        prefer: str | None = None,
        key: str | None = None,
    ) -> Any:
        """Send a POST with a JSON body and return the answer's JSON; ``key`` is its idempotency."""
        content = json.dumps(body or {}, default=plain).encode()
        headers = {"content-type": JSON} | ({"prefer": prefer} if prefer else {})
        headers |= {"idempotency-key": key} if key else {}
        return self._send("POST", path, content, headers, {})

    def send_bytes(
        self, method: str, path: str, content: bytes, kind: str = BYTES, **parameters: object
    ) -> Any:
        """Send a body as it is and return the answer's JSON."""
        return self._send(method, path, content, {"content-type": kind}, parameters)

    def close(self) -> None:
        """Close what carries the requests; nothing can be sent after it."""
        self._closed = True
        self._transport.close()

    def _send(
        self,
        method: str,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str],
        parameters: Mapping[str, object],
    ) -> Any:
        if self._closed:
            raise ServerUnreachable("this client was closed: make another one")
        query = {
            name: [_text(each) for each in value] if isinstance(value, list) else _text(value)
            for name, value in parameters.items()
            if value is not None
        }
        request = Request(method, path, query, {**self._headers, **headers}, content)
        return content_of(self._transport.send(request))


def plain(value: object) -> object:
    """Turn a number of numpy's and a date into what JSON has.

    Examples
    --------
    >>> import numpy as np
    >>> json.dumps([np.float32(0.5), date(2026, 1, 5)], default=plain)
    '[0.5, "2026-01-05"]'
    """
    if isinstance(value, date):
        return value.isoformat()
    number = getattr(value, "item", None)
    if number is None:
        raise InvalidInput(f"{type(value).__name__} cannot be sent as JSON: send plain values")
    return number()


def _text(value: object) -> str:
    # Bytes of an argument that are no UTF-8 come as halves of surrogate pairs.
    return str(value).encode(errors="replace").decode()


def segment(name: str, value: object) -> str:
    """Return one segment of a path, as it is sent whatever a user called a model.

    Raises
    ------
    InvalidInput
        For one that is empty or would be two, by its name.

    Examples
    --------
    >>> segment("model", "m?x"), segment("model", "..")
    ('m%3Fx', '%2E%2E')
    """
    text = _text(value)
    if not text or "/" in text:
        fault = "must be one name, without /" if text else "must have at least 1 characters"
        place = {"place": ["path", name], "message": fault}
        raise InvalidInput(f"{name} {fault}", errors=[place])
    return text.replace(".", "%2E") if text in {".", ".."} else quote(text, safe="")
