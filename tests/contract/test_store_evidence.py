"""Documents, trials, backtests, datasets, activations and drift reports in every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from contract.promotion_commands import NOON, OPERATOR, digest, keep, story
from tradeworthy.errors import RecordNotFound, StaleEpoch, VersionNotFound
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.store.protocol import Store
from tradeworthy.store.records import (
    Activation,
    BacktestRecord,
    DatasetRecord,
    Document,
    DriftReportRecord,
    LedgerEntry,
)

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
    return [entry.trial_digest for entry in store.ledger(strategy)]


# -- documents -------------------------------------------------------------------------------


def test_a_document_comes_back_byte_for_byte(store: Store) -> None:
    assert store.document(EVIDENCE.digest) is None
    for document in (EVIDENCE, Document(digest("empty"), "manifest", b"")):
        store.add_document(document, NOON)
        store.add_document(document, NOON + timedelta(days=1))
        assert store.document(document.digest) == document


def test_the_first_document_under_a_digest_stays(store: Store) -> None:
    store.add_document(EVIDENCE, NOON)
    store.add_document(replace(EVIDENCE, body=b"other"), NOON)
    assert store.document(EVIDENCE.digest) == EVIDENCE


# -- the trial ledger ------------------------------------------------------------------------


def test_pending_trials_repeat_and_finished_ones_do_not(store: Store) -> None:
    told = story(Stage.DRAFT)
    store.commit("m", 0, told.events, ledger=[trial(None), trial(None)])
    store.record_backtest(backtest("one"), trial("one"), EVIDENCE)
    store.record_backtest(backtest("one"), replace(trial("one"), sharpe=9.0), EVIDENCE)
    store.record_backtest(backtest("two"), trial("two"), EVIDENCE)
    found = store.ledger("trend")
    assert trials(store) == [None, None, digest("one"), digest("two")]
    assert [e.sharpe for e in found] == [None, None, 0.125, 0.125]
    assert [e.n_observations for e in found] == [None, None, 2**31 - 1, 2**31 - 1]
    positions = [e.position for e in found]
    assert positions == sorted(set(positions))
    assert [replace(e, position=0) for e in found[2:]] == [trial("one"), trial("two")]


def test_the_same_trial_twice_in_one_commit_counts_once(store: Store) -> None:
    told = story(Stage.DRAFT)
    store.commit("m", 0, told.events, ledger=[trial("one"), trial("one"), trial("two")])
    assert trials(store) == [digest("one"), digest("two")]


def test_every_strategy_counts_its_own_trials(store: Store) -> None:
    keep(store, story(Stage.DRAFT))
    store.record_backtest(backtest("one"), trial("one"), EVIDENCE)
    store.record_backtest(backtest("one"), trial("one", strategy="carry"), EVIDENCE)
    assert trials(store) == trials(store, "carry") == [digest("one")]
    assert store.ledger("ghost") == ()
    positions = [e.position for s in ("trend", "carry") for e in store.ledger(s)]
    assert len(set(positions)) == 2


def test_a_trial_found_again_by_another_version_is_the_same_trial(store: Store) -> None:
    keep(store, story(Stage.DRAFT, Stage.DRAFT))
    store.record_backtest(backtest("one"), trial("one"), EVIDENCE)
    store.record_backtest(backtest("one", 2), trial("one", version=2), EVIDENCE)
    assert [e.version for e in store.ledger("trend")] == [1]
    assert len(store.backtests("m", 2)) == 1


# -- backtests -------------------------------------------------------------------------------


def test_backtests_come_back_oldest_first(store: Store) -> None:
    keep(store, story(Stage.DRAFT, Stage.DRAFT))
    records = [backtest("b"), backtest("a"), backtest("b")]
    for record in records:
        store.record_backtest(record, trial(None), EVIDENCE)
    store.record_backtest(backtest("c", 2), trial(None), EVIDENCE)
    assert list(store.backtests("m", 1)) == records
    assert len(store.backtests("m", 2)) == 1
    assert store.backtests("m", 3) == store.backtests("ghost", 1) == ()
    assert store.document(EVIDENCE.digest) == EVIDENCE


@pytest.mark.parametrize(("model", "version"), [("m", 2), ("ghost", 1)])
def test_a_backtest_of_an_unknown_version_keeps_nothing(
    store: Store, model: str, version: int
) -> None:
    keep(store, story(Stage.DRAFT))
    with pytest.raises(VersionNotFound):
        store.record_backtest(backtest("one", version, model), trial("one"), EVIDENCE)
    with pytest.raises(VersionNotFound):
        entry = replace(trial("one"), model=model, version=version)
        store.record_backtest(backtest("one"), entry, EVIDENCE)
    assert store.document(EVIDENCE.digest) is None
    assert store.ledger("trend") == ()
    assert store.backtests("m", 1) == ()


# -- datasets --------------------------------------------------------------------------------


def dataset(name: str) -> DatasetRecord:
    """A dataset under its name's digest."""
    return DatasetRecord(
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


def test_datasets_are_kept_once_in_their_order(store: Store) -> None:
    names = ["z", "a", "m"]
    for name in [*names, "a"]:
        store.add_dataset(replace(dataset(name), created_by="ana" if name != "a" else "tom"))
    store.add_dataset(replace(dataset("a"), name="renamed"))
    assert [d.name for d in store.datasets()] == names
    assert store.dataset(digest("z")) == dataset("z")
    assert store.dataset(digest("a")) == replace(dataset("a"), created_by="tom")
    assert store.dataset(digest("ghost")) is None


# -- activations -----------------------------------------------------------------------------


def activation(epoch: int, release: str = "release") -> Activation:
    """An activation of a release."""
    return Activation(epoch, digest(release), NOON + timedelta(days=epoch), OPERATOR, "why")


def test_epochs_count_up_one_by_one(store: Store) -> None:
    assert store.activation() is None
    assert store.activation(1) is None
    for name in ("one", "two"):
        store.add_document(Document(digest(name), "release", b"{}"), NOON)
    for epoch, name in [(1, "one"), (2, "two"), (3, "one")]:
        for wrong in (epoch - 1, epoch + 1, -1):
            with pytest.raises(StaleEpoch) as caught:
                store.activate(activation(wrong, name))
            assert caught.value.details == {"epoch": wrong}
        store.activate(activation(epoch, name))
        assert store.activation() == activation(epoch, name)
        assert store.position() == (0, epoch)
    assert store.activation(2) == activation(2, "two")
    assert store.activation(0) is store.activation(4) is store.activation(-1) is None


def test_only_a_release_that_is_kept_becomes_active(store: Store) -> None:
    with pytest.raises(RecordNotFound):
        store.activate(activation(1, "ghost"))
    assert store.activation() is None


# -- drift reports ---------------------------------------------------------------------------


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


def test_a_slot_has_one_report(store: Store) -> None:
    keep(store, story(Stage.PRODUCTION, Stage.PRODUCTION))
    assert store.add_drift_report(report(0))
    assert not store.add_drift_report(replace(report(0), severity="SEVERE"))
    assert not store.add_drift_report(report(0))
    assert store.add_drift_report(report(0, version=2))
    assert store.add_drift_report(report(1, severity=None))
    assert store.drift_reports("m", version=1) == (report(1, severity=None), report(0))


def test_a_slot_is_a_moment_in_whatever_zone(store: Store) -> None:
    keep(store, story(Stage.PRODUCTION))
    assert store.add_drift_report(report(0))
    moved = report(0).slot.astimezone(timezone(timedelta(hours=9)))
    assert not store.add_drift_report(replace(report(0), slot=moved))


def test_reports_come_newest_slot_first(store: Store) -> None:
    keep(store, story(Stage.PRODUCTION, Stage.PRODUCTION), story(Stage.PRODUCTION, name="other"))
    for hours, version in [(2, 1), (0, 1), (1, 2), (1, 1)]:
        assert store.add_drift_report(report(hours, version))
    assert store.add_drift_report(report(5, model="other"))
    slots = [(r.slot, r.version) for r in store.drift_reports("m")]
    hour = timedelta(hours=1)
    assert slots == [(NOON + 2 * hour, 1), (NOON + hour, 1), (NOON + hour, 2), (NOON, 1)]
    assert [r.version for r in store.drift_reports("m", limit=3)] == [1, 1, 2]
    assert store.drift_reports("m", version=2) == (report(1, 2),)
    assert store.drift_reports("m", version=3) == store.drift_reports("ghost") == ()
    past = store.drift_reports("m", version=1, until=NOON + 1.5 * hour)
    assert past == (report(1), report(0))
    assert store.drift_reports("m", until=NOON, limit=1) == (report(0),)
    assert store.drift_reports("m", until=NOON - hour) == ()


@pytest.mark.parametrize(("model", "version"), [("m", 2), ("ghost", 1)])
def test_a_report_of_an_unknown_version_is_refused(store: Store, model: str, version: int) -> None:
    keep(store, story(Stage.PRODUCTION))
    with pytest.raises(VersionNotFound):
        store.add_drift_report(report(0, version, model=model))
    assert store.drift_reports(model) == ()
