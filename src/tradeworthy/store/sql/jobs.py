"""SQL of jobs: a claim is a lease with a fencing token, taken by one worker alone."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    and_,
    or_,
    select,
    update,
)

from tradeworthy.access.roles import Actor, Role
from tradeworthy.errors import AlreadyExists
from tradeworthy.lifecycle.job_state import JobState
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.ports.jobs import JobProblem, JobRecord, WriteJobs
from tradeworthy.store.sql.documents import insert_documents
from tradeworthy.store.sql.insert_once import insert_once
from tradeworthy.store.sql.lifecycle_rows import version_id, with_version
from tradeworthy.store.sql.schema import SqlPort, UtcDateTime, metadata

_STATES = ", ".join(f"'{state}'" for state in JobState)

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
    CheckConstraint(f"state IN ({_STATES})", name="state"),
)
# Workers look for open jobs every few seconds, however many have ended.
Index("ix_jobs_state_created_at", jobs.c.state, jobs.c.created_at)


class SqlJobs(SqlPort, WriteJobs):
    def get(self, job_id: str) -> JobRecord | None:
        query = with_version(jobs).where(jobs.c.id == job_id)
        row = self.connection.execute(query).one_or_none()
        return _job(row) if row else None

    def add(self, record: JobRecord) -> None:
        values = _values(record)
        values["version_id"] = version_id(self.connection, record.model, record.version)
        if not insert_once(self.connection, jobs, values):
            raise AlreadyExists(f"job {record.id!r} exists already")

    def claim(self, now: datetime, lease: timedelta) -> JobRecord | None:
        free = or_(
            jobs.c.state == JobState.QUEUED,
            and_(jobs.c.state == JobState.RUNNING, jobs.c.lease_until <= now),
        )
        # SQLite has no row locks and leaves the clause out: there BEGIN IMMEDIATE lets one in.
        oldest = (
            select(jobs.c.id)
            .where(free)
            .order_by(jobs.c.created_at, jobs.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        job_id = self.connection.execute(oldest).scalar_one_or_none()
        if job_id is None:
            return None
        self.connection.execute(
            update(jobs)
            .where(jobs.c.id == job_id)
            .values(
                state=JobState.RUNNING,
                attempt=jobs.c.attempt + 1,
                started_at=now,
                lease_until=now + lease,
            )
        )
        return self.get(job_id)

    def renew(self, job_id: str, attempt: int, until: datetime) -> bool:
        statement = update(jobs).where(_held(job_id, attempt)).values(lease_until=until)
        return self.connection.execute(statement).rowcount == 1

    def finish(
        self, job_id: str, attempt: int, outcome: Document | JobProblem, now: datetime
    ) -> bool:
        held = _held(job_id, attempt)
        locked = self.connection.execute(select(jobs.c.id).where(held).with_for_update())
        if locked.one_or_none() is None:
            return False
        ended = {"finished_at": now, "lease_until": None}
        ended |= _ending(self.connection, outcome, now)
        self.connection.execute(update(jobs).where(held).values(**ended))
        return True


def _held(job_id: str, attempt: int) -> ColumnElement[bool]:
    return and_(jobs.c.id == job_id, jobs.c.attempt == attempt, jobs.c.state == JobState.RUNNING)


def _ending(
    connection: Connection, outcome: Document | JobProblem, now: datetime
) -> dict[str, Any]:
    if isinstance(outcome, JobProblem):
        problem = {
            "code": outcome.code,
            "message": outcome.message,
            "details": dict(outcome.details),
        }
        return {"state": JobState.FAILED, "problem": json.dumps(problem, sort_keys=True)}
    insert_documents(connection, outcome, at=now)
    return {"state": JobState.DONE, "result_digest": outcome.digest}


def _values(record: JobRecord) -> dict[str, Any]:
    scope = record.actor.strategies
    return {
        "id": record.id,
        "kind": record.kind,
        "actor": record.actor.name,
        "roles": json.dumps(sorted(record.actor.roles)),
        "strategies": None if scope is None else json.dumps(sorted(scope)),
        "request": json.dumps(dict(record.request), sort_keys=True),
        "state": record.state,
        "attempt": record.attempt,
        "created_at": record.created_at,
    }


def _job(row: Row[Any]) -> JobRecord:
    scope = None if row.strategies is None else frozenset(json.loads(row.strategies))
    roles = frozenset(Role(role) for role in json.loads(row.roles))
    return JobRecord(
        id=row.id,
        kind=row.kind,
        model=row.model,
        version=row.version,
        actor=Actor(row.actor, roles, scope),
        request=json.loads(row.request),
        created_at=row.created_at,
        state=JobState(row.state),
        attempt=row.attempt,
        started_at=row.started_at,
        finished_at=row.finished_at,
        lease_until=row.lease_until,
        result_digest=row.result_digest,
        problem=None if row.problem is None else JobProblem(**json.loads(row.problem)),
    )
