"""HTTP/1.1 as uvicorn speaks it, with offers to change to another protocol passed over.

Some clients (Java's among them) offer HTTP/2 with their first request. A server may go on in
HTTP/1.1 (RFC 9110, 7.8), but the parser stops at the end of such a request's head and its body is
lost. So the head is read again without the offer, by a new parser that reads the rest as well.
"""

from __future__ import annotations

from typing import Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_OFFER: Final = frozenset({b"upgrade", b"http2-settings", b"connection"})


class PlainHttpProtocol(HttpToolsProtocol):
    """One connection; never becomes a web socket."""

    def data_received(self, data: bytes) -> None:
        """Read what arrived."""
        self._unset_keepalive_if_required()
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                data = self._decline(data[offer.args[0] :])
            except httptools.HttpParserError:
                self._refuse()
                return
            else:
                return

    def _should_upgrade(self) -> bool:
        # So that the request is not begun from the head that is read again.
        return True

    def _decline(self, rest: bytes) -> bytes:
        """Return the request as if nothing had been offered, with what followed its head."""
        if self.scope["method"] == "CONNECT":
            self._refuse()
            return b""
        kept = [(name, value) for name, value in self.headers if name not in _OFFER]
        if any(name == b"connection" and b"close" in value.lower() for name, value in self.headers):
            kept.append((b"connection", b"close"))
        version = self.parser.get_http_version().encode()
        first = b"%s %s HTTP/%s\r\n" % (self.scope["method"].encode(), self.url, version)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return first + b"".join(b"%s: %s\r\n" % header for header in kept) + b"\r\n" + rest

    def _refuse(self) -> None:
        message = "Invalid HTTP request received."
        self.logger.warning(message)
        self.send_400_response(message)
