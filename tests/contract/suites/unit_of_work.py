"""What a unit and a view are, whatever is written or read through them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contract.one_call import position, unit, view
from contract.promotion_commands import AUTHOR, NOON, keep, story
from contract.suites.access import ANA, CLAIM, REPLY, admin
from contract.suites.evidence import EVIDENCE, activation, backtest, dataset, report, trial
from contract.suites.jobs import LEASE, job
from tradeworthy.errors import VersionNotFound
from tradeworthy.lifecycle.events import Event
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.tags import VersionTagged
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.ports.versions import VersionQuery
from tradeworthy.store.unit_of_work import Store, Unit, View

LATER = NOON + timedelta(days=1)
RELEASE = Document(activation(1).release_digest, "release", b"{}")
TAGGED = Event("m", VersionTagged(1, "k", "v"), AUTHOR, LATER)


def write_everything(one: Unit) -> None:
    """Write through every port that can be written."""
    one.events.append("m", 2, [TAGGED])
    one.documents.add(EVIDENCE, RELEASE, at=NOON)
    one.backtests.add(backtest("one"))
    one.trials.add(trial("one"))
    one.datasets.add(dataset("bars"))
    one.releases.activate(activation(1))
    one.drift_reports.add(report(0))
    one.tokens.add(ANA)
    one.tokens.add(admin("root"))
    one.tokens.revoke(ANA.token_id, LATER)
    one.idempotency.claim(CLAIM, NOON)
    one.jobs.add(job())
    one.jobs.claim(LATER, LEASE)


def everything(one: View) -> list[object]:
    """Read through every port that can be read."""
    return [
        one.models.get("m"),
        one.models.page(),
        one.models.production(),
        one.versions.search(VersionQuery()),
        one.versions.tags("m"),
        one.events.of_model("m"),
        one.position(),
        one.documents.get(EVIDENCE.digest),
        one.trials.of_strategy("trend"),
        one.backtests.latest("m"),
        one.datasets.all(),
        one.releases.activation(),
        one.drift_reports.newest("m"),
        one.tokens.all(),
        one.jobs.get(job().id),
        one.outbox.undelivered("m"),
    ]


def read(store: Store) -> list[object]:
    with store.read() as one:
        return everything(one)


class UnitContract:
    """Units and views of every store."""

    def test_what_a_unit_wrote_is_kept_together(self, store: Store) -> None:
        keep(store, story(Stage.DRAFT))
        before = read(store)
        with store.begin() as one:
            write_everything(one)
            inside = everything(one)
        after = read(store)
        assert after == inside
        # All say something else now, but for the list of models and the champions (none).
        unchanged = [old for old, new in zip(before, after, strict=True) if old == new]
        assert unchanged == [view(store).models.page(), ()]
        unit(store).idempotency.settle(CLAIM, REPLY)
        assert unit(store).idempotency.claim(CLAIM, NOON) == REPLY

    def test_a_unit_that_an_error_leaves_keeps_nothing(self, store: Store) -> None:
        keep(store, story(Stage.DRAFT))
        before = read(store)
        with pytest.raises(RuntimeError, match="the very last moment"), store.begin() as one:
            write_everything(one)
            raise RuntimeError("the very last moment")
        assert read(store) == before
        assert unit(store).idempotency.claim(CLAIM, NOON) is None

    def test_a_port_that_refuses_undoes_the_others(self, store: Store) -> None:
        keep(store, story(Stage.DRAFT))
        before = read(store)
        with pytest.raises(VersionNotFound), store.begin() as one:
            write_everything(one)
            one.backtests.add(backtest("two", version=9))
        assert read(store) == before

    def test_a_view_sees_one_moment(self, store: Store) -> None:
        keep(store, story(Stage.DRAFT))
        with store.read() as one:
            before = everything(one)
            with store.begin() as writing:
                write_everything(writing)
            assert everything(one) == before
        assert read(store) != before

    def test_a_unit_can_be_followed_by_another(self, store: Store) -> None:
        keep(store, story(Stage.DRAFT))
        for revision in range(2, 5):
            with store.begin() as one:
                assert one.events.append("m", revision, [TAGGED]) == revision + 1
        assert position(store) == (5, 0)
        assert view(store).versions.tags("m") == {1: {"k": "v"}}
