"""A database of every earlier release is brought to the present schema, and keeps what it held."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from contract.one_call import commit, view
from contract.promotion_commands import AUTHOR, keep, story
from tradeworthy.errors import StoreUnavailable
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.tags import Tag
from tradeworthy.store import migrations
from tradeworthy.store.engine import transaction
from tradeworthy.store.sql_store import SqlStore


@pytest.mark.parametrize("earlier", ["0001", "0002"])
def test_an_earlier_release_is_upgraded(engine: Engine, earlier: str) -> None:
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    with transaction(engine, writes=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, earlier)
    told = story(Stage.PRODUCTION, Stage.DRAFT)
    for number, key, value in ((1, "desk", "rates"), (2, "desk", "rates"), (2, "pace", "swift")):
        told.does(AUTHOR, Tag(number, key, value))
    keep(SqlStore(engine), told)
    with pytest.raises(StoreUnavailable, match=f"schema {earlier}.*tradeworthy init"):
        migrations.check(engine)
    migrations.upgrade(engine)
    migrations.check(engine)
    found = view(SqlStore(engine)).models.get("m")
    assert found is not None
    assert found.state == told.state
    assert view(SqlStore(engine)).versions.tags("m") == {
        1: {"desk": "rates"},
        2: {"desk": "rates", "pace": "swift"},
    }
    assert view(SqlStore(engine)).jobs.get("0" * 32) is None
    commit(SqlStore(engine), "m", len(told.events), told.does(AUTHOR, Tag(1, "desk", "equities")))
    assert view(SqlStore(engine)).versions.tags("m")[1] == {"desk": "equities"}
