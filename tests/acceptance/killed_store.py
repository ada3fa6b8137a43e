"""A store whose process is killed in the middle of its work."""

from __future__ import annotations

import os
import signal

from sqlalchemy import event

from tradeworthy.store.sql_store import SqlStore


def killed_store(url: str, statements: int) -> SqlStore:
    """Open a store that kills this process after so many SQL statements; 0 is never."""
    store = SqlStore.open(url)
    left = statements

    @event.listens_for(store._engine, "after_cursor_execute")
    def _count(*_arguments: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return store
