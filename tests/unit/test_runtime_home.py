"""A home's secrets: whole or not there, for their owner only, and clear when they are no use."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from tradeworthy.access.tokens import SECRET_BYTES
from tradeworthy.base.clock import utc_now
from tradeworthy.base.settings import Settings
from tradeworthy.errors import HomeUnusable
from tradeworthy.model_registry.tokens import Tokens
from tradeworthy.runtime.home import KEY_BYTES, make_home, read_token_key, write_secret
from tradeworthy.runtime.home_setup import InitialisedHome, initialise
from tradeworthy.store.sql_store import SqlStore

KEY = bytes(range(KEY_BYTES))


def test_a_secret_is_for_its_owner_and_written_once(tmp_path: Path) -> None:
    file = tmp_path / "token"
    write_secret(file, "first")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_secret(file, "second")
    assert file.read_text() == "first\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_secret_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_secret(tmp_path / "token", "ö")
    assert list(tmp_path.iterdir()) == []


def test_a_home_keeps_the_key_it_has(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    make_home(settings, policy_text="default: {}", key=KEY)
    make_home(settings, policy_text="other: {}", key=bytes(KEY_BYTES))
    assert read_token_key(settings) == KEY
    assert settings.policy_file.read_text() == "default: {}"


@pytest.mark.parametrize("content", [b"", b"zz", b"00" * (KEY_BYTES - 1), b"\xff", b"0" * 63])
def test_a_key_that_is_none(tmp_path: Path, content: bytes) -> None:
    settings = Settings(home=tmp_path)
    with pytest.raises(HomeUnusable, match=f"run `tradeworthy --home {tmp_path} init`"):
        read_token_key(settings)
    settings.token_key_file.write_bytes(content)
    with pytest.raises(HomeUnusable, match="key"):
        read_token_key(settings)


def test_a_key_of_the_environment_wins_and_is_not_shown(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, token_key=KEY.hex(), database_url="postgresql://u:pw@h/d")
    assert read_token_key(settings) == KEY
    assert KEY.hex() not in repr(settings)
    assert "pw" not in repr(settings)
    make_home(settings, policy_text="", key=bytes(KEY_BYTES))
    assert not settings.token_key_file.exists()


def test_a_home_where_none_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings(home=tmp_path / "file" / "home")
    with pytest.raises(HomeUnusable, match="choose another --home"):
        make_home(settings, policy_text="", key=KEY)


def test_of_many_that_initialise_a_home_at_once_one_gets_a_token_that_works(
    tmp_path: Path,
) -> None:
    settings = Settings(home=tmp_path / "home")
    together = Barrier(4)

    def take_part(_: int) -> InitialisedHome:
        together.wait()
        return initialise(settings, admin="root", clock=utc_now, randomness=secrets.token_bytes)

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(take_part, range(4)))
    [token_file] = [home.admin_token for home in made if home.admin_token]
    store = SqlStore.open(settings.database)
    tokens = Tokens(store, read_token_key(settings), utc_now, secrets.token_bytes)
    assert tokens.authenticate(token_file.read_text().strip()).name == "root"
    store.close()


def test_nobody_else_initialises_a_home_while_its_first_token_is_made(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    made = []

    def randomness(count: int) -> bytes:
        if count == SECRET_BYTES and settings.token_key_file.exists():
            folder = os.open(settings.home, os.O_RDONLY)
            with pytest.raises(BlockingIOError):
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(folder)
            made.append(count)
        return secrets.token_bytes(count)

    initialise(settings, admin="root", clock=utc_now, randomness=randomness)
    assert made


def test_the_token_of_another_database_is_put_aside_and_stays(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = Settings(home=home)
    token_file = initialise(
        first, admin="root", clock=utc_now, randomness=secrets.token_bytes
    ).admin_token
    assert token_file is not None
    token = token_file.read_text().strip()
    other = Settings(home=home, database_url=f"sqlite:///{tmp_path / 'other.sqlite'}")
    for settings in (other, Settings(home=home, database_url=f"sqlite:///{tmp_path / '3.sqlite'}")):
        initialise(settings, admin="root", clock=utc_now, randomness=secrets.token_bytes)
    kept = {file.read_text().strip() for file in home.glob("root.token*")}
    assert token in kept
    assert len(kept) == 3
