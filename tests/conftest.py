"""What several suites need: databases of every kind, tokens, clocks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine

from contract.naive_store import NaiveStore
from postgres_server import PostgresServer, find_server
from tradeworthy.store.engine import open_engine
from tradeworthy.store.migrations import upgrade
from tradeworthy.store.sql_store import SqlStore
from tradeworthy.store.unit_of_work import Store

# How long an example takes is the machine's affair.
settings.register_profile("full", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("full"), max_examples=10)
settings.load_profile("full")

pytest.register_assert_rewrite("contract.suites")
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}


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


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        engine = open_engine(f"sqlite:///{tmp_path / 'tradeworthy.sqlite'}")
        yield engine
        engine.dispose()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database() as url:
        engine = open_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def sql_store(engine: Engine) -> SqlStore:
    """A store on each kind of database."""
    upgrade(engine)
    return SqlStore(engine)


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Every implementation of the store."""
    if request.param == "memory":
        yield NaiveStore()
        return
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'tradeworthy.sqlite'}"
        yield from _migrated(url)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database() as url:
        yield from _migrated(url)


def _migrated(url: str) -> Iterator[Store]:
    engine = open_engine(url)
    upgrade(engine)
    yield SqlStore(engine)
    engine.dispose()


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
