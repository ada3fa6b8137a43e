"""Reading of requests from the bytes of a connection, with heads of bounded size.

Some clients (Java's among them) offer HTTP/2 with their first request. A server may go on in
HTTP/1.1 (RFC 9110, 7.8), but the parser stops at the end of such a request's head and its body is
lost. So the head is read again without the offer, by a new parser that reads the rest as well.

The parser would gather a head of any length, ever more slowly, before anybody knows who sent it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import httptools

from tradeworthy.api.http.exchange import Exchange

MAX_HEAD_BYTES: Final = 64 * 1024
_INVALID: Final = "Invalid HTTP request received."
_OFFER: Final = frozenset({b"upgrade", b"http2-settings", b"connection"})


class NoRequestError(Exception):
    """Bytes after which nothing more of a connection can be understood."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above a request's body."""

    method: str
    url: bytes
    version: str
    headers: list[tuple[bytes, bytes]]
    keep_alive: bool
    expects_continue: bool


Begin: TypeAlias = Callable[[Head], Exchange | None]


class RequestReader:
    """Reads one request after the other.

    Parameters
    ----------
    begin
        Is called with each head that was read; returns the exchange that takes the body, or None
        if the request is passed over.
    """

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._parser = _parser(self)
        self.url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._expects_continue = False
        # Where the parser is: in a head, or in a request at all.
        self.in_head = self.in_request = False
        # Whether a request began in the data that was read last.
        self.begun = False
        # Bytes that arrived of the request, and of its head.
        self.arrived = self._head_bytes = 0
        self.exchange: Exchange | None = None

    @property
    def unfinished(self) -> Exchange | None:
        """The exchange whose body has not come whole; what follows in the bytes is its."""
        return self.exchange if self.in_request else None

    def read(self, data: bytes) -> None:
        """Read what arrived.

        Raises
        ------
        NoRequestError
            If it is no HTTP, or the head is too large.
        """
        size = len(data)
        self.arrived += size
        self._head_bytes += size
        self.begun = False
        while data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                data = self._decline(data[offer.args[0] :])
            except httptools.HttpParserError as error:
                raise NoRequestError(_INVALID) from error
            else:
                break
        if self.begun:
            # Requests before it may fill most of the data in which it begins.
            self.arrived = size
            self._head_bytes = len(self.url) + sum(len(n) + len(v) for n, v in self._headers)
        if not self.in_request:
            self._head_bytes = 0
        elif self._head_bytes > MAX_HEAD_BYTES:
            raise NoRequestError(f"The request's head is larger than {MAX_HEAD_BYTES} bytes.")

    def on_message_begin(self) -> None:
        """Begin a request."""
        self.url = b""
        self._headers = []
        self._expects_continue = False
        self.in_head = self.in_request = self.begun = True
        self.exchange = None

    def on_url(self, url: bytes) -> None:
        """Read a part of the target."""
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Read a header; what stands behind a body is none."""
        if not self.in_head:
            return
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects_continue = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Begin the exchange."""
        if self._parser.should_upgrade():
            return
        self.in_head = False
        version = self._parser.get_http_version()
        self.exchange = self._begin(
            Head(
                self._parser.get_method().decode("ascii"),
                self.url,
                version,
                self._headers,
                keep_alive=version != "1.0" and self._parser.should_keep_alive(),
                expects_continue=self._expects_continue,
            )
        )

    def on_body(self, body: bytes) -> None:
        """Read a part of the body; what is neither body nor head counts as a head does."""
        self._head_bytes = 0
        if self.exchange is not None and not self._parser.should_upgrade():
            self.exchange.take(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if self._parser.should_upgrade():
            return
        self.in_request = False
        if self.exchange is not None:
            self.exchange.take_end()

    def _decline(self, rest: bytes) -> bytes:
        """Return the request as if nothing had been offered, with what followed its head."""
        method = self._parser.get_method()
        if method == b"CONNECT":
            raise NoRequestError(_INVALID)
        kept = [(name, value) for name, value in self._headers if name not in _OFFER]
        if any(
            name == b"connection" and b"close" in value.lower() for name, value in self._headers
        ):
            kept.append((b"connection", b"close"))
        version = self._parser.get_http_version().encode()
        first = b"%s %s HTTP/%s\r\n" % (method, self.url, version)
        self._parser = _parser(self)
        return first + b"".join(b"%s: %s\r\n" % header for header in kept) + b"\r\n" + rest


def _parser(reader: RequestReader) -> Any:
    parser = httptools.HttpRequestParser(reader)
    # What follows a request that is the connection's last is passed over, not an error.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser
