"""The trial ledger: what counts as a trial, and what the ledger does to a Sharpe ratio."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeworthy.base.digests import sha256_hex
from tradeworthy.errors import InvalidInput
from tradeworthy.evidence.trial_ledger import (
    LedgerSummary,
    Trial,
    deflated_sharpe_from_ledger,
    pending_trial_digest,
    summarise_ledger,
    track_record_from_ledger,
    trial_digest,
)
from tradeworthy.statistics.significance import deflated_sharpe_ratio, probabilistic_sharpe_ratio

DATA, CONFIG = sha256_hex(b"data"), sha256_hex(b"config")


def artifact(name: int | str) -> str:
    return sha256_hex(str(name).encode())


def pending(name: int | str, strategy: str = "trend") -> Trial:
    return Trial(pending_trial_digest(artifact(name)), strategy, artifact(name))


def done(
    name: int | str,
    sharpe: float | None,
    data: str = DATA,
    config: str = CONFIG,
    strategy: str = "trend",
) -> Trial:
    digest = trial_digest(artifact(name), data, config)
    return Trial(digest, strategy, artifact(name), sharpe, 250)


def test_no_entry_is_no_trial() -> None:
    assert summarise_ledger([]) == LedgerSummary(0, 0, 0, None)


def test_a_backtest_completes_the_pending_trial_of_its_artifact() -> None:
    assert summarise_ledger([pending(1)]).n_pending == 1
    assert summarise_ledger([pending(1), done(1, 0.1)]) == LedgerSummary(2, 1, 0, None)


def test_repeats_add_nothing() -> None:
    ledger = [pending(1), done(1, 0.1), done(1, 0.1), pending(1), done(1, 0.7)]
    assert summarise_ledger(ledger) == LedgerSummary(5, 1, 0, None)


def test_other_data_or_configuration_is_another_trial() -> None:
    ledger = [done(1, 0.1), done(1, 0.2, data=CONFIG), done(1, 0.3, config=DATA)]
    summary = summarise_ledger(ledger)
    assert summary.n_trials == 3
    assert summary.sharpe_variance == pytest.approx(0.01)


def test_failed_trials_count_and_have_no_sharpe() -> None:
    summary = summarise_ledger([done(1, None), done(2, 0.1), done(3, 0.3), pending(4)])
    assert (summary.n_trials, summary.n_pending) == (4, 1)
    assert summary.sharpe_variance == pytest.approx(0.02)


def test_a_failed_trial_that_is_repeated_gets_its_sharpe() -> None:
    summary = summarise_ledger([done(1, None), done(1, 0.1), done(2, 0.3)])
    assert summary.n_trials == 2
    assert summary.sharpe_variance == pytest.approx(0.02)


def test_strategies_do_not_mix() -> None:
    with pytest.raises(InvalidInput, match="one strategy"):
        summarise_ledger([pending(1), pending(2, strategy="carry")])


@pytest.mark.parametrize("sharpe", [math.nan, math.inf])
def test_a_sharpe_that_is_no_number_is_refused(sharpe: float) -> None:
    with pytest.raises(InvalidInput):
        done(1, sharpe)


def test_digests_name_all_three_parts_in_order() -> None:
    a, b, c = artifact("a"), artifact("b"), artifact("c")
    digests = {trial_digest(a, b, c), trial_digest(b, a, c), trial_digest(a, c, b)}
    assert len(digests | {pending_trial_digest(a)}) == 4
    for bad in (("x", b, c), (a, "", c), (a, b, c.upper())):
        with pytest.raises(InvalidInput):
            trial_digest(*bad)
    with pytest.raises(InvalidInput):
        pending_trial_digest("x")


names = st.integers(0, 8)
entries = st.lists(
    st.one_of(
        st.builds(pending, names),
        st.builds(done, names, st.one_of(st.none(), st.integers(-5, 5).map(lambda x: x / 10))),
    ),
    max_size=30,
)


@given(entries)
def test_the_count_never_falls_and_is_of_distinct_artifacts(ledger: list[Trial]) -> None:
    counts = [summarise_ledger(ledger[:length]).n_trials for length in range(len(ledger) + 1)]
    assert counts == sorted(counts)
    assert counts[-1] == len({entry.artifact_digest for entry in ledger})
    summary = summarise_ledger(ledger)
    tried = {entry.artifact_digest for entry in ledger if not entry.is_pending}
    assert summary.n_trials - summary.n_pending == len(tried)


@given(entries)
def test_the_variance_is_of_the_first_known_sharpe_of_each(ledger: list[Trial]) -> None:
    first = {}
    for entry in ledger:
        if entry.sharpe_per_period is not None:
            first.setdefault(entry.digest, entry.sharpe_per_period)
    expected = statistics.variance(first.values()) if len(first) > 1 else None
    assert summarise_ledger(ledger).sharpe_variance == expected


def test_deflation_by_the_ledger() -> None:
    record = (0.1, 750, -0.5, 6.0)
    summary = LedgerSummary(9, 7, 1, 0.002)
    assert deflated_sharpe_from_ledger(summary, *record) == deflated_sharpe_ratio(
        *record, n_trials=7, trial_sharpe_variance=0.002
    )
    single = deflated_sharpe_from_ledger(LedgerSummary(1, 1, 0, None), *record)
    assert single == probabilistic_sharpe_ratio(*record)
    assert deflated_sharpe_from_ledger(LedgerSummary(2, 2, 1, None), *record) is None
    with pytest.raises(InvalidInput, match="empty"):
        deflated_sharpe_from_ledger(LedgerSummary(0, 0, 0, None), *record)
    newer = deflated_sharpe_from_ledger(summary, *record, method="2025")
    assert newer != deflated_sharpe_from_ledger(summary, *record)


@given(st.floats(0.001, 0.3), st.integers(1, 50), st.floats(1e-6, 1e-3), st.floats(0.5, 0.999))
def test_the_track_record_that_is_needed_is_the_first_that_is_enough(
    sharpe: float, trials: int, variance: float, required: float
) -> None:
    ledger = LedgerSummary(trials, trials, 0, variance)
    needed = track_record_from_ledger(ledger, sharpe, -0.5, 6.0, required)
    assert needed is not None
    if needed > 1e9:
        enough = deflated_sharpe_from_ledger(ledger, sharpe, 10**6, -0.5, 6.0)
        assert enough is not None
        assert enough < required
        return
    for observations, reached in ((needed * 1.01 + 2, True), (needed * 0.99 - 1, False)):
        if observations >= 2:
            dsr = deflated_sharpe_from_ledger(ledger, sharpe, int(observations), -0.5, 6.0)
            assert (dsr is not None and dsr >= required) is reached
    unknown = LedgerSummary(2, 2, 1, None)
    assert track_record_from_ledger(unknown, sharpe, -0.5, 6.0, required) is None
