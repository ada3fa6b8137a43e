"""The migrations lead to exactly the schema that the code uses, on both databases."""

from __future__ import annotations

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from tradeworthy.errors import StoreUnavailable
from tradeworthy.store import migrations
from tradeworthy.store.engine import transaction
from tradeworthy.store.tables import metadata


def test_migrations_equal_the_schema(engine: Engine) -> None:
    migrations.upgrade(engine)
    with transaction(engine, writes=False) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_partial_unique_index_is_partial(engine: Engine) -> None:
    migrations.upgrade(engine)
    indexes = {index["name"]: index for index in inspect(engine).get_indexes("model_versions")}
    index = indexes["uq_model_versions_one_production"]
    assert index["unique"]
    assert index["column_names"] == ["model_id"]
    where = index["dialect_options"][f"{engine.dialect.name}_where"]
    assert "PRODUCTION" in str(where)


@pytest.mark.parametrize("empty_engine", ["sqlite"], indirect=True)
def test_tags_lie_in_their_primary_key_on_sqlite(engine: Engine) -> None:
    migrations.upgrade(engine)
    query = text("SELECT sql FROM sqlite_master WHERE name = 'version_tags'")
    with transaction(engine, writes=False) as connection:
        assert "WITHOUT ROWID" in connection.execute(query).scalar_one()


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    migrations.upgrade(engine)
    before = set(inspect(engine).get_table_names())
    migrations.upgrade(engine)
    assert set(inspect(engine).get_table_names()) == before
    migrations.check(engine)


def test_a_database_without_the_schema_is_refused_with_the_way_out(engine: Engine) -> None:
    with pytest.raises(StoreUnavailable, match="tradeworthy init"):
        migrations.check(engine)


def test_a_database_of_another_release_is_refused(engine: Engine) -> None:
    migrations.upgrade(engine)
    with transaction(engine, writes=True) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    advice = "schema 9999, .* use the release that made it, or a newer one"
    for act in (migrations.check, migrations.upgrade):
        with pytest.raises(StoreUnavailable, match=advice):
            act(engine)


def test_the_head_is_the_newest_script(engine: Engine) -> None:
    folder = migrations.__path__[0]
    assert ScriptDirectory(folder).get_current_head() == migrations.head()


@pytest.mark.slow
def test_reading_the_head_loads_no_alembic() -> None:
    code = (
        "import sys; from tradeworthy.store import migrations; print(migrations.head());"
        "assert 'alembic' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == migrations.head()


UPGRADE = """
import sys
from tradeworthy.store.engine import open_engine
from tradeworthy.store.migrations import upgrade
upgrade(open_engine(sys.argv[1]))
"""


def test_processes_that_upgrade_at_once_do_it_once(engine: Engine) -> None:
    url = engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    command = [sys.executable, "-c", UPGRADE, url]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ends = [(process.communicate()[1], process.returncode) for process in processes]
    assert ends == [("", 0)] * 3
    migrations.check(engine)
