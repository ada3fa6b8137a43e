"""Models, their versions, and the tags and approvals of those: the fold of the events, kept."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from tradeworthy.lifecycle.stages import Stage
from tradeworthy.store.sql.schema import UtcDateTime, metadata

# Pages go by name: bytewise on every database, whatever the locale of the PostgreSQL cluster.
_NAME = String(128).with_variant(String(128, collation="C"), "postgresql")
_STAGES = ", ".join(f"'{stage}'" for stage in Stage)

models = Table(
    "models",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", _NAME, nullable=False, unique=True),
    Column("strategy", String(128), nullable=False),
    Column("owner", String(128), nullable=False),
    Column("tier", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(64), nullable=False),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("stage", String(16), nullable=False),
    Column("author", String(64), nullable=False),
    Column("trainer", String(64)),
    Column("manifest_digest", String(64)),
    Column("artifact_digest", String(64)),
    Column("content_digest", String(64)),
    Column("quarantine_reason", Text),
    Column("quarantined_by", String(64)),
    Column("quarantined_at", UtcDateTime),
    Column("quarantine_lifted_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("stage_since", UtcDateTime, nullable=False),
    Column("left_production_at", UtcDateTime),
    UniqueConstraint("model_id", "version"),
    CheckConstraint(f"stage IN ({_STAGES})", name="stage"),
)
Index(
    "uq_model_versions_one_production",
    model_versions.c.model_id,
    unique=True,
    sqlite_where=text("stage = 'PRODUCTION'"),
    postgresql_where=text("stage = 'PRODUCTION'"),
)
Index("ix_model_versions_stage", model_versions.c.stage)

version_tags = Table(
    "version_tags",
    metadata,
    Column("version_id", ForeignKey("model_versions.id"), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("value", String(512), nullable=False),
    # Whether a version has a tag is answered by the key alone, without looking up the row.
    sqlite_with_rowid=False,
)
Index(
    "ix_version_tags_key_value_version_id",
    version_tags.c.key,
    version_tags.c.value,
    version_tags.c.version_id,
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version_id", ForeignKey("model_versions.id"), nullable=False, index=True),
    Column("approver", String(64), nullable=False),
    Column("target", String(16), nullable=False),
    Column("content_digest", String(64), nullable=False),
    Column("policy_digest", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
