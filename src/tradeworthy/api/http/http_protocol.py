"""HTTP/1.1 as uvicorn speaks it, but heads are bounded and offers of other protocols passed over.

Some clients (Java's among them) offer HTTP/2 with their first request. A server may go on in
HTTP/1.1 (RFC 9110, 7.8), but the parser stops at the end of such a request's head and its body is
lost. So the head is read again without the offer, by a new parser that reads the rest as well.

The parser would gather a head of any length, ever more slowly, before anybody knows who sent it.
"""

from __future__ import annotations

from typing import Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 64 * 1024
_OFFER: Final = frozenset({b"upgrade", b"http2-settings", b"connection"})


class PlainHttpProtocol(HttpToolsProtocol):
    """One connection; never becomes a web socket."""

    _head_bytes = 0
    _begun = False

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._begun = True

    def data_received(self, data: bytes) -> None:
        """Read what arrived."""
        self._unset_keepalive_if_required()
        size = len(data)
        self._begun = False
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                data = self._decline(data[offer.args[0] :])
            except httptools.HttpParserError:
                self._refuse("Invalid HTTP request received.")
                return
            else:
                break
        self._bound_head(size)

    def _bound_head(self, size: int) -> None:
        """Count what arrived of a head that is not complete: then its path is not known yet."""
        if self.scope is not None and "path" not in self.scope:
            # Requests before it may fill most of the data in which it begins.
            self._head_bytes = self._gathered() if self._begun else self._head_bytes + size
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self._refuse(f"The request's head is larger than {MAX_HEAD_BYTES} bytes.")

    def _gathered(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _should_upgrade(self) -> bool:
        # So that the request is not begun from the head that is read again.
        return True

    def _decline(self, rest: bytes) -> bytes:
        """Return the request as if nothing had been offered, with what followed its head."""
        if self.scope["method"] == "CONNECT":
            self._refuse("Invalid HTTP request received.")
            return b""
        kept = [(name, value) for name, value in self.headers if name not in _OFFER]
        if any(name == b"connection" and b"close" in value.lower() for name, value in self.headers):
            kept.append((b"connection", b"close"))
        version = self.parser.get_http_version().encode()
        first = b"%s %s HTTP/%s\r\n" % (self.scope["method"].encode(), self.url, version)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return first + b"".join(b"%s: %s\r\n" % header for header in kept) + b"\r\n" + rest

    def _refuse(self, message: str) -> None:
        self.logger.warning(message)
        self.send_400_response(message)
