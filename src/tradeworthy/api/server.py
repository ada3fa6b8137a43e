"""Running the service on a port with uvicorn."""

from __future__ import annotations

import errno
import gc
import socket
from typing import IO

import uvicorn

from tradeworthy.api.app import create_app
from tradeworthy.api.draining_server import DrainingServer
from tradeworthy.api.end_with_input import at_end_of
from tradeworthy.api.http.http_protocol import HttpConnection
from tradeworthy.base.settings import Settings
from tradeworthy.errors import AddressInUse
from tradeworthy.serving.hot_path import HotPath

BACKLOG = 1024
# Longer than clients keep an idle connection (httpx 5 s, many pools 60 s): a request that is sent
# on one just as the service closes it would get no answer.
IDLE_SECONDS = 75
# Of garbage, by age; the youngest are searched often, so that no request waits long for it.
_SEARCHES = (700, 10, 10)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises
    ------
    AddressInUse
        If another program has the port, or the address is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            message = f"port {port} is taken by another program: choose another --port"
        else:
            message = f"cannot listen on {host}:{port} ({error.strerror}): choose another --host"
        raise AddressInUse(message, host=host, port=port) from error
    return opened


def server_of(app: HotPath, *, log_level: str = "warning") -> DrainingServer:
    """Return a server of the application that is not running yet."""
    config = uvicorn.Config(
        app,
        http=HttpConnection,
        ws="none",
        lifespan="on",
        log_level=log_level,
        access_log=False,
        # Nothing here asks where a request came from, and anybody can write X-Forwarded-For.
        proxy_headers=False,
        date_header=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
    )
    return DrainingServer(config)


def serve_home(settings: Settings, *, until_end_of: IO[bytes] | None = None) -> None:
    """Serve a home until interrupted; says on standard error where it listens.

    Parameters
    ----------
    settings
        Of the home.
    until_end_of
        A stream with whose end the service ends too.
    """
    with listen(settings.host, settings.port) as opened:
        app = create_app(settings)
        # What is loaded by now is kept to the end: frozen, it is never searched for garbage again,
        # which would halt every request for some 50 ms.
        gc.freeze()
        gc.set_threshold(*_SEARCHES)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"http://{host}:{opened.getsockname()[1]}"
        server = server_of(app)
        server.announcement = f"tradeworthy serves {settings.home} at {address}\n"
        if until_end_of is not None:
            at_end_of(until_end_of, server.stop)
        server.run(sockets=[opened])
