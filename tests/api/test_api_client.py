"""The client against servers that are not there, not ours, elsewhere, older or newer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from api.served_home import INPUTS, ServedHome
from api.small_home import SmallHome, speaking
from tradeworthy.client import Client
from tradeworthy.client.connection import Connection, segment
from tradeworthy.client.remote_server import RemoteServer
from tradeworthy.client.token_file import read_token
from tradeworthy.errors import (
    FeatureGraphMismatch,
    InvalidInput,
    ModelNotFound,
    PromotionRefused,
    ServerUnreachable,
    SettingsInvalid,
    TradeworthyError,
    Unauthenticated,
)

TOKEN = "tw_" + "s" * 43


class Stranger(HTTPServer):
    """A server that gives one answer and remembers the requests."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.answer = (status, body, headers)
        self.requested: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    """Gives the server's answer."""

    def do_GET(self) -> None:
        """Answer a GET."""
        assert isinstance(self.server, Stranger)
        self.server.requested.append((self.path, self.headers["authorization"]))
        status, body, headers = self.server.answer
        self.send_response(status)
        for name, value in ({"content-length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def stranger(status: int, body: bytes = b"", **headers: str) -> Iterator[Stranger]:
    """Run a server that is none of ours."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    with Stranger(status, body, given) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(url: str, path: str = "/api/v1/models") -> object:
    """Ask a server for something, with a token."""
    with Connection.to(server=url, token=TOKEN) as client:
        return client.get(path)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_the_token_nowhere(status: int) -> None:
    with (
        stranger(200, b"[]") as elsewhere,
        stranger(status, location=f"{elsewhere.url}/x") as server,
    ):
        with pytest.raises(ServerUnreachable, match="redirects to") as caught:
            ask(server.url)
        assert elsewhere.url in caught.value.message
        assert TOKEN not in caught.value.message
        assert [token for _, token in server.requested] == [f"Bearer {TOKEN}"]
        assert elsewhere.requested == []


def test_a_loopback_address_is_not_requested_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with stranger(200, b"[]") as server, stranger(200, b"{}") as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert ask(server.url) == []
        assert proxy.requested == []
        assert ask("http://models.example") == {}
        assert len(proxy.requested) == 1


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
def test_a_proxy_that_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "gopher://nowhere")
    with pytest.raises(SettingsInvalid, match=name):
        ask("http://models.example")


def test_certificates_that_are_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(SettingsInvalid, match="SSL_CERT_FILE"):
        ask("https://models.example")


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8765",
        "ftp://host",
        "http://",
        "https:///x",
        "http://host:port",
        "http://host?x=1",
        "http://host/#x",
        "http://[::1",
        "models",
    ],
)
def test_urls_that_are_none(url: str) -> None:
    says = "the server, of --server or TRADEWORTHY_SERVER, is not a URL"
    with pytest.raises(SettingsInvalid, match=says):
        ask(url)


def test_a_password_in_the_url_is_not_sent_nor_reported() -> None:
    with pytest.raises(SettingsInvalid) as caught:
        ask("http://ana:secret@127.0.0.1:9")
    assert "secret" not in caught.value.message


def test_nobody_listens() -> None:
    with pytest.raises(ServerUnreachable, match=r"no answer from http://127.0.0.1:9 "):
        ask("http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, b"<html>", {}),
        (502, b"Bad Gateway", {}),
        (200, b"not gzip", {"content_encoding": "gzip"}),
        (200, b"[]", {"content_length": "10"}),
        (200, b"\xff", {}),
    ],
)
def test_answers_that_are_no_answer(status: int, body: bytes, headers: dict[str, str]) -> None:
    with stranger(status, body, **headers) as server, pytest.raises(ServerUnreachable):
        ask(server.url)


@pytest.mark.parametrize(
    "reported",
    [
        [],
        {},
        "x",
        {"code": "model_not_found"},
        {"code": 4, "detail": "x"},
        {"code": [], "detail": 4},
    ],
)
def test_failures_that_say_nothing(reported: object) -> None:
    with stranger(404, json.dumps(reported).encode()) as server:
        with pytest.raises(TradeworthyError, match="answered 404") as caught:
            ask(server.url)
        assert caught.value.code == "internal_error"


def test_a_newer_server_tells_of_errors_that_we_do_not_know() -> None:
    body = json.dumps({"code": "market_closed", "detail": "come back", "details": []}).encode()
    with stranger(409, body) as server:
        with pytest.raises(TradeworthyError, match="market_closed: come back") as caught:
            ask(server.url)
        assert caught.value.details == {}


@pytest.mark.parametrize("verdict", [None, [], {"gates": [{"gate": 1}]}, {"gates": "none"}])
def test_a_verdict_of_another_release_leaves_the_message_alone(verdict: object) -> None:
    problem = {"code": "promotion_refused", "detail": "no", "details": {"verdict": verdict}}
    body = json.dumps(problem).encode()
    with stranger(422, body) as server, pytest.raises(PromotionRefused) as caught:
        Client(server=server.url, token=TOKEN).models()
    assert str(caught.value) == caught.value.message == "no"


def test_the_text_of_a_mismatch_names_the_ways_out() -> None:
    details = {"ways_out": ["put it back", "train\x1b anew"]}
    problem = {"code": "feature_graph_mismatch", "detail": "other code", "details": details}
    body = json.dumps(problem).encode()
    with stranger(409, body) as server, pytest.raises(FeatureGraphMismatch) as caught:
        Client(server=server.url, token=TOKEN).models()
    assert caught.value.message == "other code"
    assert str(caught.value) == "other code\n  put it back\n  train\\x1b anew"


def test_an_older_server_lacks_a_route(served: ServedHome) -> None:
    with pytest.raises(TradeworthyError) as caught:
        served.speaker("all").get("/api/v1/nothing")
    assert caught.value.code == "route_not_found"
    with pytest.raises(TradeworthyError) as caught:
        served.speaker("all").post("/api/v1/models")
    assert caught.value.code == "method_not_allowed"


NAMES = [
    "m?x",
    "m#x",
    "m x",
    "..",
    ".",
    "m%2Fx",
    "m\n",
    "m\x00",
    "m\udcff",
    "möbius",
    "[",
    ";",
    "\\",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_sent_as_it_is(served: ServedHome, home: SmallHome, name: str) -> None:
    def look(client: Connection) -> None:
        with pytest.raises(ModelNotFound):
            client.get(f"/api/v1/models/{segment('model', name)}/status")
        with pytest.raises(InvalidInput):
            client.get("/api/v1/ml/versions", tag=[name])

    look(served.speaker("all"))
    with speaking(home, "all") as client:
        look(client)


def test_a_wrong_token_is_reported_and_never_quoted(served: ServedHome) -> None:
    remote = RemoteServer(served.url)
    with pytest.raises(Unauthenticated) as caught:
        Connection(remote, TOKEN).get("/api/v1/models")
    assert TOKEN not in caught.value.message
    remote.close()


def test_a_prefix_of_the_path_is_kept() -> None:
    with stranger(200, b"[]") as server:
        assert ask(f"{server.url}/deployed/") == []
        assert server.requested[0][0] == "/deployed/api/v1/models"


def test_token_files(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert read_token(file, None, {}) == TOKEN
    assert read_token(None, None, {"TRADEWORTHY_TOKEN_FILE": str(file)}) == TOKEN
    for content in (f"{TOKEN} {TOKEN}".encode(), b"a\nb", "é".encode(), b"\xff"):
        file.write_bytes(content)
        with pytest.raises(Unauthenticated) as caught:
            read_token(file, None, {})
        assert TOKEN not in caught.value.message
    with pytest.raises(Unauthenticated):
        read_token(tmp_path, None, {})
    file.write_text("")
    assert read_token(file, None, {}) is None


@pytest.mark.parametrize("token", [f"{TOKEN}ü", f"{TOKEN}\x00", f"{TOKEN} {TOKEN}", f"{TOKEN}\nx"])
def test_what_is_no_token_is_refused_and_never_quoted(token: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        Client(server="http://127.0.0.1:9", token=token)
    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert not any(TOKEN in repr(each) for each in chain)


def test_a_token_is_taken_as_it_stands_in_a_file(served: ServedHome) -> None:
    token = f"{served.home.token('all')}\n"
    with Client(server=served.url, token=token) as client:
        assert client.models()
        assert repr(client) == f"<Client of {served.url}>"
    with pytest.raises(ServerUnreachable, match="closed"):
        client.models()


def test_a_header_that_cannot_be_sent_is_not_quoted(served: ServedHome) -> None:
    with pytest.raises(ServerUnreachable) as caught:
        Connection(RemoteServer(served.url), f"{TOKEN}\n").get("/api/v1/models")
    assert TOKEN not in caught.value.message
    assert caught.value.__cause__ is None


def test_numbers_of_numpy_are_sent_as_numbers(served: ServedHome) -> None:
    rows = [{name: np.float32(0.5) for name in INPUTS}]
    with Client(server=served.url, token=served.home.token("vera")) as client:
        answer = client.predict("m", rows, feature_graph_hash=served.graph_hash())  # type: ignore[arg-type]
    assert len(answer.predictions) == 1


@pytest.mark.parametrize("body", [b"{}", b'[{"name": "m"}]', b'"m"', b"null"])
def test_answers_of_another_service_are_none_of_ours(body: bytes) -> None:
    with stranger(200, body) as server, Client(server=server.url, token=TOKEN) as client:
        with pytest.raises(ServerUnreachable, match="ListedModel"):
            client.models()
        with pytest.raises(ServerUnreachable, match="ModelStatus"):
            client.status("m")


def test_fields_that_a_newer_server_adds_are_passed_over() -> None:
    report = {
        "version": 1,
        "ready": True,
    }
    body = {
        "model": "m",
        "strategy": "s",
        "revision": 3,
        "production": None,
        "alignment": None,
        "epoch": 0,
        "drift": None,
        "quarantined": False,
        "rollback": report | {"since": "2030-01-01"},
        "sunset": None,
    }
    with stranger(200, json.dumps(body).encode()) as server:
        status = Client(server=server.url, token=TOKEN).status("m")
    assert status.rollback is not None
    assert status.rollback.model_dump() == report


def test_a_client_of_a_server_and_one_of_a_home_see_the_same(
    served: ServedHome, home: SmallHome
) -> None:
    token = home.token("vera")
    with (
        Client(server=served.url, token=token) as remote,
        Client(home=home.folder, token=token) as own,
    ):
        assert remote.models() == own.models() != []
        assert remote.status("m") == own.status("m")
        assert remote.versions("m") == own.versions("m") != []
        assert remote.search_versions() == own.search_versions() != []
        assert remote.policy("m") == own.policy("m")


@pytest.mark.parametrize("rows", [[1.0], pl.DataFrame({"a": [1.0]}), "ab"])
def test_rows_that_are_no_mappings_are_refused_with_the_way_to_make_them(rows: Any) -> None:
    with (
        Client(server="http://127.0.0.1:9", token=TOKEN) as client,
        pytest.raises(InvalidInput, match=r"row 0 is no mapping .* give table\.to_dicts\(\)"),
    ):
        client.predict("m", rows, feature_graph_hash="0" * 64)
