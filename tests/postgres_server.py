"""A real PostgreSQL server for tests: one named by the environment, or a private cluster."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import psycopg

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


class PrivateCluster(PostgresServer):
    """A cluster in a folder of its own, reached through a socket in that folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        super().__init__(f"postgresql://{self._user}@/postgres?host={folder}")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        if os.getuid() == 0:
            # initdb refuses root; Debian's package brings the user postgres along.
            command = [
                "setpriv",
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
                *command,
            ]
        log = self._folder / "commands.log"
        with log.open("ab") as output:
            done = subprocess.run(
                command, stdout=output, stderr=output, cwd=self._folder, check=False
            )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {log.read_text()[-2000:]}")

    def __enter__(self) -> PostgresServer:
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
        data = str(self._folder / "data")
        self._run("initdb", "-D", data, "-U", self._user, "--auth=trust", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{self._folder}' -c fsync=off"
        options += " -c max_connections=200"
        self._run("pg_ctl", "-D", data, "-w", "-o", options, "-l", f"{data}/log", "start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "-w", "stop")


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
