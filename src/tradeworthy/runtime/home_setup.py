"""Initialising a home: folders, key, policy file, database schema and the first admin."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from tradeworthy.access.tokens import actor_name
from tradeworthy.base.settings import Settings
from tradeworthy.model_registry.tokens import Tokens
from tradeworthy.promotion.files.policy_file import default_policy_path
from tradeworthy.runtime.home import KEY_BYTES, locked, make_home, read_token_key, write_secret
from tradeworthy.store.engine import open_engine
from tradeworthy.store.migrations import upgrade
from tradeworthy.store.sql_store import SqlStore


@dataclass(frozen=True, slots=True)
class InitialisedHome:
    """Where things lie; ``admin_token`` is the file of the first admin's token, None later on."""

    home: Path
    policy: Path
    admin_token: Path | None


def initialise(
    settings: Settings,
    *,
    admin: str,
    clock: Callable[[], datetime],
    randomness: Callable[[int], bytes],
) -> InitialisedHome:
    """Make a home, or bring an older one's database to the present schema.

    Parameters
    ----------
    settings
        Where the home is.
    admin
        The first admin's name.
    clock
        The time now, UTC.
    randomness
        ``n`` random bytes, as ``secrets.token_bytes``.

    Raises
    ------
    InvalidInput
        For a name that cannot name an admin.
    HomeUnusable
        If the home cannot be written.
    StoreUnavailable
        If the database does not answer.
    """
    actor_name(admin)
    policy = default_policy_path().read_text(encoding="utf-8")
    make_home(settings, policy_text=policy, key=randomness(KEY_BYTES))
    engine = open_engine(settings.database, answer_seconds=None)
    try:
        # Of several that initialise at once the first one writes the token.
        with locked(settings.home):
            upgrade(engine)
            token_file = _first_token(SqlStore(engine), settings, admin, clock, randomness)
    finally:
        engine.dispose()
    return InitialisedHome(settings.home, settings.policy_file, token_file)


def _first_token(
    store: SqlStore,
    settings: Settings,
    admin: str,
    clock: Callable[[], datetime],
    randomness: Callable[[int], bytes],
) -> Path | None:
    with store.read() as view:
        if view.tokens.all():
            return None
    token_file = settings.home / f"{admin}.token"
    _put_aside(token_file)
    tokens = Tokens(store, read_token_key(settings), clock, randomness)
    tokens.first_admin(admin, partial(write_secret, token_file))
    return token_file


def _put_aside(path: Path) -> None:
    """Rename what an interrupted attempt left, or the token of another database."""
    if path.exists():
        names = (path.with_name(f"{path.name}.{number}") for number in itertools.count(1))
        path.rename(next(name for name in names if not name.exists()))
