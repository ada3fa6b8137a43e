"""One request and its answer as ASGI has them, on a connection of HTTP/1.1."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from typing import Any, Final, Protocol, TypeAlias

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl

from tradeworthy.errors import TradeworthyError

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Asgi: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOG = logging.getLogger("tradeworthy.api")
STATUS_LINES: Final = {
    int(each): f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus
}
_CLOSE: Final = (b"connection", b": ", b"close", b"\r\n")
_CHUNKED: Final = (b"transfer-encoding", b": ", b"chunked", b"\r\n")
_WITHOUT_BODY: Final = (204, 304)


class Carrier(Protocol):
    """The connection that carries an exchange."""

    transport: asyncio.Transport
    flow: FlowControl

    def is_last(self) -> bool:
        """Tell whether the connection ends with the answer that begins now."""
        ...

    def refuse(self, error: TradeworthyError) -> None:
        """Answer with an error, unless an answer has begun, and end the connection."""
        ...

    def read_on(self) -> None:
        """Take more of what the client sends."""
        ...

    def completed(self, exchange: Exchange) -> None:
        """Take note that an answer was written to its end."""
        ...


class Exchange:
    """A request whose head was read: its body as it arrives, its answer as it is sent.

    Parameters
    ----------
    carrier
        The connection.
    scope
        The ASGI scope.
    keep_alive
        Whether the client lets the connection live on.
    expects_continue
        Whether the client waits for a ``100 Continue`` before it sends the body.
    """

    __slots__ = (
        *("_carrier", "_chunked", "_chunks", "_event", "_expects_continue", "_head", "_left"),
        *("_news", "_unread", "complete", "gone", "keep_alive", "more_body", "scope", "started"),
    )

    def __init__(
        self, carrier: Carrier, scope: Scope, *, keep_alive: bool, expects_continue: bool
    ) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.more_body = True
        self.started = self.complete = self.gone = False
        # Bytes of the body that arrived and were not read yet.
        self._unread = 0
        self._carrier = carrier
        self._expects_continue = expects_continue
        self._chunks: list[bytes] = []
        self._event: asyncio.Event | None = None
        self._news = False
        self._head: bytes | None = None
        self._chunked = False
        self._left = 0

    def take(self, chunk: bytes) -> None:
        """Take a part of the body; one that nobody will read is dropped."""
        if self.complete:
            return
        self._chunks.append(chunk)
        self._unread += len(chunk)
        if self._unread > HIGH_WATER_LIMIT:
            self._carrier.flow.pause_reading()
        self._wake()

    def take_end(self) -> None:
        """Take note that the body is complete."""
        self.more_body = False
        self._wake()

    def leave(self) -> None:
        """Take note that nobody reads the answer any more."""
        self.gone = True
        self._wake()

    def _wake(self) -> None:
        self._news = True
        if self._event is not None:
            self._event.set()

    async def run(self, app: Asgi) -> None:
        """Have the application answer; whatever fails there ends the connection."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception:  # noqa: BLE001 - whatever it was, the client gets an answer
            _LOG.exception("unexpected error at %s", self.scope["path"])
        if not self.complete and not self.gone:
            self._carrier.refuse(TradeworthyError("no answer was made; the service's log says why"))

    async def receive(self) -> Message:
        """Return the next part of the body, or that the client is gone."""
        if self._expects_continue and not self.started:
            self._expects_continue = False
            self._carrier.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not self._news:
            self._carrier.read_on()
            self._event = self._event or asyncio.Event()
            await self._event.wait()
        self._news = False
        if self._event is not None:
            self._event.clear()
        if self.gone or self.complete:
            return {"type": "http.disconnect"}
        chunks, self._chunks, self._unread = self._chunks, [], 0
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        """Send the head of the answer, or a part of its body."""
        if self.gone:
            return
        if self._carrier.flow.write_paused:
            await self._carrier.flow.drain()
            if self.gone:
                return
        if message["type"] == "http.response.start" and not self.started:
            self._begin(message["status"], message.get("headers", ()))
        elif message["type"] == "http.response.body" and self.started and not self.complete:
            self._go_on(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"{message['type']} is out of turn")

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.started = True
        lines = [STATUS_LINES[status]]
        length: int | None = None
        says_close = False
        for name, value in headers:
            if name == b"content-length":
                length = int(value)
            elif name == b"connection" and value == b"close":
                says_close = True
            lines += name, b": ", value, b"\r\n"
        self.keep_alive = self.keep_alive and not says_close and not self._carrier.is_last()
        # A client that was not bidden to send its body may send it or not: nobody can know.
        self.keep_alive = self.keep_alive and not self._expects_continue
        if not self.keep_alive and not says_close:
            lines += _CLOSE
        if length is None and status not in _WITHOUT_BODY and self.scope["method"] != "HEAD":
            self._chunked = True
            lines += _CHUNKED
        self._left = length or 0
        head = b"".join(lines)
        if head.count(b"\n") != (len(lines) + 3) // 4 or head.count(b"\r") != head.count(b"\n"):
            raise RuntimeError("a header's value has a line end in it")
        # It goes with the first part of the body.
        self._head = head + b"\r\n"

    def _go_on(self, body: bytes, *, more: bool) -> None:
        written = body
        if self.scope["method"] == "HEAD":
            written = b""
        elif self._chunked:
            written = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            written += b"" if more else b"0\r\n\r\n"
        else:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("the body is not as long as its content-length")
        if self._head is not None:
            written, self._head = self._head + written, None
        self._carrier.transport.write(written)
        if not more:
            self.complete = True
            self._wake()
            self._carrier.completed(self)
