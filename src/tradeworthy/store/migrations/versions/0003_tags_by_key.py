"""Tags lie in their primary key on SQLite: a search reads no row besides."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.rename_table("version_tags", "version_tags_before")
    op.drop_index("ix_version_tags_key_value_version_id", "version_tags_before")
    op.create_table(
        "version_tags",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("value", sa.String(length=512), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["model_versions.id"], name="fk_version_tags_version_id_model_versions"
        ),
        sa.PrimaryKeyConstraint("version_id", "key", name="pk_version_tags"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO version_tags (version_id, key, value)"
        " SELECT version_id, key, value FROM version_tags_before ORDER BY version_id, key"
    )
    op.drop_table("version_tags_before")
    op.create_index(
        "ix_version_tags_key_value_version_id",
        "version_tags",
        ["key", "value", "version_id"],
        unique=False,
    )
