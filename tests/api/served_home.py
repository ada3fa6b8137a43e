"""A home served by uvicorn in a thread, on a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from api.small_home import SmallHome
from tradeworthy.api.app import create_app
from tradeworthy.api.server import server_of
from tradeworthy.client.connection import Connection
from tradeworthy.client.remote_server import RemoteServer
from tradeworthy.features.feature_graph import FeatureGraph
from waiting import until

INPUTS = ("day_return", "week_return")


class ServedHome:
    """A running service and clients of it."""

    def __init__(self, home: SmallHome, **settings: object) -> None:
        self.home = home
        self.settings = home.settings(**settings)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.server = server_of(create_app(self.settings), log_level="critical")
        self._thread = threading.Thread(target=self.server.run, args=([listener],))
        self._thread.start()
        self._clients: dict[str | None, httpx.Client] = {}
        self._remote = RemoteServer(self.url)
        until(lambda: self.server.started, self._thread.is_alive)

    @property
    def idle_seconds(self) -> float:
        """How long it keeps a connection on which nothing comes."""
        return self.server.config.timeout_keep_alive

    def close(self) -> None:
        """Stop it."""
        self._remote.close()
        for client in self._clients.values():
            client.close()
        self.server.should_exit = True
        self._thread.join()

    def client(self, who: str | None) -> httpx.Client:
        """Return a client that carries a person's token, or none."""
        if who not in self._clients:
            headers = {"authorization": f"Bearer {self.home.token(who)}"} if who else {}
            self._clients[who] = httpx.Client(base_url=self.url, headers=headers, timeout=None)
        return self._clients[who]

    def speaker(self, who: str) -> Connection:
        """Return the client that the command line uses, which raises what is refused."""
        return Connection(self._remote, self.home.token(who))

    def get(self, who: str | None, path: str, **parameters: Any) -> httpx.Response:
        """Send a GET."""
        return self.client(who).get(path, params=parameters)

    def post(
        self,
        who: str | None,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a POST with a JSON body."""
        return self.client(who).post(path, json={} if body is None else body, headers=headers)

    def promote(
        self, who: str, version: int, headers: Mapping[str, str] | None = None, **requested: object
    ) -> httpx.Response:
        """Promote a version of model ``m``."""
        body = {"version": version, **requested}
        return self.post(who, "/api/v1/ml/m/promote", body, headers=headers)

    def predict(self, who: str | None = "vera", model: str = "m", **body: object) -> httpx.Response:
        """Predict one row; ``body`` replaces parts of a good one."""
        if "feature_graph_hash" not in body:
            body["feature_graph_hash"] = self.graph_hash()
        requested = {"rows": [row()], **body}
        given = {name: value for name, value in requested.items() if value is not None}
        return self.post(who, f"/api/v1/models/{model}/predict", given)

    def graph_hash(self) -> str:
        """Return the hash of the deployed features that the model takes."""
        return FeatureGraph.read_file(self.home.features).closure(INPUTS).hash

    def stage(self, version: int) -> str:
        """Return the stage of a version of model ``m``."""
        found = self.get("vera", f"/api/v1/ml/m/versions/{version}")
        return str(found.json()["stage"])


Serve = Callable[..., ServedHome]


def row(day: float = 0.01, week: float = 0.002) -> dict[str, float]:
    """Return one row of the model's inputs."""
    return {"day_return": day, "week_return": week}


def reported(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal, after checking its form."""
    body = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert body["status"] == response.status_code
    assert body["type"] == f"urn:tradeworthy:problem:{body['code']}"
    assert body["detail"]
    return response.status_code, body["code"]
