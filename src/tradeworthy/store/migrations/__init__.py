"""Bringing a database to the present schema, and checking that it is there."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, func, inspect, select, text

from tradeworthy.errors import StoreUnavailable
from tradeworthy.store.engine import transaction

# Any number, as long as it stays.
_LOCK = 7_204_511
_VERSIONS = Path(__file__).parent / "versions"


def head() -> str:
    """Return the newest schema: migrations are files named for the schema that they lead to."""
    return max(_schemas())


def _schemas() -> set[str]:
    return {path.name[:4] for path in _VERSIONS.glob("[0-9][0-9][0-9][0-9]_*.py")}


def _schema_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def upgrade(engine: Engine) -> None:
    """Apply every migration that the database does not have yet, in one transaction.

    Raises
    ------
    StoreUnavailable
        If the database is of a release that this one knows nothing of.
    """
    # Only a home that is made or brought up to date pays for loading alembic.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with transaction(engine, writes=True) as connection:
        if connection.dialect.name == "postgresql":
            # One at a time, as BEGIN IMMEDIATE has it on SQLite.
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        schema = _schema_of(connection)
        _check_known(schema)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check(engine: Engine, *, init: str = "tradeworthy init") -> None:
    """Raise ``StoreUnavailable`` unless the database has the present schema.

    Parameters
    ----------
    engine
        The database.
    init
        The command that brings an older one up to date.
    """
    with transaction(engine, writes=False) as connection:
        schema = _schema_of(connection)
    _check_known(schema)
    if schema != head():
        raise StoreUnavailable(
            f"the database has schema {schema or 'none'}, this release needs {head()}: run `{init}`"
        )


def _check_known(schema: str | None) -> None:
    if schema is not None and schema not in _schemas():
        raise StoreUnavailable(
            f"the database has schema {schema}, which this release does not know: use the "
            "release that made it, or a newer one"
        )
