"""The route table: what fails while it is built, what is kept, and what a route knows."""

from __future__ import annotations

import json
import secrets
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from api.served_home import INPUTS, row
from api.small_home import SmallHome, speaking
from tradeworthy.api.app import create_app
from tradeworthy.api.server import server_of
from tradeworthy.errors import InvalidInput, StoreUnavailable
from tradeworthy.features.feature_graph import FeatureGraph
from tradeworthy.model_registry.sources import Sources
from tradeworthy.runtime.route_refresher import RouteRefresher
from tradeworthy.runtime.service import Service, open_service
from tradeworthy.runtime.token_cache import TokenCache
from tradeworthy.serving.route_table import Blocked, Ready
from tradeworthy.store.unit_of_work import Store, View
from waiting import until

# As many requests as the framework answers at once outside of the event loop.
THREADS = 40


class FailingStore:
    """A store that is gone at one moment, the ``failing``-th from now on (0: never).

    A moment is the opening of a view, or the use of a port in it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.failing = 0

    def _moment(self) -> None:
        self.failing -= 1
        if self.failing == 0:
            raise StoreUnavailable("the database is gone")

    @contextmanager
    def read(self) -> Iterator[View]:
        self._moment()
        with self._store.read() as view:

            def open_port(port: str) -> object:
                self._moment()
                return view.open_port(port)

            yield View(open_port)


@pytest.fixture
def service(home: SmallHome) -> Iterator[Service]:
    opened = open_service(home.settings(), randomness=secrets.token_bytes)
    yield opened
    opened.close()


def refresher(store: Any, sources: Sources) -> RouteRefresher:
    token_cache = TokenCache(bytes(32))
    return RouteRefresher(store, sources, token_cache, lease_seconds=60, max_bytes=100_000)


def test_a_database_that_fails_at_any_moment_blocks_nothing_for_good(service: Service) -> None:
    store = FailingStore(service.store)
    sources = replace(service.sources, store=store)
    for failing in range(1, 100):
        routes = refresher(store, sources)
        store.failing = failing
        try:
            routes.refresh()
        except StoreUnavailable:
            assert dict(routes.table.routes) == {}
            routes.refresh()
        assert isinstance(routes.table.routes["m"], Ready), failing
        if store.failing > 0:
            break
    assert failing > 5


class BrokenLoader(Sources):
    """Fails in a way that nobody foresaw."""

    __slots__ = ()

    def predictor(self, manifest: Any) -> Any:
        raise MemoryError(manifest.file_name)


def test_a_model_that_fails_unforeseen_blocks_only_itself(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    sources = service.sources
    routes = refresher(service.store, BrokenLoader(sources.store, sources.blobs, sources.code))
    routes.refresh()
    codes = {
        name: route.error.code
        for name, route in routes.table.routes.items()
        if isinstance(route, Blocked)
    }
    missing = "no_production_version"
    assert codes == {"m": "artifact_invalid", "empty": missing, "far": missing}
    assert "MemoryError" in caplog.text


def test_a_route_is_made_anew_only_when_its_model_changes(
    service: Service, home: SmallHome
) -> None:
    routes = refresher(service.store, service.sources)
    routes.refresh()
    before = routes.table.routes["m"]
    with speaking(home, "ana") as ana:
        ana.post("/api/v1/ml/empty/versions")
    assert routes.refresh()
    assert routes.table.routes["m"] is before
    with speaking(home, "olga") as olga:
        olga.post("/api/v1/ml/m/versions/1/quarantine", {"reason": "looks odd"})
    assert routes.refresh()
    stopped = routes.table.routes["m"]
    assert isinstance(stopped, Blocked)
    assert stopped.error.code == "model_quarantined"
    with home.features.open("a") as file:
        file.write("# a change\n")
    assert routes.refresh()
    assert routes.table.routes["m"] is not stopped
    assert not routes.refresh()


def test_busy_management_threads_do_not_let_the_lease_run_out(home: SmallHome) -> None:
    """Forty researchers wait for their backtests: whoever predicts must not notice."""
    app = create_app(home.settings())
    release, busy = threading.Event(), threading.Semaphore(0)

    def waiting() -> None:
        busy.release()
        release.wait()

    api: Any = app._app
    api.add_api_route("/waiting", waiting)
    routes = api.state.service.refresher
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    predict = f"{url}/api/v1/models/m/predict"
    server = server_of(app, log_level="critical")
    bound = FeatureGraph.read_file(home.features).closure(INPUTS).hash
    requested = {"rows": [row()], "feature_graph_hash": bound}
    headers = {"authorization": f"Bearer {home.token('vera')}"}
    with ThreadPoolExecutor(THREADS + 1) as threads:
        running = threads.submit(server.run, [listener])
        waiters = [
            threads.submit(httpx.get, f"{url}/waiting", timeout=None) for _ in range(THREADS)
        ]
        for _ in waiters:
            busy.acquire()
        epochs = []
        for _ in range(3):
            # The lease is renewed all the same.
            ends = routes.table.confirmed_until
            until(lambda ends=ends: routes.table.confirmed_until > ends)
            answer = httpx.post(predict, json=requested, headers=headers, timeout=None)
            epochs.append(answer.json().get("epoch"))
            assert httpx.get(f"{url}/healthz", timeout=None).status_code == 200
        release.set()
        assert [waiter.result().status_code for waiter in waiters] == [200] * THREADS
        server.should_exit = True
        running.result()
    assert set(epochs) == {1}


class NarrowLoader(Sources):
    """Its models hold numbers up to a hundred."""

    __slots__ = ()

    def predictor(self, manifest: Any) -> Any:
        loaded = Sources.predictor(self, manifest)
        loaded.largest = 100.0
        return loaded


def test_a_route_knows_how_large_a_number_its_model_holds(
    service: Service, home: SmallHome
) -> None:
    """So that such a number is a 422 with its names, before any 409 or 423."""
    sources = service.sources
    routes = refresher(service.store, NarrowLoader(sources.store, sources.blobs, sources.code))
    for blocked in (False, True):
        if blocked:
            home.features.write_text(home.features.read_text().replace("WINDOW = 5", "WINDOW = 6"))
        routes.refresh()
        route = routes.table.routes["m"]
        assert isinstance(route, Blocked) is blocked
        assert route.decoder is not None
        with pytest.raises(InvalidInput) as caught:
            route.decoder.decode(json.dumps({"rows": [row(), row(day=101)]}).encode())
        assert caught.value.details == {"row": 1, "field": "day_return"}
