"""The same records in another kind of database."""

from __future__ import annotations

from sqlalchemy import func, select

from tradeworthy.store.engine import open_engine, transaction
from tradeworthy.store.migrations import upgrade
from tradeworthy.store.tables import metadata


def copy_database(source: str, target: str) -> None:
    """Copy every row of one database into an empty one."""
    old, new = open_engine(source), open_engine(target)
    upgrade(new)
    with transaction(old, writes=False) as reading, transaction(new, writes=True) as writing:
        for table in metadata.sorted_tables:
            rows = [dict(row._mapping) for row in reading.execute(table.select())]
            if rows:
                writing.execute(table.insert(), rows)
            for column in table.primary_key:
                serial = f"{table.name}_{column.name}_seq"
                if writing.execute(select(func.to_regclass(serial))).scalar() is not None:
                    newest = func.coalesce(func.max(column), 1)
                    writing.execute(select(func.setval(serial, newest)))
    old.dispose()
    new.dispose()
