"""Documents, trials, backtests, datasets, activations and drift reports in every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from contract.one_call import commit, position, record_backtest, unit, view
from contract.promotion_commands import NOON, OPERATOR, digest, keep, story
from tradeworthy.errors import RecordNotFound, StaleEpoch, VersionNotFound
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.store.ports.backtests import BacktestRecord
from tradeworthy.store.ports.datasets import StoredDataset
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.ports.drift_reports import DriftReportRecord
from tradeworthy.store.ports.releases import Activation
from tradeworthy.store.ports.trials import LedgerEntry
from tradeworthy.store.unit_of_work import Store

BYTES = bytes(range(256))
EVIDENCE = Document(digest("evidence"), "evidence", BYTES)


def trial(name: str | None, *, strategy: str = "trend", version: int = 1) -> LedgerEntry:
    """A line of the ledger; without a name the trial is pending."""
    if name is None:
        return LedgerEntry(strategy, "m", version, digest("artifact"), NOON)
    return LedgerEntry(
        strategy, "m", version, digest("artifact"), NOON, digest(name), 0.125, 2**31 - 1
    )


def backtest(name: str, version: int = 1, model: str = "m") -> BacktestRecord:
    """A backtest with figures that JSON and floats make hard."""
    return BacktestRecord(
        model,
        version,
        digest(f"result {name}"),
        digest(name),
        digest("artifact"),
        digest("data"),
        EVIDENCE.digest,
        {"sharpe": 0.1 + 0.2, "trades": 12, "note": "é", "by_year": {"2025": [1e-300, None]}},
        "vera",
        NOON,
    )


def trials(store: Store, strategy: str = "trend") -> list[str | None]:
    """The trial digests of a strategy's ledger."""
    return [entry.trial_digest for entry in view(store).trials.of_strategy(strategy)]


def dataset(name: str) -> StoredDataset:
    """A dataset under its name's digest."""
    return StoredDataset(
        digest(name),
        name,
        digest(f"file {name}"),
        2**31 - 1,
        ("SPY", "Ünï"),
        "2020-01-02",
        "2025-12-31",
        NOON,
        "ana",
    )


def activation(epoch: int, release: str = "release") -> Activation:
    """An activation of a release."""
    return Activation(epoch, digest(release), NOON + timedelta(days=epoch), OPERATOR, "why")


def report(
    hours: int, version: int = 1, severity: str | None = "NORMAL", model: str = "m"
) -> DriftReportRecord:
    """A drift report of an hourly slot."""
    slot = NOON + timedelta(hours=hours)
    return DriftReportRecord(
        model,
        version,
        slot,
        "OK" if severity else "INSUFFICIENT",
        severity,
        digest(f"{version} {hours}"),
        {"features": {"x": {"psi": 0.1 + 0.2, "ks": None}}, "rows": 20},
        slot + timedelta(seconds=7),
    )


class EvidenceContract:
    """Documents, trials, backtests, datasets, activations and drift reports."""

    # -- documents -------------------------------------------------------------------------------

    def test_a_document_comes_back_byte_for_byte(self, store: Store) -> None:
        assert view(store).documents.get(EVIDENCE.digest) is None
        for document in (EVIDENCE, Document(digest("empty"), "manifest", b"")):
            unit(store).documents.add(document, at=NOON)
            unit(store).documents.add(document, at=NOON + timedelta(days=1))
            assert view(store).documents.get(document.digest) == document

    def test_the_first_document_under_a_digest_stays(self, store: Store) -> None:
        unit(store).documents.add(EVIDENCE, at=NOON)
        unit(store).documents.add(replace(EVIDENCE, body=b"other"), at=NOON)
        assert view(store).documents.get(EVIDENCE.digest) == EVIDENCE

    # -- the trial ledger ------------------------------------------------------------------------

    def test_pending_trials_repeat_and_finished_ones_do_not(self, store: Store) -> None:
        history = story(Stage.DRAFT)
        commit(store, "m", 0, history.events, ledger=[trial(None), trial(None)])
        record_backtest(store, backtest("one"), trial("one"), EVIDENCE)
        record_backtest(store, backtest("one"), replace(trial("one"), sharpe=9.0), EVIDENCE)
        record_backtest(store, backtest("two"), trial("two"), EVIDENCE)
        found = view(store).trials.of_strategy("trend")
        assert trials(store) == [None, None, digest("one"), digest("two")]
        assert [e.sharpe for e in found] == [None, None, 0.125, 0.125]
        assert [e.n_observations for e in found] == [None, None, 2**31 - 1, 2**31 - 1]
        positions = [e.position for e in found]
        assert positions == sorted(set(positions))
        assert [replace(e, position=0) for e in found[2:]] == [trial("one"), trial("two")]

    def test_the_same_trial_twice_in_one_commit_counts_once(self, store: Store) -> None:
        history = story(Stage.DRAFT)
        commit(store, "m", 0, history.events, ledger=[trial("one"), trial("one"), trial("two")])
        assert trials(store) == [digest("one"), digest("two")]

    def test_every_strategy_counts_its_own_trials(self, store: Store) -> None:
        keep(store, story(Stage.DRAFT))
        record_backtest(store, backtest("one"), trial("one"), EVIDENCE)
        record_backtest(store, backtest("one"), trial("one", strategy="carry"), EVIDENCE)
        assert trials(store) == trials(store, "carry") == [digest("one")]
        assert view(store).trials.of_strategy("ghost") == ()
        positions = [
            e.position for s in ("trend", "carry") for e in view(store).trials.of_strategy(s)
        ]
        assert len(set(positions)) == 2

    def test_a_trial_found_again_by_another_version_is_the_same_trial(self, store: Store) -> None:
        keep(store, story(Stage.DRAFT, Stage.DRAFT))
        record_backtest(store, backtest("one"), trial("one"), EVIDENCE)
        record_backtest(store, backtest("one", 2), trial("one", version=2), EVIDENCE)
        assert [e.version for e in view(store).trials.of_strategy("trend")] == [1]
        assert len(view(store).backtests.of_version("m", 2)) == 1

    # -- backtests -------------------------------------------------------------------------------

    def test_backtests_come_back_oldest_first(self, store: Store) -> None:
        keep(store, story(Stage.DRAFT, Stage.DRAFT))
        records = [backtest("b"), backtest("a"), backtest("b")]
        for record in records:
            record_backtest(store, record, trial(None), EVIDENCE)
        record_backtest(store, backtest("c", 2), trial(None), EVIDENCE)
        assert list(view(store).backtests.of_version("m", 1)) == records
        assert len(view(store).backtests.of_version("m", 2)) == 1
        assert (
            view(store).backtests.of_version("m", 3)
            == view(store).backtests.of_version("ghost", 1)
            == ()
        )
        assert view(store).documents.get(EVIDENCE.digest) == EVIDENCE

    @pytest.mark.parametrize(("model", "version"), [("m", 2), ("ghost", 1)])
    def test_a_backtest_of_an_unknown_version_keeps_nothing(
        self, store: Store, model: str, version: int
    ) -> None:
        keep(store, story(Stage.DRAFT))
        with pytest.raises(VersionNotFound):
            record_backtest(store, backtest("one", version, model), trial("one"), EVIDENCE)
        with pytest.raises(VersionNotFound):
            entry = replace(trial("one"), model=model, version=version)
            record_backtest(store, backtest("one"), entry, EVIDENCE)
        assert view(store).documents.get(EVIDENCE.digest) is None
        assert view(store).trials.of_strategy("trend") == ()
        assert view(store).backtests.of_version("m", 1) == ()

    def test_datasets_are_kept_once_in_their_order(self, store: Store) -> None:
        names = ["z", "a", "m"]
        for name in [*names, "a"]:
            unit(store).datasets.add(
                replace(dataset(name), created_by="ana" if name != "a" else "tom")
            )
        unit(store).datasets.add(replace(dataset("a"), name="renamed"))
        assert [d.name for d in view(store).datasets.all()] == names
        assert view(store).datasets.get(digest("z")) == dataset("z")
        assert view(store).datasets.get(digest("a")) == replace(dataset("a"), created_by="tom")
        assert view(store).datasets.get(digest("ghost")) is None

    def test_epochs_count_up_one_by_one(self, store: Store) -> None:
        assert view(store).releases.activation() is None
        assert view(store).releases.activation(1) is None
        for name in ("one", "two"):
            unit(store).documents.add(Document(digest(name), "release", b"{}"), at=NOON)
        assert unit(store).releases.hold() is None
        assert unit(store).releases.reserve() is None
        for epoch, name in [(1, "one"), (2, "two"), (3, "one")]:
            for wrong in (epoch - 1, epoch + 1, -1):
                with pytest.raises(StaleEpoch) as caught:
                    unit(store).releases.activate(activation(wrong, name))
                assert caught.value.details == {"epoch": wrong}
            unit(store).releases.activate(activation(epoch, name))
            assert view(store).releases.activation() == activation(epoch, name)
            assert unit(store).releases.hold() == activation(epoch, name)
            assert unit(store).releases.reserve() == activation(epoch, name)
            assert position(store) == (0, epoch)
        assert view(store).releases.activation(2) == activation(2, "two")
        assert (
            view(store).releases.activation(0)
            is view(store).releases.activation(4)
            is view(store).releases.activation(-1)
            is None
        )

    def test_only_a_release_that_is_kept_becomes_active(self, store: Store) -> None:
        with pytest.raises(RecordNotFound):
            unit(store).releases.activate(activation(1, "ghost"))
        assert view(store).releases.activation() is None

    def test_a_slot_has_one_report(self, store: Store) -> None:
        keep(store, story(Stage.PRODUCTION, Stage.PRODUCTION))
        assert unit(store).drift_reports.add(report(0))
        assert not unit(store).drift_reports.add(replace(report(0), severity="SEVERE"))
        assert not unit(store).drift_reports.add(report(0))
        assert unit(store).drift_reports.add(report(0, version=2))
        assert unit(store).drift_reports.add(report(1, severity=None))
        assert view(store).drift_reports.newest("m", version=1) == (
            report(1, severity=None),
            report(0),
        )

    def test_a_slot_is_a_moment_in_whatever_zone(self, store: Store) -> None:
        keep(store, story(Stage.PRODUCTION))
        assert unit(store).drift_reports.add(report(0))
        moved = report(0).slot.astimezone(timezone(timedelta(hours=9)))
        assert not unit(store).drift_reports.add(replace(report(0), slot=moved))

    def test_reports_come_newest_slot_first(self, store: Store) -> None:
        keep(
            store, story(Stage.PRODUCTION, Stage.PRODUCTION), story(Stage.PRODUCTION, name="other")
        )
        for hours, version in [(2, 1), (0, 1), (1, 2), (1, 1)]:
            assert unit(store).drift_reports.add(report(hours, version))
        assert unit(store).drift_reports.add(report(5, model="other"))
        slots = [(r.slot, r.version) for r in view(store).drift_reports.newest("m")]
        hour = timedelta(hours=1)
        assert slots == [(NOON + 2 * hour, 1), (NOON + hour, 1), (NOON + hour, 2), (NOON, 1)]
        assert [r.version for r in view(store).drift_reports.newest("m", limit=3)] == [1, 1, 2]
        assert view(store).drift_reports.newest("m", version=2) == (report(1, 2),)
        assert (
            view(store).drift_reports.newest("m", version=3)
            == view(store).drift_reports.newest("ghost")
            == ()
        )
        past = view(store).drift_reports.newest("m", version=1, until=NOON + 1.5 * hour)
        assert past == (report(1), report(0))
        assert view(store).drift_reports.newest("m", until=NOON, limit=1) == (report(0),)
        assert view(store).drift_reports.newest("m", until=NOON - hour) == ()

    @pytest.mark.parametrize(("model", "version"), [("m", 2), ("ghost", 1)])
    def test_a_report_of_an_unknown_version_is_refused(
        self, store: Store, model: str, version: int
    ) -> None:
        keep(store, story(Stage.PRODUCTION))
        with pytest.raises(VersionNotFound):
            unit(store).drift_reports.add(report(0, version, model=model))
        assert view(store).drift_reports.newest(model) == ()
