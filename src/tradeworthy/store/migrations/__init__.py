"""Bringing a database to the present schema, and telling whether it is there."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine

from tradeworthy.errors import StoreUnavailable
from tradeworthy.store.engine import transaction

HEAD = "0002"


def upgrade(engine: Engine) -> None:
    """Apply every migration that the database does not have yet, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with transaction(engine, writes=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check(engine: Engine) -> None:
    """Raise ``StoreUnavailable`` unless the database has the present schema."""
    with transaction(engine, writes=False) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current != HEAD:
        raise StoreUnavailable(
            f"the database has schema {current or 'none'}, this release needs {HEAD}: "
            "run `tradeworthy init`"
        )
