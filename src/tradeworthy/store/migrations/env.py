"""What Alembic runs; the connection comes from ``migrations.upgrade``."""

from __future__ import annotations

from alembic import context

from tradeworthy.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
