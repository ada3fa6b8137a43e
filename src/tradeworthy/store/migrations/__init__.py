"""Bringing a database to the present schema, and telling whether it is there."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, inspect, text

from tradeworthy.errors import StoreUnavailable
from tradeworthy.store.engine import transaction

HEAD = "0003"


def upgrade(engine: Engine) -> None:
    """Apply every migration that the database does not have yet, in one transaction."""
    # Only a home that is made or brought up to date pays for loading alembic.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with transaction(engine, writes=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check(engine: Engine) -> None:
    """Raise ``StoreUnavailable`` unless the database has the present schema."""
    with transaction(engine, writes=False) as connection:
        known = inspect(connection).has_table("alembic_version")
        current = (
            connection.scalar(text("SELECT version_num FROM alembic_version")) if known else None
        )
    if current != HEAD:
        raise StoreUnavailable(
            f"the database has schema {current or 'none'}, this release needs {HEAD}: "
            "run `tradeworthy init`"
        )
