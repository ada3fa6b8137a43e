"""Who stopped a version, and when; of those that are stopped already, as their events say."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_LAST = (
    "(SELECT {column} FROM events WHERE events.model_id = model_versions.model_id"
    " AND events.version = model_versions.version AND events.kind = 'VersionQuarantined'"
    " ORDER BY events.sequence DESC LIMIT 1)"
)


def upgrade() -> None:
    """Apply the migration."""
    op.add_column("model_versions", sa.Column("quarantined_by", sa.String(length=64)))
    op.add_column("model_versions", sa.Column("quarantined_at", sa.DateTime(timezone=True)))
    op.execute(
        f"UPDATE model_versions SET quarantined_by = {_LAST.format(column='actor')}, "  # noqa: S608 - no text of others
        f"quarantined_at = {_LAST.format(column='at')} WHERE quarantine_reason IS NOT NULL"
    )
