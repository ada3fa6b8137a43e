"""What several suites need: databases of every kind, tokens, clocks."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine

from contract.naive_store import NaiveStore
from postgres_server import PostgresServer, empty, find_server
from tradeworthy.store.engine import open_engine
from tradeworthy.store.migrations import upgrade
from tradeworthy.store.sql_store import SqlStore
from tradeworthy.store.tables import metadata
from tradeworthy.store.unit_of_work import Store

# How long an example takes is the machine's affair.
settings.register_profile("full", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("full"), max_examples=10)
settings.load_profile("full")

pytest.register_assert_rewrite("contract.suites")
MINUTES = ("tests/docs/test_tutorial.py", "tests/demo/test_demo.py::TestDemo")
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that everybody can get to: those of pytest are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A real PostgreSQL server: one from the environment, else a private cluster."""
    server = find_server(tmp_path_factory.mktemp("postgres"))
    if server is None:
        message = "no PostgreSQL server: install Debian's postgresql or set TRADEWORTHY_TEST_DSN"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)
    with server:
        yield server


KINDS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgres))


@pytest.fixture(params=KINDS)
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield from _opened(f"sqlite:///{tmp_path / 'tradeworthy.sqlite'}")
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database() as url:
        yield from _opened(url)


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database of each kind with the present schema."""
    yield from _database(request.param, request, tmp_path)


@pytest.fixture
def sql_store(engine: Engine) -> SqlStore:
    """A store on each kind of database."""
    return SqlStore(engine)


@pytest.fixture(params=["memory", *KINDS])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Every implementation of the store."""
    if request.param == "memory":
        yield NaiveStore()
        return
    for engine in _database(request.param, request, tmp_path):
        yield SqlStore(engine)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the present schema, which is only copied."""
    path = tmp_path_factory.mktemp("template") / "tradeworthy.sqlite"
    for engine in _opened(f"sqlite:///{path}"):
        upgrade(engine)
    return path


@pytest.fixture(scope="session")
def postgres_database(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a database with the present schema; one test after the other has it."""
    with postgres.database() as url:
        for engine in _opened(url):
            upgrade(engine)
        yield url


def _database(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Engine]:
    if kind == "sqlite":
        path = folder / "tradeworthy.sqlite"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield from _opened(f"sqlite:///{path}")
        return
    url = request.getfixturevalue("postgres_database")
    empty(url, [table.name for table in metadata.sorted_tables])
    yield from _opened(url)


def _opened(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes minutes: last, it would leave all workers but one with nothing to do.

    The other tests stay in whatever order they are.
    """
    items.sort(key=lambda item: not item.nodeid.startswith(MINUTES))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud when the suites on PostgreSQL did not run."""
    skipped = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if "PostgreSQL" in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.section("PostgreSQL", red=True, bold=True)
        terminalreporter.line(
            f"{len(skipped)} tests on PostgreSQL DID NOT RUN: install Debian's postgresql "
            "or set TRADEWORTHY_TEST_DSN"
        )
