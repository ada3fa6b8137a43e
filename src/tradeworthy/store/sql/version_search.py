"""SQL conditions of a search among versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import ColumnElement, Connection, ScalarSelect, and_, exists, func, select

from tradeworthy.store.ports.versions import VersionQuery
from tradeworthy.store.sql.lifecycle_tables import model_versions, models, version_tags

# Up to so many tagged versions, listing them is quicker than walking in the order of a page.
FEW_TAGGED = 12_000


def conditions(connection: Connection, query: VersionQuery) -> Iterator[ColumnElement[bool]]:
    """Yield what a version has to fulfil."""
    if query.strategy is not None:
        yield models.c.strategy == query.strategy
    if query.stage is not None:
        yield model_versions.c.stage == query.stage.value
    if query.tags:
        yield _tagged(connection, query.tags)


def _tagged(connection: Connection, tags: Mapping[str, str]) -> ColumnElement[bool]:
    """Tell the versions with all of ``tags``, by the list of the rarest one if that is short.

    Where even the rarest is on many versions, a page is sooner full by walking in its order and
    asking each version for its tags.
    """
    counts = connection.execute(select(*(_how_many(*tag) for tag in tags.items()))).one()
    ranked = sorted(zip(counts, tags.items(), strict=True))
    (count, (key, value)), *others = ranked
    if count > FEW_TAGGED:
        return and_(*(_has(model_versions.c.id, *tag) for _, tag in ranked))
    rarest = version_tags.alias()
    listed = select(rarest.c.version_id).where(
        rarest.c.key == key,
        rarest.c.value == value,
        *(_has(rarest.c.version_id, *tag) for _, tag in others),
    )
    return model_versions.c.id.in_(listed)


def _how_many(key: str, value: str) -> ScalarSelect[int]:
    """Count the versions with a tag, up to one more than are few."""
    some = (
        select(version_tags.c.version_id)
        .where(version_tags.c.key == key, version_tags.c.value == value)
        .limit(FEW_TAGGED + 1)
        .subquery()
    )
    return select(func.count()).select_from(some).scalar_subquery()


def _has(version_id: ColumnElement[int], key: str, value: str) -> ColumnElement[bool]:
    tag = version_tags.alias()
    return exists().where(tag.c.version_id == version_id, tag.c.key == key, tag.c.value == value)
