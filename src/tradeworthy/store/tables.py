"""Every table of the schema: what the modules of `sql` define."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from tradeworthy.store import sql
from tradeworthy.store.sql.schema import metadata

__all__ = ["metadata"]

for module in iter_modules(sql.__path__, f"{sql.__name__}."):
    import_module(module.name)
