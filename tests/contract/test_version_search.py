"""Searching by tags finds the same, whichever way the database searches."""

import pytest
from promotion_commands import Story, keep

from contract.one_call import view
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.tags import Tag
from tradeworthy.store.ports.versions import VersionQuery
from tradeworthy.store.sql import version_search
from tradeworthy.store.sql_store import SqlStore


def tagged_story(name: str) -> Story:
    """Four versions: all are live, two are swift, the last is neither swift nor slow."""
    history = Story(name).registered()
    for number in range(1, 5):
        history.with_version(Stage.DRAFT)
        history.does("ana", Tag(number, "environment", "live"))
        if number < 4:
            history.does("ana", Tag(number, "pace", "swift" if number < 3 else "slow"))
    return history


@pytest.mark.parametrize("few", [0, 1, 3, 4, 12_000])
def test_tag_search_does_not_depend_on_the_way(
    sql_store: SqlStore, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version_search, "FEW_TAGGED", few)
    keep(sql_store, tagged_story("a"), tagged_story("b"))

    def found(after: tuple[str, int] = ("", 0), **tags: str) -> list[tuple[str, int]]:
        rows = view(sql_store).versions.search(VersionQuery(tags=tags), after=after, limit=3)
        return [(row.model, row.version.version) for row in rows]

    assert found(environment="live") == [("a", 1), ("a", 2), ("a", 3)]
    assert found(("a", 3), environment="live") == [("a", 4), ("b", 1), ("b", 2)]
    assert found(environment="live", pace="swift") == [("a", 1), ("a", 2), ("b", 1)]
    assert found(("a", 2), pace="swift", environment="live") == [("b", 1), ("b", 2)]
    assert found(pace="slow", environment="live") == [("a", 3), ("b", 3)]
    assert found(pace="slow", environment="test") == []
    assert found(pace="live") == []
