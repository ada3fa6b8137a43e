"""HTTP/1.1 on one connection: limits of time, and an end that loses no request.

Time is counted in ticks of a second that the server gives between two looks at what arrived: while
the machine is too busy to look, nobody was too slow.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final, cast
from urllib.parse import unquote

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.utils import get_local_addr, get_remote_addr
from uvicorn.server import ServerState

from tradeworthy.api.http.exchange import STATUS_LINES, Exchange
from tradeworthy.api.http.problems import problem
from tradeworthy.api.http.request_reader import Head, NoRequestError, RequestReader
from tradeworthy.errors import RequestTooSlow, TradeworthyError

# What a request may take to arrive: some seconds, and one more for each so many bytes of it.
REQUEST_SECONDS: Final = 20
BYTES_A_SECOND: Final = 16 * 1024
# A client that takes nothing of its answer for so long is gone.
UNREAD_SECONDS: Final = 60
# So many requests may wait behind the one that is answered; what arrives beyond stays unparsed.
MOST_WAITING: Final = 32
# Read at once.
PIECE: Final = 16 * 1024


class HttpConnection(asyncio.Protocol):
    """One connection; never becomes a web socket.

    Parameters
    ----------
    config, server_state, app_state, _loop
        As the server gives them.
    """

    transport: asyncio.Transport
    flow: FlowControl

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._app = config.loaded_app
        self._asgi = {"version": config.asgi_version, "spec_version": "2.3"}
        self._idle_seconds = config.timeout_keep_alive
        self._state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._reader = RequestReader(self._begin)
        self._ticks = self._unread_ticks = self._unread = 0
        # What arrived and waits to be parsed.
        self._unparsed = b""
        # The one that is answered, and those that wait for their turn.
        self._running: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        # No further request is wanted; no further byte will come.
        self._draining = self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # A stream, though not every loop says so by its class.
        self.transport = cast("asyncio.Transport", transport)
        self.flow = FlowControl(self.transport)
        self._server = get_local_addr(self.transport)
        self._client = get_remote_addr(self.transport)
        self._state.connections.add(self)  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """End."""
        self._state.connections.discard(self)
        for exchange in self._unanswered():
            exchange.leave()
        self.flow.resume_writing()

    def pause_writing(self) -> None:
        """Wait with sending: the client does not read."""
        self.flow.pause_writing()

    def resume_writing(self) -> None:
        """Go on sending."""
        self.flow.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Read what arrived, as long as not too many requests wait."""
        self._unparsed += data
        while self._unparsed and not self.transport.is_closing():
            if len(self._waiting) >= MOST_WAITING:
                self.flow.pause_reading()
                return
            piece, self._unparsed = self._unparsed[:PIECE], self._unparsed[PIECE:]
            self._parse(piece)

    def eof_received(self) -> bool:
        """Answer what came whole, then close; tell whether anything has to be answered yet."""
        self._draining = self._ended = True
        cut_off = self._reader.unfinished
        if cut_off is not None and cut_off in self._waiting:
            self._waiting.remove(cut_off)
        return self._running not in (None, cut_off)

    def read_on(self) -> None:
        """Take more from the client, unless requests of it wait already."""
        if not self._waiting:
            self.flow.resume_reading()

    def _parse(self, data: bytes) -> None:
        try:
            self._reader.read(data)
        except NoRequestError as error:
            if not self.transport.is_closing():
                self._refuse_bytes(str(error))
        if self._reader.begun:
            self._ticks = 0

    def _begin(self, head: Head) -> Exchange | None:
        """Have a request answered, after those before it."""
        if self._running is not None and not self._running.keep_alive:
            # It was agreed on, by either side, that the answer before this is the last.
            return None
        exchange = Exchange(
            self,
            self._scope(head),
            keep_alive=head.keep_alive,
            expects_continue=head.expects_continue,
        )
        if self._running is None:
            self._run(exchange)
        else:
            self._waiting.append(exchange)
            self.flow.pause_reading()
        return exchange

    def _scope(self, head: Head) -> dict[str, Any]:
        url = httptools.parse_url(head.url)
        path = url.path.decode("ascii")
        return {
            "type": "http",
            "asgi": self._asgi,
            "http_version": head.version,
            "method": head.method,
            "scheme": "http",
            "server": self._server,
            "client": self._client,
            "root_path": "",
            "path": unquote(path) if "%" in path else path,
            "raw_path": url.path,
            "query_string": url.query or b"",
            "headers": head.headers,
            "state": self._app_state.copy(),
        }

    def _run(self, exchange: Exchange) -> None:
        self._running = exchange
        task = self._loop.create_task(exchange.run(self._app))
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    def is_last(self) -> bool:
        """Tell whether the connection ends with the answer that begins now."""
        return self._draining and not self._waiting and not self._unparsed

    def completed(self, exchange: Exchange) -> None:
        """Answer the next request, if it is here; else the connection is idle."""
        self._running = None
        self._ticks = 0
        if not exchange.keep_alive:
            self.transport.close()
        if self.transport.is_closing():
            return
        if self._waiting:
            self._run(self._waiting.popleft())
        if not self._waiting:
            self.data_received(b"")
        if self._ended and self._running is None:
            self.transport.close()
        self.read_on()

    def tick(self) -> None:
        """Count a second in which nothing arrived that would have ended the wait."""
        before, self._unread = self._unread, self.transport.get_write_buffer_size()
        stands = self.flow.write_paused and self._unread >= before
        self._unread_ticks = self._unread_ticks + 1 if stands else 0
        if self._unread_ticks > UNREAD_SECONDS:
            self.transport.abort()
            return
        running = self._running
        if running is not None and running is not self._reader.unfinished:
            return
        if self.flow.read_paused or self.transport.is_closing():
            return
        self._ticks += 1
        if not self._reader.in_request:
            if self._ticks > self._idle_seconds:
                self.transport.close()
        elif self._ticks > REQUEST_SECONDS + self._reader.arrived // BYTES_A_SECOND:
            self.refuse(
                RequestTooSlow(
                    f"after {self._ticks} seconds {self._reader.arrived} bytes of the request were "
                    f"here: a request has {REQUEST_SECONDS} seconds and one for each "
                    f"{BYTES_A_SECOND} bytes; send it faster"
                )
            )

    def drain(self) -> None:
        """End the connection with the last answer that is under way."""
        self._draining = True

    def close_if_idle(self) -> None:
        """Close the connection unless a request is under way."""
        if self._running is None and not self._reader.in_request:
            self.transport.close()

    def refuse(self, error: TradeworthyError) -> None:
        """Answer what has no answer yet with an error, and end the connection."""
        under_way = self._unanswered()
        if not self.transport.is_closing() and not any(each.started for each in under_way):
            paths = [str(each.scope["path"]) for each in under_way]
            paths += [self._reader.url.decode("latin-1")] if self._reader.in_head else []
            for number, path in enumerate(paths, 1):
                self.transport.write(_answer(error, path, last=number == len(paths)))
        for exchange in under_way:
            exchange.leave()
        self.transport.close()

    def _unanswered(self) -> list[Exchange]:
        running = [] if self._running is None else [self._running]
        return running + list(self._waiting)

    def _refuse_bytes(self, message: str) -> None:
        """Answer what is no request, after which nothing more can be understood."""
        broken = self._reader.unfinished
        if self._running not in (None, broken):
            # Whole requests came before it: they are answered first, and are the last.
            if broken is not None and broken in self._waiting:
                self._waiting.remove(broken)
            self._draining = True
            self._unparsed = b""
            self.flow.pause_reading()
            return
        if broken is None or not broken.started:
            content = (
                "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
                f"content-length: {len(message)}\r\nconnection: close\r\n\r\n{message}"
            )
            self.transport.write(content.encode("ascii"))
        if broken is not None:
            broken.leave()
        self.transport.close()


def _answer(error: TradeworthyError, path: str, *, last: bool) -> bytes:
    status, body, headers = problem(error, path)
    headers |= {"content-length": str(len(body))} | ({"connection": "close"} if last else {})
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return STATUS_LINES[status] + f"{lines}\r\n".encode() + body
