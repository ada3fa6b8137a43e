"""One version before the gates of one target: everything that is read for it, read once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from tradeworthy.artifacts.predictor import CheckedPredictor
from tradeworthy.errors import TradeworthyError
from tradeworthy.evidence.evidence import Evidence
from tradeworthy.evidence.trial_ledger import (
    LedgerSummary,
    Trial,
    pending_trial_digest,
    summarise_ledger,
)
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import ModelState, VersionState
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.model_registry.artifact_file import load_artifact
from tradeworthy.model_registry.manifests import manifest_of
from tradeworthy.model_registry.sources import Sources
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.store.ports.backtests import BacktestRecord
from tradeworthy.store.ports.trials import LedgerEntry


@dataclass(frozen=True)
class Case:
    """One version before the gates of one target; what takes time is read when it is first needed.

    Parameters
    ----------
    sources
        Where everything comes from.
    state, version
        The model as it stands, and the version of it.
    target
        The stage that the version is to reach.
    policy
        What it is held to, the request's overrides included.
    now
        The time of the judgement, UTC.
    reason
        Why it is promoted or withdrawn.
    """

    sources: Sources
    state: ModelState
    version: VersionState
    target: Stage
    policy: Policy
    now: datetime
    reason: str = ""

    @cached_property
    def manifest(self) -> Manifest | None:
        """The manifest, None before one was recorded."""
        if self.version.manifest_digest is None:
            return None
        with self.sources.store.read() as view:
            return manifest_of(view, self.version)

    @cached_property
    def artifact(self) -> tuple[bytes, ...] | None:
        """The artifact's files, None unless each has the size and digest of the manifest."""
        if self.manifest is None or not self.manifest.files:
            return None
        try:
            contents = tuple(self.sources.blobs.read(f.sha256) for f in self.manifest.files)
        except TradeworthyError:
            return None
        sizes = [file.size for file in self.manifest.files]
        return contents if [len(content) for content in contents] == sizes else None

    @property
    def predictor(self) -> CheckedPredictor | None:
        """The artifact, loaded; None if it is not what the manifest says or does not load."""
        return self.loaded if isinstance(self.loaded, CheckedPredictor) else None

    @cached_property
    def loaded(self) -> CheckedPredictor | TradeworthyError | None:
        """The artifact, loaded, or why it does not load; None if it is not what was recorded."""
        if self.manifest is None or self.artifact is None:
            return None
        try:
            return load_artifact(self.manifest, self.artifact[0])
        except TradeworthyError as error:
            return error

    @cached_property
    def ledger(self) -> LedgerSummary | None:
        """The trials of the strategy, None before a manifest was recorded."""
        if self.version.manifest_digest is None:
            return None
        with self.sources.store.read() as view:
            entries = view.trials.of_strategy(self.state.strategy)
        return summarise_ledger(_trials(entries))

    @cached_property
    def backtest(self) -> BacktestRecord | None:
        """The latest backtest of the version's present artifact; a DRAFT has none."""
        if self.version.stage is Stage.DRAFT:
            return None
        with self.sources.store.read() as view:
            backtests = view.backtests.of_version(self.state.name, self.version.version)
        present = self.version.artifact_digest
        return next((b for b in reversed(backtests) if b.artifact_digest == present), None)

    @cached_property
    def evidence(self) -> Evidence | None:
        """What that backtest found."""
        if self.backtest is None:
            return None
        with self.sources.store.read() as view:
            document = view.documents.get(self.backtest.evidence_digest)
        return None if document is None else Evidence.from_json(document.content())


def _trials(entries: Iterable[LedgerEntry]) -> list[Trial]:
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
