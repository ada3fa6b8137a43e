"""Backtests that the registry runs: their settings from the policy, their evidence kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from tradeworthy.access.roles import Action, Actor
from tradeworthy.base.digests import Json, canonical_json
from tradeworthy.errors import DatasetInvalid, InvalidInput, InvalidTransition, ManifestInvalid
from tradeworthy.evidence.evaluation_request import EvaluationRequest, Evaluator
from tradeworthy.evidence.evaluation_settings import EvaluationSettings
from tradeworthy.evidence.evidence import Evidence
from tradeworthy.evidence.requested_costs import RequestedCosts
from tradeworthy.evidence.trial_ledger import trial_digest
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import ModelState, VersionState, version_of
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.model_registry.changes import record_of
from tradeworthy.model_registry.facts.evaluation import evaluation_settings
from tradeworthy.model_registry.manifests import manifest_of
from tradeworthy.model_registry.policies import Policies
from tradeworthy.model_registry.promotions import Promotions
from tradeworthy.model_registry.running_code import RunningCode
from tradeworthy.promotion.verdict import Verdict
from tradeworthy.store.blobs import BlobFolder
from tradeworthy.store.ports.backtests import BacktestRecord
from tradeworthy.store.ports.datasets import StoredDataset
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.ports.trials import LedgerEntry
from tradeworthy.store.unit_of_work import Store


@dataclass(frozen=True, slots=True)
class BacktestOutcome:
    """What a backtest of a version found and what the policy says of it."""

    model: str
    version: int
    evidence: Evidence
    verdict: Verdict

    def to_json(self) -> dict[str, Json]:
        """Return it as answers and jobs keep it, without the single returns."""
        artifact = self.evidence.artifact_metrics
        figures = {
            name: each for name, each in self.evidence.to_json().items() if name != "returns"
        }
        return {
            "model": self.model,
            "version": self.version,
            "result_digest": self.evidence.result_digest,
            "evidence_digest": self.evidence.digest,
            "metrics": dict(self.evidence.metrics),
            "artifact_metrics": None if artifact is None else dict(artifact),
            "evidence": figures,
            "verdict": self.verdict.as_dict(),
        }


class Backtests:
    """Runs backtests of trained versions.

    Parameters
    ----------
    store, blobs
        What the registry keeps.
    code
        The strategy files of this deployment.
    policies
        What each model is held to.
    promotions
        Judges what was found.
    evaluator
        Runs the evaluation where users' code may run.
    clock
        The time now, UTC.
    """

    def __init__(
        self,
        *,
        store: Store,
        blobs: BlobFolder,
        code: RunningCode,
        policies: Policies,
        promotions: Promotions,
        evaluator: Evaluator,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._code = code
        self._policies = policies
        self._promotions = promotions
        self._evaluator = evaluator
        self._clock = clock

    def backtest(
        self,
        model: str,
        version: int,
        *,
        dataset_hash: str | None = None,
        costs: RequestedCosts | None = None,
        actor: Actor,
    ) -> BacktestOutcome:
        """Evaluate a trained version and keep the evidence.

        Parameters
        ----------
        model, version
            What to test.
        dataset_hash
            The market data; that of the manifest by default.
        costs
            Instead of the policy's.
        actor
            Who asks.

        Raises
        ------
        InvalidTransition
            If the version is a DRAFT or RETIRED.
        InvalidInput
            For costs that are negative or not finite.
        ManifestInvalid, StrategyInvalid, FeatureGraphMismatch, DatasetInvalid, ArtifactInvalid
            If it cannot be evaluated.
        Forbidden
            Unless the actor is a researcher or validator for the strategy.
        """
        state, candidate = self.admit(model, version, actor=actor)
        with self._store.read() as view:
            manifest = manifest_of(view, candidate)
        policy = self._policies.of(state)
        settings = _charging(evaluation_settings(policy, manifest), costs)
        data = self._dataset(manifest, dataset_hash)
        evidence = self._evaluator(self._request(manifest, data, settings))
        self._keep(state, candidate, evidence, actor)
        verdict = self._promotions.judge(state, version, Stage.VALIDATED, policy)
        return BacktestOutcome(model, version, evidence, verdict)

    def admit(self, model: str, version: int, *, actor: Actor) -> tuple[ModelState, VersionState]:
        """Return a model and its version if this actor may have it tested.

        Raises
        ------
        ModelNotFound, VersionNotFound
            If it is not there.
        InvalidTransition
            If the version is a DRAFT or RETIRED.
        Forbidden
            Unless the actor is a researcher or validator for the strategy.
        """
        actor.require(Action.BACKTEST)
        with self._store.read() as view:
            state = record_of(view, model).state
        actor.require(Action.BACKTEST, state.strategy)
        candidate = version_of(state, version)
        _check_stage(candidate)
        return state, candidate

    def _dataset(self, manifest: Manifest, dataset_hash: str | None) -> str:
        sources = manifest.dataset.sources or ()
        wanted = dataset_hash or next((s.digest for s in sources if s.digest), None)
        record = self._kept(wanted) if wanted else None
        if record is None:
            raise DatasetInvalid(
                f"the registry does not have the market data {wanted or '(none recorded)'}: "
                "keep it with `tradeworthy datasets add BARS`, or name another with `--dataset`",
                dataset_hash=wanted,
            )
        self._blobs.read(record.file_sha256)
        return record.file_sha256

    def _kept(self, dataset_hash: str) -> StoredDataset | None:
        with self._store.read() as view:
            return view.datasets.get(dataset_hash)

    def _request(
        self, manifest: Manifest, file_sha256: str, settings: EvaluationSettings
    ) -> EvaluationRequest:
        entry = manifest.code.entry_point
        if entry is None or not manifest.files:
            raise ManifestInvalid(
                f"{manifest.file_name} records no training entry point or no artifact, so that its "
                "recipe cannot be tested: train it from a strategy file",
                field="code.entry_point",
            )
        artifact = manifest.files[0]
        self._blobs.read(artifact.sha256)
        return EvaluationRequest(
            strategy_file=str(self._code.path(entry.file)),
            manifest=manifest.to_json(),
            artifact_file=str(self._blobs.path(artifact.sha256)),
            dataset_file=str(self._blobs.path(file_sha256)),
            settings=settings,
        )

    def _keep(
        self, state: ModelState, version: VersionState, evidence: Evidence, actor: Actor
    ) -> None:
        assert version.artifact_digest is not None  # noqa: S101 - a manifest has been recorded
        now = self._clock()
        trial = trial_digest(
            version.artifact_digest, evidence.dataset_hash, evidence.settings.trial_digest
        )
        sharpe = evidence.metrics.get("sharpe_per_period")
        record = BacktestRecord(
            model=state.name,
            version=version.version,
            result_digest=evidence.result_digest,
            trial_digest=trial,
            artifact_digest=version.artifact_digest,
            dataset_hash=evidence.dataset_hash,
            evidence_digest=evidence.digest,
            metrics=evidence.metrics,
            actor=actor.name,
            at=now,
        )
        entry = LedgerEntry(
            strategy=state.strategy,
            model=state.name,
            version=version.version,
            artifact_digest=version.artifact_digest,
            recorded_at=now,
            trial_digest=trial,
            sharpe=sharpe,
            n_observations=int(evidence.metrics.get("n_observations") or 0),
        )
        document = Document(evidence.digest, "evidence", canonical_json(evidence.to_json()))
        with self._store.begin() as unit:
            unit.documents.add(document, at=now)
            unit.backtests.add(record)
            unit.trials.add(entry)


def _charging(settings: EvaluationSettings, costs: RequestedCosts | None) -> EvaluationSettings:
    """Return the settings with the requested costs, if there are any."""
    if costs is None:
        return settings
    if not (0 <= costs.commission_bps <= 1000 and 0 <= costs.slippage_bps <= 1000):
        raise InvalidInput("costs lie between 0 and 1000 basis points", field="costs")
    return replace(settings, commission_bps=costs.commission_bps, slippage_bps=costs.slippage_bps)


def _check_stage(version: VersionState) -> None:
    if version.stage in {Stage.DRAFT, Stage.RETIRED}:
        raise InvalidTransition(
            f"version {version.version} is {version.stage}: only versions from TRAINED to "
            "PRODUCTION are backtested",
            stage=version.stage,
        )
