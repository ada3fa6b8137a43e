"""SQL of models."""

from __future__ import annotations

from sqlalchemy import and_, select

from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import ModelState
from tradeworthy.store.ports.models import ModelRecord, ModelSummary, ReadModels
from tradeworthy.store.sql.lifecycle_rows import model_record
from tradeworthy.store.sql.lifecycle_tables import model_versions, models
from tradeworthy.store.sql.schema import SqlPort


class SqlModels(SqlPort, ReadModels):
    def get(self, name: str) -> ModelRecord | None:
        return model_record(self.connection, name)

    def page(self, *, after: str = "", limit: int = 100) -> tuple[ModelSummary, ...]:
        production = and_(
            model_versions.c.model_id == models.c.id,
            model_versions.c.stage == Stage.PRODUCTION.value,
        )
        query = (
            select(models, model_versions.c.version)
            .outerjoin(model_versions, production)
            .where(models.c.name > after)
            .order_by(models.c.name)
            .limit(limit)
        )
        return tuple(
            ModelSummary(r.name, r.strategy, r.owner, r.tier, r.created_at, r.created_by, r.version)
            for r in self.connection.execute(query)
        )

    def strategies(self) -> frozenset[str]:
        return frozenset(self.connection.execute(select(models.c.strategy).distinct()).scalars())

    def production(self) -> tuple[ModelState, ...]:
        query = (
            select(models.c.name)
            .join(model_versions, model_versions.c.model_id == models.c.id)
            .where(model_versions.c.stage == Stage.PRODUCTION.value)
            .order_by(models.c.name)
        )
        names = self.connection.execute(query).scalars().all()
        records = [model_record(self.connection, name) for name in names]
        return tuple(record.state for record in records if record is not None)
