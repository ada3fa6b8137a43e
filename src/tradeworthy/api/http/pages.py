"""Pages of lists of which a caller may see a part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from tradeworthy.access.roles import Actor


class OfStrategy(Protocol):
    """A row that belongs to a strategy."""

    @property
    def strategy(self) -> str:
        """The strategy's name."""
        ...


Row = TypeVar("Row", bound=OfStrategy)


def visible_page(
    fetch: Callable[[Row | None], Sequence[Row]], caller: Actor, limit: int
) -> list[Row]:
    """Return the first ``limit`` rows that the caller may see.

    Parameters
    ----------
    fetch
        Returns the ``limit`` rows after one, after None the first ones.
    caller
        Whose scope counts.
    limit
        The length of a page; a shorter one is the last.
    """
    found: list[Row] = []
    last: Row | None = None
    while True:
        rows = fetch(last)
        found += [row for row in rows if caller.sees(row.strategy)]
        if len(rows) < limit or len(found) >= limit:
            return found[:limit]
        last = rows[-1]
