"""A strategy's ledger lines as trials."""

from __future__ import annotations

from collections.abc import Iterable

from tradeworthy.evidence.trial_ledger import Trial, pending_trial_digest
from tradeworthy.store.records import LedgerEntry


def ledger_trials(entries: Iterable[LedgerEntry]) -> list[Trial]:
    """Return the trials that the ledger's lines tell of, in their order."""
    return [
        Trial(
            digest=entry.trial_digest or pending_trial_digest(entry.artifact_digest),
            strategy=entry.strategy,
            artifact_digest=entry.artifact_digest,
            sharpe_per_period=entry.sharpe,
            n_observations=entry.n_observations or 0,
        )
        for entry in entries
    ]
