"""Who stopped a version and when, and when that was lifted; of those before, as events say."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_LAST = (
    "(SELECT {column} FROM events WHERE events.model_id = model_versions.model_id"
    " AND events.version = model_versions.version AND events.kind = '{kind}'"
    " ORDER BY events.sequence DESC LIMIT 1)"
)


def upgrade() -> None:
    """Apply the migration."""
    op.add_column("model_versions", sa.Column("quarantined_by", sa.String(length=64)))
    op.add_column("model_versions", sa.Column("quarantined_at", sa.DateTime(timezone=True)))
    op.add_column("model_versions", sa.Column("quarantine_lifted_at", sa.DateTime(timezone=True)))
    by, at = (_LAST.format(column=each, kind="VersionQuarantined") for each in ("actor", "at"))
    lifted = _LAST.format(column="at", kind="QuarantineLifted")
    op.execute(f"UPDATE model_versions SET quarantine_lifted_at = {lifted}")  # noqa: S608 - no text of others
    op.execute(
        f"UPDATE model_versions SET quarantined_by = {by}, quarantined_at = {at}"  # noqa: S608 - no text of others
        " WHERE quarantine_reason IS NOT NULL"
    )
