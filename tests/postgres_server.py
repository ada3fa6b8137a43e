"""A real PostgreSQL server for tests: one named by the environment, or a private cluster."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import psycopg
import pytest

from processes import children_of, state_of
from waiting import until

DSN_VARIABLE = "TRADEWORTHY_TEST_DSN"


class PostgresServer:
    """A server that hands out empty databases."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    def __enter__(self) -> PostgresServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave a server that we did not start as it is."""

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let no process of the server run: it neither answers nor refuses."""
        pytest.skip("only a PostgreSQL server of our own may be stopped")
        yield

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database, hand out its URL, drop it again."""
        name = f"tradeworthy_{uuid.uuid4().hex}"
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        base, _, options = self.dsn.partition("?")
        root = base.rsplit("/", 1)[0]
        try:
            yield f"{root}/{name}" + (f"?{options}" if options else "")
        finally:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def empty(url: str, tables: Iterable[str]) -> None:
    """Take everything out of a database's tables, whoever still uses them."""
    names = ", ".join(f'"{name}"' for name in tables)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        connection.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE".encode())


class PrivateCluster(PostgresServer):
    """A cluster in a folder of its own, reached through a socket in that folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._log = folder / "commands.log"
        self._user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        super().__init__(f"postgresql://{self._user}@/postgres?host={folder}")

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        # Debian has the program, Linux the signal: a test session that is killed leaves no server.
        options = ["--pdeathsig=QUIT"] if shutil.which("setpriv") else []
        if os.getuid() == 0:
            # Both refuse root; Debian's package brings the user postgres along.
            options += ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
        command = ["setpriv", *options] if options else []
        command += [str(self._programs / program), *arguments]
        with self._log.open("ab") as output:
            return subprocess.Popen(command, stdout=output, stderr=output, cwd=self._folder)

    def __enter__(self) -> PostgresServer:
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
        data = ("-D", str(self._folder / "data"))
        made = self._start("initdb", *data, "-U", self._user, "--auth=trust", "--no-sync")
        if made.wait() != 0:
            raise RuntimeError(f"initdb failed: {self._log.read_text()[-2000:]}")
        settings = ("fsync=off", "max_connections=200", "listen_addresses=")
        settings += (f"unix_socket_directories={self._folder}",)
        options = [word for setting in settings for word in ("-c", setting)]
        self._server = self._start("postgres", *data, *options)
        until(self._answers, lambda: self._server.poll() is None)
        return self

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let no process of the server run: it neither answers nor refuses."""
        os.kill(self._server.pid, signal.SIGSTOP)
        until(lambda: state_of(self._server.pid) == "T")
        # From now on it starts no other.
        processes = [self._server.pid, *children_of(self._server.pid)]
        try:
            for pid in processes:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in processes:
                os.kill(pid, signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.dsn).close()
        except psycopg.OperationalError:
            return False
        return True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Its immediate shutdown: nothing in it is wanted any more.
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait()


def find_server(folder: Path) -> PostgresServer | None:
    """Return a server to test with, None if this machine has none."""
    dsn = os.environ.get(DSN_VARIABLE)
    if dsn:
        return PostgresServer(dsn)
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not installed:
        return None
    # Sockets have short paths, and the user postgres has to reach the folder.
    place = Path(f"/tmp/tradeworthy-{uuid.uuid4().hex[:8]}")  # noqa: S108
    place.mkdir(mode=0o755)
    return _Cleaned(installed[-1].parent, place)


class _Cleaned(PrivateCluster):
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        shutil.rmtree(self._folder)
