"""SQL of jobs: a claim is a lease with a fencing token, taken by one worker alone."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, and_, or_, select, update

from tradeworthy.access.roles import Actor, Role
from tradeworthy.errors import AlreadyExists
from tradeworthy.lifecycle.job_state import JobState
from tradeworthy.store.engine import transaction
from tradeworthy.store.job_records import JobProblem, JobRecord
from tradeworthy.store.records import Document
from tradeworthy.store.sql_evidence import insert_documents, insert_once, version_id_of
from tradeworthy.store.tables import jobs, model_versions, models


class SqlJobs:
    """Jobs on one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def job(self, job_id: str) -> JobRecord | None:
        """Return a job."""
        with transaction(self._engine, writes=False) as connection:
            row = connection.execute(_query().where(jobs.c.id == job_id)).one_or_none()
        return _job(row) if row else None

    def add_job(self, record: JobRecord) -> None:
        """Queue a job."""
        with transaction(self._engine, writes=True) as connection:
            values = _values(record)
            values["version_id"] = version_id_of(connection, record.model, record.version)
            if not insert_once(connection, jobs, values):
                raise AlreadyExists(f"job {record.id!r} exists already")

    def claim_job(self, now: datetime, lease: timedelta) -> JobRecord | None:
        """Claim the oldest job that waits, or whose worker let its lease run out."""
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
        with transaction(self._engine, writes=True) as connection:
            job_id = connection.execute(oldest).scalar_one_or_none()
            if job_id is None:
                return None
            connection.execute(
                update(jobs)
                .where(jobs.c.id == job_id)
                .values(
                    state=JobState.RUNNING,
                    attempt=jobs.c.attempt + 1,
                    started_at=now,
                    lease_until=now + lease,
                )
            )
            return _job(connection.execute(_query().where(jobs.c.id == job_id)).one())

    def renew_lease(self, job_id: str, attempt: int, until: datetime) -> bool:
        """Move the end of a claim's lease; False if the claim is not the newest any more."""
        statement = update(jobs).where(_held(job_id, attempt)).values(lease_until=until)
        with transaction(self._engine, writes=True) as connection:
            return connection.execute(statement).rowcount == 1

    def finish_job(
        self, job_id: str, attempt: int, outcome: Document | JobProblem, now: datetime
    ) -> bool:
        """Keep what came of a job; False if the claim is not the newest any more."""
        held = _held(job_id, attempt)
        ended: dict[str, Any] = {"finished_at": now, "lease_until": None}
        with transaction(self._engine, writes=True) as connection:
            locked = connection.execute(select(jobs.c.id).where(held).with_for_update())
            if locked.one_or_none() is None:
                return False
            ended |= _ending(connection, outcome, now)
            connection.execute(update(jobs).where(held).values(**ended))
            return True


def _held(job_id: str, attempt: int) -> ColumnElement[bool]:
    return and_(jobs.c.id == job_id, jobs.c.attempt == attempt, jobs.c.state == JobState.RUNNING)


def _ending(
    connection: Connection, outcome: Document | JobProblem, now: datetime
) -> dict[str, Any]:
    if isinstance(outcome, JobProblem):
        told = {
            "code": outcome.code,
            "message": outcome.message,
            "details": dict(outcome.details),
        }
        return {"state": JobState.FAILED, "problem": json.dumps(told, sort_keys=True)}
    insert_documents(connection, [outcome], now)
    return {"state": JobState.DONE, "result_digest": outcome.digest}


def _query() -> Select[Any]:
    return (
        select(jobs, models.c.name.label("model"), model_versions.c.version)
        .join(model_versions, model_versions.c.id == jobs.c.version_id)
        .join(models, models.c.id == model_versions.c.model_id)
    )


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
