"""A fresh folder for the demo: a home, people with tokens, strategies in a git repository."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tradeworthy.base.clock import utc_now
from tradeworthy.base.settings import Settings, read_settings
from tradeworthy.client.client import Client
from tradeworthy.client.connection import Connection
from tradeworthy.client.home_service import HomeService
from tradeworthy.client.token_file import read_token
from tradeworthy.client.transport import Transport
from tradeworthy.errors import HomeUnusable
from tradeworthy.runtime.home import write_secret
from tradeworthy.runtime.home_setup import initialise

ADMIN = "ada"
PEOPLE: Mapping[str, str] = {
    "rosa": "researcher",
    "viktor": "validator",
    "olga": "operator",
    "trading-system": "viewer",
}
STRATEGY_FILES = ("features.py", "volatility_target.py", "lucky_rule.py")
_AUTHOR = ("-c", "user.name=rosa", "-c", "user.email=rosa@example.invalid")


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where the demo keeps its things, and its people's tokens."""

    folder: Path
    settings: Settings

    @property
    def strategies(self) -> Path:
        """The git repository with features and strategies."""
        return self.settings.strategies_folder

    @property
    def manifests(self) -> Path:
        """Where the manifests are written."""
        return self.folder / "manifests"

    def token_file(self, name: str) -> Path:
        """Return the file with somebody's token."""
        return self.folder / "tokens" / f"{name}.token"

    def client_of(self, name: str, transport: Transport) -> Client:
        """Return a client that speaks as ``name``."""
        return Client.over(Connection(transport, read_token(self.token_file(name), None, {})))


def fresh_folder(folder: Path | None) -> Path:
    """Return ``folder``, or the next free ``tradeworthy-demo/run-N`` below the current folder.

    Raises
    ------
    HomeUnusable
        If it has something in it already, or cannot be made.
    """
    if folder is None:
        base, number = Path("tradeworthy-demo"), 1
        while (base / f"run-{number}").exists():
            number += 1
        folder = base / f"run-{number}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = any(folder.iterdir())
    except OSError as error:
        raise HomeUnusable(f"cannot use {folder}: {error.strerror}; give another --into") from error
    if taken:
        raise HomeUnusable(f"{folder} is not empty: give another --into")
    return folder.absolute()


def make_workspace(folder: Path) -> Workspace:
    """Make the home, the people's tokens and the strategies' repository.

    Raises
    ------
    HomeUnusable
        If something cannot be written, or there is no git.
    """
    settings = read_settings(home=folder / "home", database_url=None, scheduler=False)
    workspace = Workspace(folder, settings)
    made = initialise(settings, admin=ADMIN, clock=utc_now, randomness=secrets.token_bytes)
    assert made.admin_token is not None  # noqa: S101 - the home is new
    workspace.manifests.mkdir()
    workspace.token_file(ADMIN).parent.mkdir()
    made.admin_token.rename(workspace.token_file(ADMIN))
    service = HomeService(settings)
    admin = workspace.client_of(ADMIN, service)
    for name, role in PEOPLE.items():
        write_secret(workspace.token_file(name), admin.issue_token(name, [role]).token)
    service.close()
    _make_repository(workspace.strategies)
    return workspace


def _make_repository(folder: Path) -> None:
    source = files("tradeworthy.demo") / "strategies"
    for name in STRATEGY_FILES:
        (folder / name).write_text((source / name).read_text(encoding="utf-8"), encoding="utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, *_AUTHOR, "commit", "--quiet", "--message", "Features and two strategies")


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder.

    Raises
    ------
    HomeUnusable
        If there is no git, or it fails.
    """
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise HomeUnusable("the demo needs git: install it") from error
    if done.returncode != 0:
        raise HomeUnusable(f"git {arguments[0]} failed: {done.stderr.strip()}")
