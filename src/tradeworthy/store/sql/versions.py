"""SQL of lists and searches of versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, select, tuple_

from tradeworthy.store.ports.versions import ReadVersions, VersionQuery, VersionRow
from tradeworthy.store.sql.lifecycle_rows import approvals_of, version_state
from tradeworthy.store.sql.lifecycle_tables import model_versions, models, version_tags
from tradeworthy.store.sql.schema import SqlPort
from tradeworthy.store.sql.version_search import conditions


class SqlVersions(SqlPort, ReadVersions):
    def search(
        self, query: VersionQuery, *, after: tuple[str, int] = ("", 0), limit: int = 100
    ) -> tuple[VersionRow, ...]:
        statement = (
            select(models.c.name, models.c.strategy, model_versions)
            .join(models, models.c.id == model_versions.c.model_id)
            .where(tuple_(models.c.name, model_versions.c.version) > tuple_(*after))
            .where(*conditions(self.connection, query))
            .order_by(models.c.name, model_versions.c.version)
            .limit(limit)
        )
        rows = self.connection.execute(statement).all()
        ids = [row.id for row in rows]
        granted = approvals_of(self.connection, ids)
        tags = _tags_of(self.connection, ids)
        return tuple(
            VersionRow(r.name, r.strategy, version_state(r, granted[r.id]), tags[r.id])
            for r in rows
        )

    def tags(self, model: str) -> dict[int, dict[str, str]]:
        query = (
            select(model_versions.c.version, version_tags.c.key, version_tags.c.value)
            .join(model_versions, model_versions.c.id == version_tags.c.version_id)
            .join(models, models.c.id == model_versions.c.model_id)
            .where(models.c.name == model)
        )
        tags: dict[int, dict[str, str]] = defaultdict(dict)
        for row in self.connection.execute(query):
            tags[row.version][row.key] = row.value
        return dict(tags)


def _tags_of(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    query = select(version_tags).where(version_tags.c.version_id.in_(ids))
    for row in connection.execute(query):
        tags[row.version_id][row.key] = row.value
    return tags
