"""Running the command line in processes of its own, and watching what it says."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from command_process import Ended, run_command
from training.home_workshop import PEOPLE, DeployedHome


@dataclass
class Terminal:
    """A shell at a home: no command may ever print a secret or a traceback."""

    deployed: DeployedHome
    server: str | None = None
    secrets: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.secrets += [
            self.deployed.token_file(who).read_text().strip() for who in (*PEOPLE, "root")
        ]
        self.secrets.append((self.deployed.home / "token.key").read_text().strip())

    def environment(self, **extra: str) -> dict[str, str]:
        """The environment of a command: the home, and nothing of the tests'."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("TRADEWORTHY_") and name != "PYTHONDONTWRITEBYTECODE"
        }
        return kept | {"TRADEWORTHY_HOME": str(self.deployed.home)} | extra

    def say(
        self, *arguments: object, who: str | None = "ana", stdin: str = "", **extra: str
    ) -> Ended:
        """Run a command as somebody."""
        before = ["--token-file", str(self.deployed.token_file(who))] if who else []
        if self.server:
            before += ["--server", self.server]
        said = run_command(
            [*before, *map(str, arguments)],
            folder=self.deployed.folder,
            environment=self.environment(**extra),
            stdin=stdin,
        )
        for secret in self.secrets:
            assert secret not in said.out + said.err, arguments
        assert "Traceback" not in said.err, said.err
        return said

    def ask(self, *arguments: object, who: str = "ana") -> Any:
        """Run a command with ``--json``."""
        return self.say(*arguments, "--json", who=who).json

    def fail(self, *arguments: object, code: int, error: str, who: str | None = "ana") -> str:
        """Run a command that fails: one line, the error's code first, and the exit code."""
        said = self.say(*arguments, who=who)
        assert said.code == code, (said.out, said.err)
        assert said.out == ""
        assert said.err.startswith(f"{error}: "), said.err
        first, *gates = said.err.splitlines()
        assert all(line.startswith("  ") for line in gates), said.err
        return first
