"""Requests as they come over the wire: what clients do that HTTP libraries for tests do not."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import socket
import threading
from contextlib import suppress
from functools import partial
from typing import Any

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from api.served_home import ServedHome, row
from api.service_process import problem_of, rest
from tradeworthy.api.http import http_protocol
from tradeworthy.api.http.exchange import Exchange
from tradeworthy.api.http.http_protocol import HttpConnection
from tradeworthy.api.http.request_reader import MAX_HEAD_BYTES
from waiting import until

PREDICT = "/api/v1/models/m/predict"
OFFER = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABk"}
LAST = {"connection": "close"}


def request(served: ServedHome, method: str = "POST", path: str = PREDICT, **headers: str) -> bytes:
    requested = {"rows": [row()], "feature_graph_hash": served.graph_hash()}
    body = json.dumps(requested).encode()
    given = {
        "host": "trading",
        "authorization": f"Bearer {served.home.token('vera')}",
        "content-type": "application/json",
        "content-length": str(len(body)),
    } | headers
    if "transfer-encoding" in given:
        del given["content-length"]
        body = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def talk(served: ServedHome, *pieces: bytes) -> bytes:
    """Send the pieces one by one and read until the service closes the connection."""
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        answer = b""
        while received := connection.recv(65_536):
            answer += received
    return answer


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", answer)]


@pytest.mark.parametrize("chunked", [{}, {"transfer-encoding": "chunked"}])
@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_an_offer_of_http_2_is_passed_over(
    served: ServedHome, chunked: dict[str, str], size: int
) -> None:
    """Java's client makes one; its body must not be lost, whole or in pieces."""
    sent = request(served, **OFFER, **chunked) + request(served, **LAST)
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    answer = talk(served, *pieces)
    assert statuses(answer) == [200, 200]
    assert answer.count(b'"predictions":[') == 2


def test_many_offers_on_one_connection(served: ServedHome) -> None:
    last = OFFER | {"connection": "upgrade, close"}
    sent = request(served, **OFFER) * 300 + request(served, **last)
    assert statuses(talk(served, sent)) == [200] * 301


def test_an_offer_changes_nothing_else(served: ServedHome) -> None:
    unknown = OFFER | {"authorization": "Bearer unknown"}
    answer = talk(served, request(served, **unknown), request(served, **LAST))
    assert statuses(answer) == [401, 200]
    web_socket = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    answer = talk(served, request(served, "GET", **web_socket), request(served, **LAST))
    assert statuses(answer) == [405, 200]
    assert statuses(talk(served, request(served, "CONNECT"))) == [400]


@pytest.mark.parametrize("part", [b"y", b"x: y\r\n", b"/"])
def test_a_head_without_end_is_cut_off(served: ServedHome, part: bytes) -> None:
    """Nobody knows yet who sends it, and the rest of the service must not wait for it."""
    begin = {b"y": b"POST / HTTP/1.1\r\nx: ", b"/": b"POST "}.get(part, b"POST / HTTP/1.1\r\n")
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(begin)
        with pytest.raises(ConnectionError):
            for _ in range(10_000):
                connection.sendall(part * 10_000)
    assert statuses(talk(served, request(served, **LAST))) == [200]


def test_a_long_head_is_taken(served: ServedHome) -> None:
    long = {f"x-{number}": "y" * 900 for number in range(60)}
    sent = request(served, **long) + request(served, **long, **OFFER) + request(served, **LAST)
    for size in (1000, 1_000_000):
        pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
        assert statuses(talk(served, *pieces)) == [200, 200, 200]


def test_requests_sent_at_once_are_answered_in_their_order(served: ServedHome) -> None:
    sent = [
        request(served),
        request(served, authorization="Bearer unknown"),
        request(served, path="/healthz"),
        request(served, **LAST),
    ]
    assert statuses(talk(served, b"".join(sent))) == [200, 401, 405, 200]


@pytest.mark.parametrize(
    "path", [f"{PREDICT}/", f"/{PREDICT}", "/api/v1/models//predict", "/healthz/"]
)
def test_a_slash_too_many_is_no_route(served: ServedHome, path: str) -> None:
    answer = talk(served, request(served, path=path, **LAST))
    assert statuses(answer) == [404]
    assert b'"route_not_found"' in answer
    assert b"location:" not in answer.lower()


def test_an_answer_does_not_say_what_serves_it(served: ServedHome) -> None:
    for path in (PREDICT, "/healthz"):
        head = talk(served, request(served, path=path, **LAST)).partition(b"\r\n\r\n")[0].lower()
        assert b"\r\ndate:" not in head
        assert b"\r\nserver:" not in head


def test_clients_drop_an_idle_connection_before_the_service_does(served: ServedHome) -> None:
    """A request that crossed with the service's closing would get no answer."""
    kept = httpx.Limits().keepalive_expiry
    assert kept is not None
    assert served.idle_seconds > kept


def half_sent(served: ServedHome, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", served.port))
    connection.sendall(sent)
    return connection


@pytest.mark.parametrize("length", [1, 30, -3])
def test_a_request_that_does_not_come_to_its_end_is_refused(
    served: ServedHome, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setattr(http_protocol, "REQUEST_SECONDS", 1)
    sent = request(served)[:length]
    with half_sent(served, sent) as connection:
        received = rest(connection)
    assert problem_of(received) == (408, "request_too_slow")
    assert b"connection: close" in received


def test_a_request_that_goes_on_has_time(
    served: ServedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has brought many bytes outlasts what has brought few, and is answered."""
    monkeypatch.setattr(http_protocol, "REQUEST_SECONDS", 1)
    monkeypatch.setattr(http_protocol, "BYTES_A_SECOND", 1)
    whole = request(served, **LAST)
    long = {"x-long": "y" * 50_000} | LAST
    with half_sent(served, request(served, **long)[:-1]) as much, half_sent(served, b"P") as few:
        assert problem_of(rest(few))[0] == 408
        much.sendall(whole[-1:])
        assert statuses(rest(much)) == [200]


def test_a_connection_on_which_nothing_comes_is_closed(
    served: ServedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.server.config, "timeout_keep_alive", 1)
    with half_sent(served, b"") as silent, half_sent(served, request(served)) as idle:
        assert rest(silent) == b""
        assert statuses(rest(idle)) == [200]


def test_requests_before_one_that_is_none_are_answered(served: ServedHome) -> None:
    answer = talk(served, request(served) * 3 + b"this is no request\r\n\r\n")
    assert statuses(answer)[:3] == [200, 200, 200]
    assert statuses(talk(served, b"this is no request\r\n\r\n")) == [400]


NOT_FOUND = b"HTTP/1.1 404 "
BARE = b"GET /nothing HTTP/1.1\r\nhost: trading\r\n\r\n"


def test_however_many_requests_are_sent_at_once_few_wait_and_all_are_answered(
    served: ServedHome,
) -> None:
    count = 2000
    most = http_protocol.MOST_WAITING + http_protocol.PIECE // len(BARE) + 2
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        sending = threading.Thread(target=connection.sendall, args=(BARE * count,))
        sending.start()
        answered, before = 0, b""
        while answered < count:
            received = connection.recv(65_536)
            assert received
            answered += (before + received).count(NOT_FOUND)
            # A line may come in two pieces.
            before = (before + received)[1 - len(NOT_FOUND) :]
            assert unanswered() <= most
        sending.join()


def unanswered() -> int:
    """Requests that will get an answer; what is done with may wait for the collector."""
    kept = [each for each in gc.get_objects() if type(each) is Exchange]
    return sum(not each.complete and not each.gone for each in kept)


def test_a_client_that_waits_to_send_its_body_and_is_refused_may_send_it_or_not(
    served: ServedHome,
) -> None:
    """Nobody could tell its body from its next request: the refusal ends the connection."""
    waits = {"expect": "100-continue", "authorization": "Bearer unknown", "content-length": "9"}
    head = request(served, **waits).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    for sent in (head, head + b"GET / HTT", head + BARE):
        answer = talk(served, sent)
        assert statuses(answer) == [401]
        assert b"\r\nconnection: close\r\n" in answer


def half_closed(served: ServedHome, sent: bytes) -> bytes:
    """What is answered to a client that sends no more, but reads."""
    with half_sent(served, sent) as connection:
        connection.shutdown(socket.SHUT_WR)
        return rest(connection)


@pytest.mark.parametrize("count", [1, 2, 3 * http_protocol.MOST_WAITING])
@pytest.mark.parametrize("cut_off", [0, 20, -3])
def test_the_end_of_what_is_sent_is_not_the_end_of_what_is_answered(
    served: ServedHome, count: int, cut_off: int
) -> None:
    whole = request(served)
    begun = whole[:cut_off]
    assert statuses(half_closed(served, whole * count + begun)) == [200] * count


def test_a_client_that_sends_nothing_whole_is_let_go(served: ServedHome) -> None:
    for length in (0, 20, -3):
        assert half_closed(served, request(served)[:length]) == b""


def chunked(served: ServedHome, trailers: bytes, **headers: str) -> bytes:
    """A read of models with an empty chunked body, and what stands behind it."""
    whole = {"transfer-encoding": "chunked", **LAST, **headers}
    head = request(served, "GET", "/api/v1/models", **whole).partition(b"\r\n\r\n")[0]
    return head + b"\r\n\r\n0\r\n" + trailers


def test_what_stands_behind_a_body_is_no_header(served: ServedHome) -> None:
    token = f"authorization: Bearer {served.home.token('vera')}\r\n\r\n".encode()
    unknown = b"authorization: Bearer unknown\r\n\r\n"
    assert statuses(talk(served, chunked(served, token, authorization=""))) == [401]
    assert statuses(talk(served, chunked(served, unknown))) == [200]


@pytest.mark.parametrize("line", [b"x: y\r\n", b"y"])
def test_what_stands_behind_a_body_has_an_end(served: ServedHome, line: bytes) -> None:
    """Many trailers, or one that does not end; answered already or not."""
    for headers in ({}, {"authorization": "Bearer unknown"}):
        kept = chunked(served, b"z: " + line, connection="keep-alive", **headers)
        sent = kept + line * (4 * MAX_HEAD_BYTES)
        with socket.create_connection(("127.0.0.1", served.port)) as connection:
            with suppress(ConnectionError):
                connection.sendall(sent)
            assert statuses(rest(connection)) in ([400], [401], [401, 400], [])


def test_a_client_that_reads_nothing_of_its_answers_is_let_go(
    served: ServedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "UNREAD_SECONDS", 1)
    wanted = b"GET /openapi.json HTTP/1.1\r\nhost: trading\r\n\r\n"
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(wanted * 200)
        port = connection.getsockname()[1]
        assert connection.recv(1)
        until(lambda: port not in ports_of(served))


def test_a_client_that_reads_slowly_but_steadily_gets_the_whole_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A second passes with each piece that it takes."""
    monkeypatch.setattr(http_protocol, "UNREAD_SECONDS", 1)
    size = 8 * 2**20
    assert asyncio.run(read_in_pieces(b"x" * size)) > size


async def read_in_pieces(body: bytes) -> int:
    loop = asyncio.get_running_loop()
    config = uvicorn.Config(partial(sends, body), interface="asgi3", proxy_headers=False)
    config.load()
    here, there = socket.socketpair()
    here.setblocking(False)
    connection = HttpConnection(config, ServerState(), {}, loop)
    await loop.connect_accepted_socket(lambda: connection, there)
    await loop.sock_sendall(here, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    received = 0
    with here:
        while piece := await loop.sock_recv(here, 2**18):
            received += len(piece)
            connection.tick()
    return received


async def sends(body: bytes, _scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def ports_of(served: ServedHome) -> set[int]:
    """The clients' ends of the connections that the service holds."""
    held = list(served.server.server_state.connections)
    peers = [each.transport.get_extra_info("peername") for each in held]
    return {peer[1] for peer in peers if peer is not None}
