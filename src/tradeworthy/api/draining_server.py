"""A server that ends: with every request answered if that can be, and in any case.

With the first signal no connection is accepted any more, each answer says that it is the
connection's last, and what is idle is closed a moment later: a request that was already on its way
is answered. What is not answered when the time is over gets a 503. What threads still hold then, a
database that hangs or an evaluation, ends with the process. A second signal ends it at once.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import sys
import threading
import time
from types import FrameType
from typing import Any, Final

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from tradeworthy.errors import ServiceStopping

# Docker kills ten seconds after its SIGTERM, Kubernetes thirty.
ANSWER_SECONDS: Final = 8.0
RELEASE_SECONDS: Final = 1.5
# Between two turns what arrived is read: turns, not seconds, say that nothing is on its way.
_TURN_SECONDS: Final = 0.05
_TURNS_UNTIL_IDLE: Final = 20
_TICKS_A_SECOND: Final = 10
_INTERRUPTED: Final = 130


class DrainingServer(uvicorn.Server):
    """Runs connections of ``HttpConnection``; alone in its process it heeds SIGINT and SIGTERM."""

    announcement = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so: from now on requests are answered and signals heeded."""
        await super().startup(sockets)
        sys.stderr.write(self.announcement)
        sys.stderr.flush()

    async def on_tick(self, counter: int) -> bool:
        """Let the connections count the seconds; tell whether the server should end."""
        if counter % _TICKS_A_SECOND == 0:
            for connection in self._connections():
                connection.tick()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is under way, then end the application."""
        await self._accept_waiting(sockets or [])
        for server in self.servers:
            server.close()
        for each in sockets or ():
            each.close()
        await self._drain()
        for connection in self._connections():
            connection.refuse(ServiceStopping("the service ends: send the request again"))
        await self.lifespan.shutdown()

    async def _accept_waiting(self, sockets: list[socket.socket]) -> None:
        """Let in who had connected before the signal; the loop accepts one each time round."""
        waiting = select.poll()
        for each in sockets:
            waiting.register(each, select.POLLIN)
        for _ in range(self.config.backlog):
            if not waiting.poll(0):
                return
            await asyncio.sleep(0)

    async def _drain(self) -> None:
        ends = time.monotonic() + ANSWER_SECONDS
        turn = 0
        while (self._connections() or self.server_state.tasks) and time.monotonic() < ends:
            for connection in self._connections():
                connection.drain()
                if turn >= _TURNS_UNTIL_IDLE:
                    connection.close_if_idle()
            await asyncio.sleep(_TURN_SECONDS)
            turn += 1

    def _connections(self) -> list[Any]:
        return list(self.server_state.connections)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End; the next signal ends the process at once."""
        for each in HANDLED_SIGNALS:
            signal.signal(each, _end_at_once)
        if sig == signal.SIGINT:
            # Raised again at the end, for whoever started the server.
            self._captured_signals.append(sig)
        self.stop(_INTERRUPTED if sig == signal.SIGINT else 0)
        for connection in self._connections():
            connection.drain()

    def stop(self, code: int = 0) -> None:
        """Begin to end, from whichever thread; begun once, it is not begun again.

        Parameters
        ----------
        code
            The exit code of the process if it has to be ended with threads that wait.
        """
        if not self.should_exit:
            self.should_exit = True
            threading.Thread(target=_end, args=(code,), name="end", daemon=True).start()


def _end_at_once(sig: int, frame: FrameType | None) -> None:  # noqa: ARG001
    # Only now left to the system: Python raises an error for a signal that came before and has
    # no function any more.
    signal.signal(sig, signal.SIG_DFL)
    os.kill(os.getpid(), sig)


def _end(code: int) -> None:
    """End the process when its time is over, whatever its threads wait for."""
    time.sleep(ANSWER_SECONDS + RELEASE_SECONDS)
    sys.stderr.write("the service ended before everything in it did: see what it was waiting for\n")
    os._exit(code)
