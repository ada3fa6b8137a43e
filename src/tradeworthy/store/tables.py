"""The schema, once: SQLite and PostgreSQL get the same tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from tradeworthy.lifecycle.job_state import JobState
from tradeworthy.lifecycle.stages import Stage

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite keeps no zone, so it is taken off and put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times and turn the others into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return an aware UTC time."""
        if value is None:
            return None
        time: datetime = value
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


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

events = Table(
    "events",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("version", Integer),
    Column("kind", String(64), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_events_model_id_sequence", events.c.model_id, events.c.sequence)

documents = Table(
    "documents",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

trial_ledger = Table(
    "trial_ledger",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("strategy", String(128), nullable=False, index=True),
    Column("version_id", ForeignKey("model_versions.id"), nullable=False),
    Column("artifact_digest", String(64), nullable=False),
    Column("trial_digest", String(64)),
    Column("sharpe", Float),
    Column("n_observations", Integer),
    Column("recorded_at", UtcDateTime, nullable=False),
    UniqueConstraint("strategy", "trial_digest"),
    sqlite_autoincrement=True,
)

backtests = Table(
    "backtests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version_id", ForeignKey("model_versions.id"), nullable=False, index=True),
    Column("result_digest", String(64), nullable=False),
    Column("trial_digest", String(64), nullable=False),
    Column("artifact_digest", String(64), nullable=False),
    Column("dataset_hash", String(64), nullable=False),
    Column("evidence_digest", ForeignKey("documents.digest"), nullable=False),
    Column("metrics", Text, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("dataset_hash", String(64), nullable=False, unique=True),
    Column("name", String(128), nullable=False),
    Column("file_sha256", String(64), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("symbols", Text, nullable=False),
    Column("first", String(32), nullable=False),
    Column("last", String(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(64), nullable=False),
)

activations = Table(
    "activations",
    metadata,
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("release_digest", ForeignKey("documents.digest"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("reason", Text, nullable=False),
)

model_drift_reports = Table(
    "model_drift_reports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version_id", ForeignKey("model_versions.id"), nullable=False),
    Column("slot", UtcDateTime, nullable=False),
    Column("status", String(16), nullable=False),
    Column("severity", String(16)),
    Column("digest", String(64), nullable=False),
    Column("report", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("version_id", "slot"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("token_id", String(32), primary_key=True),
    Column("actor", String(64), nullable=False),
    Column("roles", Text, nullable=False),
    Column("strategies", Text),
    Column("mac", String(64), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("revoked_at", UtcDateTime),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("actor", String(64), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("route", String(256), nullable=False),
    Column("request_digest", String(64), nullable=False),
    Column("status", Integer),
    Column("body", LargeBinary),
    Column("claimed_at", UtcDateTime, nullable=False),
)

_JOB_STATES = ", ".join(f"'{state}'" for state in JobState)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("version_id", ForeignKey("model_versions.id"), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("roles", Text, nullable=False),
    Column("strategies", Text),
    Column("request", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("lease_until", UtcDateTime),
    Column("result_digest", ForeignKey("documents.digest")),
    Column("problem", Text),
    CheckConstraint(f"state IN ({_JOB_STATES})", name="state"),
)
# Workers look for open jobs every few seconds, however many have ended.
Index("ix_jobs_state_created_at", jobs.c.state, jobs.c.created_at)
