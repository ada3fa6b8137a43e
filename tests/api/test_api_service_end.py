"""A service that ends: what it was sent is answered, and nothing keeps it."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.database_copy import copy_database
from api.service_process import (
    WAITING_ROOM,
    ServiceProcess,
    answer,
    problem_of,
    rest,
)
from api.small_home import SmallHome
from processes import alive, children_of
from waiting import until

STOPPING = (503, "service_stopping")
Start = Callable[..., ServiceProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start services that are gone after the test."""
    started: list[ServiceProcess] = []

    def service(home: SmallHome, **settings: object) -> ServiceProcess:
        started.append(ServiceProcess(home, **settings))
        return started[-1]

    yield service
    for each in started:
        each.close()


@pytest.mark.parametrize(("how", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_ends_in_order_as_soon_as_it_serves(
    home: SmallHome, start: Start, how: signal.Signals, code: int
) -> None:
    service = start(home)
    service.signal(how)
    assert service.end() == (code, "")


def test_nothing_that_was_half_sent_or_is_idle_keeps_it(home: SmallHome, start: Start) -> None:
    service = start(home)
    request = service.request()
    idle = service.connection(request)
    assert answer(idle).startswith(b"HTTP/1.1 200 ")
    silent = service.connection()
    halves = [service.connection(request[:length]) for length in (30, len(request) - 5)]
    service.signal(signal.SIGTERM)
    assert [problem_of(rest(each)) for each in halves] == [STOPPING, STOPPING]
    assert [rest(idle), rest(silent)] == [b"", b""]
    code, said = service.end()
    assert code == 0
    assert said == ""


def test_what_is_on_its_way_is_answered_as_the_last_of_its_connection(
    home: SmallHome, start: Start
) -> None:
    """Signal and requests wait together: the service learns of both at once."""
    service = start(home)
    busy = [service.connection(service.request()) for _ in range(32)]
    assert all(answer(each).startswith(b"HTTP/1.1 200 ") for each in busy)
    service.pause()
    service.signal(signal.SIGTERM)
    for number, each in enumerate(busy):
        each.sendall(service.request() * (1 + number % 3))
    service.signal(signal.SIGCONT)
    for number, each in enumerate(busy):
        received = rest(each)
        count = 1 + number % 3
        assert received.count(b"HTTP/1.1 200 ") == received.count(b'"predictions":[') == count
        *before, last = received.split(b"HTTP/1.1 ")
        assert b"\r\nconnection: close\r\n" in last
        assert b"connection: close" not in b"".join(before)
    assert service.end() == (0, "")


def test_an_evaluation_that_runs_is_cut_off(home: SmallHome, start: Start, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "door")
    service = start(home, pythonpath=os.pathsep.join((str(WAITING_ROOM), str(tmp_path))))
    backtest = service.request("ana", path="/api/v1/ml/m/backtest", body={"version": 3})
    waiting = service.connection(backtest)
    children = until(lambda: children_of(service.pid))
    service.signal(signal.SIGTERM)
    assert problem_of(rest(waiting)) == STOPPING
    code, said = service.end()
    assert code == 0, said
    until(lambda: not any(map(alive, children)))


def test_a_second_signal_ends_it_at_once(home: SmallHome, start: Start) -> None:
    service = start(home)
    half = service.connection(service.request()[:-1])
    service.signal(signal.SIGTERM)
    until(service.refuses_connections)
    service.signal(signal.SIGTERM)
    assert service.end() == (-signal.SIGTERM, "")
    assert rest(half) == b""


def test_the_end_of_its_input_is_no_second_signal(home: SmallHome, start: Start) -> None:
    """As where a supervisor stops a service and goes: what was sent is answered."""
    service = start(home)
    busy = service.connection(service.request())
    assert answer(busy).startswith(b"HTTP/1.1 200 ")
    service.pause()
    busy.sendall(service.request())
    service.signal(signal.SIGTERM)
    assert service.process.stdin is not None
    service.process.stdin.close()
    service.signal(signal.SIGCONT)
    assert rest(busy).startswith(b"HTTP/1.1 200 ")
    assert service.end() == (0, "")


def test_it_ends_with_its_input(home: SmallHome, start: Start) -> None:
    service = start(home)
    assert service.process.stdin is not None
    service.process.stdin.close()
    assert service.end() == (0, "")


@pytest.mark.postgres
def test_a_database_that_hangs_is_seen_and_keeps_nothing(
    request: pytest.FixtureRequest, home: SmallHome, start: Start
) -> None:
    server = request.getfixturevalue("postgres")
    with server.database() as url:
        copy_database(f"sqlite:///{home.database}", url)
        service = start(home, lease_seconds=1, database_url=url)
        until(lambda: service.get("/readyz").status_code == 200)
        with server.stopped():
            models = service.request(method="GET", path="/api/v1/models")
            # More than there are threads: what needs none is answered all the same.
            waiting = [service.connection(models) for _ in range(50)]
            until(lambda: service.get("/readyz").status_code == 503)
            assert service.get("/readyz").json()["code"] == "release_unconfirmed"
            assert service.get("/healthz").status_code == 200
        assert all(answer(each).startswith(b"HTTP/1.1 200 ") for each in waiting)
        until(lambda: service.get("/readyz").status_code == 200)
        with server.stopped():
            waiting = [service.connection(models) for _ in range(50)]
            service.signal(signal.SIGTERM)
            answers = {problem_of(rest(each)) for each in waiting}
            assert answers <= {STOPPING, (503, "store_unavailable")}
            assert service.end()[0] == 0


def test_it_is_not_ready_while_the_log_has_no_room(home: SmallHome, start: Start) -> None:
    """A limit on the size of files stands for the full disk."""
    service = start(home)
    assert service.get("/readyz").status_code == 200
    _, hard = resource.prlimit(service.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (1, hard))
    refused = service.connection(service.request())
    assert problem_of(answer(refused)) == (503, "prediction_log_full")
    assert service.get("/readyz").json()["code"] == "prediction_log_full"
    assert service.get("/healthz").status_code == 200
    resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (hard, hard))
    # By itself: a proxy sends nothing to a service that is not ready.
    until(lambda: service.get("/readyz").status_code == 200)
