"""``tradeworthy serve`` in a process of its own, spoken to over sockets."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from api.served_home import INPUTS, row
from api.small_home import SmallHome
from processes import state_of
from tradeworthy.features.feature_graph import FeatureGraph
from waiting import until

PREDICT = "/api/v1/models/m/predict"


class ServiceProcess:
    """A service that its test ends, one way or another."""

    def __init__(self, home: SmallHome, **settings: object) -> None:
        self._home = home
        chosen = {"lease_seconds": 600, **settings}
        variables = {f"TRADEWORTHY_{name.upper()}": str(value) for name, value in chosen.items()}
        if "pythonpath" in chosen:
            variables["PYTHONPATH"] = variables.pop("TRADEWORTHY_PYTHONPATH")
        command = [sys.executable, "-m", "tradeworthy", "--home", str(home.folder), "serve"]
        command += ["--port", "0", "--no-scheduler", "--until-eof"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | variables,
        )
        assert self.process.stderr is not None
        self.url = self.process.stderr.readline().split()[-1]
        self._port = int(self.url.rpartition(":")[2])
        self._graph_hash = FeatureGraph.read_file(home.features).closure(INPUTS).hash
        self._connections: list[socket.socket] = []

    @property
    def pid(self) -> int:
        """The process."""
        return self.process.pid

    def get(self, path: str) -> httpx.Response:
        """Ask on a connection of its own."""
        return httpx.get(self.url + path, timeout=None)

    def connection(self, sent: bytes = b"") -> socket.socket:
        """Open a connection and send something."""
        opened = socket.create_connection(("127.0.0.1", self._port))
        self._connections.append(opened)
        opened.sendall(sent)
        return opened

    def request(
        self, who: str = "vera", method: str = "POST", path: str = PREDICT, body: object = None
    ) -> bytes:
        """Write a request, a prediction unless something else is wanted."""
        if path == PREDICT:
            body = {"rows": [row()], "feature_graph_hash": self._graph_hash}
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: trading\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {self._home.token(who)}\r\ncontent-length: {len(content)}\r\n"
        )
        return head.encode() + b"\r\n" + content

    def signal(self, *names: signal.Signals) -> None:
        """Send signals."""
        for name in names:
            self.process.send_signal(name)

    def pause(self) -> None:
        """Let the process do nothing until SIGCONT."""
        self.signal(signal.SIGSTOP)
        until(lambda: state_of(self.pid) == "T")

    def refuses_connections(self) -> bool:
        """Tell whether the service has begun to end."""
        try:
            self.connection()
        except ConnectionRefusedError:
            return True
        return False

    def end(self) -> tuple[int, str]:
        """Wait for the end of the process; return its exit code and what it said."""
        code = self.process.wait()
        assert self.process.stderr is not None
        return code, self.process.stderr.read()

    def close(self) -> None:
        """Leave nothing behind."""
        for opened in self._connections:
            opened.close()
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stderr):
            assert pipe is not None
            pipe.close()


def answer(connection: socket.socket) -> bytes:
    """Read one answer that has a content-length."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65_536)
        assert part, f"the connection ended after {received!r}"
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head)
    assert found is not None
    while len(body) < int(found[1]):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def rest(connection: socket.socket) -> bytes:
    """Read until the service ends the connection."""
    received = b""
    try:
        while part := connection.recv(65_536):
            received += part
    except ConnectionResetError:
        # What we sent last was not read any more.
        pass
    return received


def problem_of(received: bytes) -> tuple[int, str]:
    """Return status and code of an answer that refuses."""
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), str(json.loads(body)["code"])


WAITING_ROOM = Path(__file__).parents[1] / "integration" / "waiting_room"
