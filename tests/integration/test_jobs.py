"""Backtests as jobs of a real service process: done, refused, killed and taken up again."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.served_home import reported
from api.small_home import SmallHome, make_home, speaking, train
from command_process import run_command
from contract.one_call import unit, view
from made_once import made_once
from tradeworthy.access.roles import Actor, Role
from tradeworthy.base.clock import utc_now
from tradeworthy.lifecycle.job_state import JobState
from tradeworthy.model_registry.job_records import visible_job
from tradeworthy.model_registry.jobs import MAX_ATTEMPTS
from tradeworthy.runtime.service import Service as OpenedService
from tradeworthy.runtime.service import open_service
from tradeworthy.store.sql_store import SqlStore
from waiting import until

CLI = [sys.executable, "-m", "tradeworthy"]
WAITING_ROOM = Path(__file__).with_name("waiting_room")
BACKTEST = "/api/v1/ml/m/backtest"
ASYNC = {"Prefer": "respond-async"}
UNKNOWN = "0" * 32
ANA = Actor("ana", frozenset({Role.RESEARCHER}))
LEASE = timedelta(seconds=1)


class Service:
    """A service process; with a door, its evaluations wait until that is opened."""

    def __init__(self, home: SmallHome, door: Path | None = None, **settings: object) -> None:
        self.home = home
        environment = os.environ | {
            f"TRADEWORTHY_{name.upper()}": str(value) for name, value in settings.items()
        }
        if door is not None:
            environment["PYTHONPATH"] = os.pathsep.join((str(WAITING_ROOM), str(door.parent)))
        command = [*CLI, "--home", str(home.folder), "serve", "--port", "0", "--no-scheduler"]
        self.process = subprocess.Popen(
            [*command, "--until-eof"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self.process.stderr is not None
        self.url = self.process.stderr.readline().split()[-1]
        self.client = httpx.Client(base_url=self.url, timeout=None)

    def send(self, who: str | None, method: str, path: str, **request: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.home.token(who)}"} if who else {}
        headers |= request.pop("headers", {})
        return self.client.request(method, path, headers=headers, **request)

    def submit(self, who: str = "ana", *, headers: Any = None, **requested: Any) -> httpx.Response:
        body = {"version": 1, **requested}
        return self.send(who, "POST", BACKTEST, json=body, headers=headers or ASYNC)

    def job(self, job: str) -> dict[str, Any]:
        return dict(self.send("vera", "GET", f"/api/v1/ml/jobs/{job}").json())

    def ended(self, job: str) -> dict[str, Any]:
        until(lambda: self.job(job)["state"] in {"DONE", "FAILED"})
        return self.job(job)

    def running(self, job: str) -> None:
        until(lambda: self.job(job)["state"] == "RUNNING")

    def end(self, name: signal.Signals) -> None:
        """Send the process a signal and wait for its end."""
        self.client.close()
        self.process.send_signal(name)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stderr):
            assert pipe is not None
            pipe.close()


Serve = Callable[..., Service]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """A home with one TRAINED version and a DRAFT; nobody writes to it, copies of it are used."""

    def make(folder: Path) -> None:
        home = make_home(folder / "home")
        with speaking(home, "ana") as ana:
            ana.post("/api/v1/ml/models", {"name": "m", "strategy": "trend", "owner": "desk"})
            train(home, ana, "m", folder)
            ana.post("/api/v1/ml/m/versions")

    return SmallHome(made_once(tmp_path_factory, "trained", make) / "home")


@pytest.fixture
def home(trained: SmallHome, tmp_path: Path) -> SmallHome:
    """A copy of the home, to change."""
    return trained.copy(tmp_path / "home")


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve homes until the test is over."""
    running: list[Service] = []

    def start(home: SmallHome, door: Path | None = None, **settings: object) -> Service:
        running.append(Service(home, door, **settings))
        return running[-1]

    yield start
    for service in running:
        if service.process.returncode is None:
            service.end(signal.SIGTERM)


@pytest.fixture(scope="module")
def shared(trained: SmallHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that tests submit jobs to."""
    service = Service(trained.copy(tmp_path_factory.mktemp("shared") / "home"))
    yield service
    service.end(signal.SIGTERM)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Path]:
    """A closed door; in the end it is opened to whoever still waits behind it."""
    path = tmp_path / "door"
    os.mkfifo(path)
    yield path
    # Nobody waits there: that is well.
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))


@contextmanager
def opened_door(door: Path) -> Iterator[None]:
    """Let whoever comes to the door pass: each process takes a byte."""
    held = os.open(door, os.O_RDWR)
    os.write(held, b"." * 64)
    yield
    os.close(held)


# -- the answers -----------------------------------------------------------------------------


def test_a_job_comes_to_what_the_synchronous_answer_says(shared: Service) -> None:
    accepted = shared.submit(costs={"commission_bps": 1.0, "slippage_bps": 2.5})
    assert accepted.status_code == 202
    body = accepted.json()
    assert body == {"job": body["job"], "state": "QUEUED"}
    assert accepted.headers["location"] == f"/api/v1/ml/jobs/{body['job']}"
    assert accepted.headers["preference-applied"] == "respond-async"
    found = shared.ended(body["job"])
    assert (found["state"], found["actor"], found["attempt"]) == ("DONE", "ana", 1)
    assert found["problem"] is None
    requested = {"commission_bps": 1.0, "slippage_bps": 2.5}
    other = {"Prefer": "wait=30, handling=lenient"}
    synchronous = shared.submit(headers=other, costs=requested)
    assert synchronous.status_code == 200
    assert "preference-applied" not in synchronous.headers
    direct = synchronous.json()
    assert found["result"]["evidence"]["settings"]["slippage_bps"] == 2.5
    for same in ("model", "version", "result_digest", "evidence_digest", "metrics", "evidence"):
        assert found["result"][same] == direct[same]
    assert found["result"].keys() == direct.keys()
    assert found["result"]["verdict"]["gates"] == direct["verdict"]["gates"]


@pytest.mark.parametrize("prefer", ["Respond-Async, wait=5", "wait=5, respond-async;x=1"])
def test_the_preference_is_found_among_others(shared: Service, prefer: str) -> None:
    assert shared.submit(headers={"Prefer": prefer}).status_code == 202


def test_a_job_that_fails_tells_why(shared: Service) -> None:
    accepted = shared.submit(dataset_hash="0" * 64)
    assert accepted.status_code == 202
    found = shared.ended(accepted.json()["job"])
    assert (found["state"], found["result"]) == ("FAILED", None)
    refused = shared.submit(headers={"Prefer": "wait=30"}, dataset_hash="0" * 64)
    path = f"/api/v1/ml/jobs/{found['job']}"
    assert found["problem"] == refused.json() | {"instance": path}


REFUSED = {
    "no version": ("ana", {"version": 99}, (404, "version_not_found")),
    "a draft": ("ana", {"version": 2}, (409, "invalid_transition")),
    "a viewer": ("vera", {}, (403, "forbidden")),
    "another strategy": ("out", {}, (403, "forbidden")),
    "costs": ("ana", {"costs": {"commission_bps": -1, "slippage_bps": 0}}, (422, "invalid_input")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_never_run_is_not_accepted(shared: Service, case: str) -> None:
    who, requested, answer = REFUSED[case]
    assert reported(shared.submit(who, **requested)) == answer


def test_jobs_are_shown_to_whom_the_strategy_is(shared: Service) -> None:
    path = shared.submit().headers["location"]
    for who in ("vera", "olga", "sam"):
        assert shared.send(who, "GET", path).status_code == 200
    assert reported(shared.send("out", "GET", path)) == (403, "forbidden")
    assert reported(shared.send(None, "GET", path)) == (401, "unauthenticated")
    for unknown in (UNKNOWN, "nobody", UNKNOWN.upper() + "F", "%00", "history"):
        answer = shared.send("ana", "GET", f"/api/v1/ml/jobs/{unknown}")
        assert reported(answer) == (404, "not_found")


def test_a_key_gets_one_job(shared: Service) -> None:
    headers = ASYNC | {"Idempotency-Key": "nightly"}
    first = shared.submit(headers=headers)
    again = shared.submit(headers=headers)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    for name in ("location", "preference-applied"):
        assert again.headers[name] == first.headers[name]
    without = shared.submit(headers={"Idempotency-Key": "nightly"})
    assert reported(without) == (409, "idempotency_conflict")


def test_no_model_is_named_jobs(shared: Service) -> None:
    requested = {"name": "jobs", "strategy": "trend", "owner": "desk"}
    answer = shared.send("ana", "POST", "/api/v1/ml/models", json=requested)
    assert reported(answer) == (422, "invalid_input")


def test_the_document_says_so(shared: Service) -> None:
    document = shared.client.get("/openapi.json").json()
    operation = document["paths"]["/api/v1/ml/{model}/backtest"]["post"]
    assert {"200", "202"} <= operation["responses"].keys()
    assert {"Location", "Preference-Applied"} <= operation["responses"]["202"]["headers"].keys()
    assert "Prefer" in {each["name"] for each in operation["parameters"]}
    assert "/api/v1/ml/jobs/{job}" in document["paths"]


# -- the command line ------------------------------------------------------------------------


def command(home: SmallHome, *arguments: str, server: str | None = None) -> str:
    options = ["--home", str(home.folder), "--token-file", str(home.folder / "ana.token")]
    options += ["--server", server] if server else []
    done = run_command([*options, *arguments], folder=home.folder, environment=os.environ)
    assert done.code == 0, done.err
    return done.out


def test_a_job_left_in_the_home_is_taken_by_the_next_service(home: SmallHome, serve: Serve) -> None:
    left = json.loads(command(home, "backtest", "m", "1", "--no-wait", "--json"))
    assert left["state"] == "QUEUED"
    assert "QUEUED" in command(home, "jobs", "show", left["job"])
    service = serve(home)
    found = service.ended(left["job"])
    shown = command(home, "jobs", "show", left["job"], "--json", server=service.url)
    assert json.loads(shown) == found
    assert found["state"] == "DONE"
    lines = command(home, "jobs", "show", left["job"], server=service.url)
    assert found["result"]["result_digest"] in lines
    assert "min_sharpe" in lines


# -- killed, stopped, slow -------------------------------------------------------------------


def test_a_killed_services_job_is_done_by_the_next_one(
    home: SmallHome, serve: Serve, door: Path
) -> None:
    service = serve(home, door, job_lease_seconds=1)
    job = service.submit().json()["job"]
    service.running(job)
    service.end(signal.SIGKILL)
    restarted = serve(home, job_lease_seconds=1)
    found = restarted.ended(job)
    assert (found["state"], found["attempt"], found["actor"]) == ("DONE", 2, "ana")
    direct = restarted.submit(headers={"Prefer": "wait=30"}).json()
    assert found["result"]["result_digest"] == direct["result_digest"]


def test_a_stopped_service_gives_its_job_back_at_once(
    home: SmallHome, serve: Serve, door: Path
) -> None:
    service = serve(home, door, job_lease_seconds=3600)
    job = service.submit().json()["job"]
    service.running(job)
    service.end(signal.SIGTERM)
    found = serve(home, job_lease_seconds=3600).ended(job)
    assert (found["state"], found["attempt"]) == ("DONE", 2)


def test_a_slow_job_stays_with_its_living_worker(home: SmallHome, serve: Serve, door: Path) -> None:
    service = serve(home, door, job_lease_seconds=1)
    job = service.submit().json()["job"]
    service.running(job)
    store = SqlStore.open(f"sqlite:///{home.database}")

    def lease_until() -> datetime:
        found = view(store).jobs.get(job)
        assert found is not None
        assert found.lease_until is not None
        return found.lease_until

    first = lease_until()
    until(lambda: lease_until() > first + LEASE)
    # Not renewed, it would be free by then.
    assert unit(store).jobs.claim(first + LEASE, LEASE) is None
    store.close()
    with opened_door(door):
        found = service.ended(job)
    assert (found["state"], found["attempt"]) == ("DONE", 1)


def test_a_late_workers_outcome_is_refused(home: SmallHome, serve: Serve, door: Path) -> None:
    service = serve(home, door)
    late = service.submit().json()["job"]
    service.running(late)
    store = SqlStore.open(f"sqlite:///{home.database}")
    an_hour = timedelta(hours=1)
    mine = unit(store).jobs.claim(utc_now() + an_hour, an_hour)
    assert mine is not None
    assert (mine.id, mine.attempt) == (late, 2)
    next_one = service.submit().json()["job"]
    with opened_door(door):
        # Jobs run one at a time: the late one has come to its end by then.
        assert service.ended(next_one)["state"] == "DONE"
    assert view(store).jobs.get(late) == mine
    store.close()


# -- the home itself -------------------------------------------------------------------------


@pytest.fixture
def opened(home: SmallHome) -> Iterator[OpenedService]:
    """The service of a home in this process; nothing runs beside them."""
    service = open_service(home.settings(), randomness=secrets.token_bytes)
    yield service
    service.close()


def test_a_job_that_takes_its_workers_down_fails_in_the_end(opened: OpenedService) -> None:
    job = opened.jobs.submit_backtest("m", 1, actor=ANA).id
    for _ in range(MAX_ATTEMPTS):
        assert unit(opened.store).jobs.claim(utc_now(), timedelta(0)) is not None
    assert opened.jobs.run_next()
    found = visible_job(opened.store, job, actor=ANA)
    assert found.state is JobState.FAILED
    assert found.problem is not None
    assert found.problem.code == "internal_error"
    assert "5 workers" in found.problem.message
    assert not opened.jobs.run_next()


def test_an_unexpected_error_fails_the_job_and_not_the_worker(
    opened: OpenedService, caplog: pytest.LogCaptureFixture
) -> None:
    job = opened.jobs.submit_backtest("m", 1, actor=ANA)
    broken = replace(job, id=UNKNOWN, request={}, created_at=job.created_at - timedelta(days=1))
    unit(opened.store).jobs.add(broken)
    assert opened.jobs.run_next()
    assert UNKNOWN in caplog.text
    found = visible_job(opened.store, UNKNOWN, actor=ANA)
    assert found.state is JobState.FAILED
    assert found.problem is not None
    assert found.problem.code == "internal_error"
    assert "log" in found.problem.message


def test_a_job_runs_with_the_rights_of_whoever_sent_it(opened: OpenedService) -> None:
    job = opened.jobs.submit_backtest("m", 1, actor=ANA)
    viewer = Actor("ana", frozenset({Role.VIEWER}))
    unit(opened.store).jobs.add(
        replace(job, id=UNKNOWN, actor=viewer, created_at=job.created_at - timedelta(days=1))
    )
    assert opened.jobs.run_next()
    found = visible_job(opened.store, UNKNOWN, actor=viewer)
    assert found.problem is not None
    assert found.problem.code == "forbidden"


def test_a_worker_wakes_when_a_job_is_submitted(opened: OpenedService) -> None:
    assert not opened.jobs.wait(0)
    opened.jobs.submit_backtest("m", 1, actor=ANA)
    assert opened.jobs.wait(0)
    assert not opened.jobs.wait(0)
    opened.jobs.stop()
    assert opened.jobs.wait(0)
    assert opened.jobs.stopped
