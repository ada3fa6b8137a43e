"""Gathering what the gates read: from evidence that the registry computed, never from claims."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from tradeworthy.artifacts.parity import parity_tolerance
from tradeworthy.artifacts.predictor import CheckedPredictor, load_predictor
from tradeworthy.base.digests import Json
from tradeworthy.errors import InvalidInput, TradeworthyError
from tradeworthy.evidence.evidence import Evidence
from tradeworthy.evidence.trial_ledger import (
    LedgerSummary,
    deflated_sharpe_from_ledger,
    summarise_ledger,
)
from tradeworthy.lifecycle.events import VersionPromoted
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import ModelState, VersionState
from tradeworthy.manifest.completeness import missing_evidence, missing_fields
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.model_registry.alignment import Alignment, compare
from tradeworthy.model_registry.evaluation_settings import settings_differences
from tradeworthy.model_registry.manifests import graph_of, manifest_of
from tradeworthy.model_registry.overfitting_evidence import LEAST_TRIALS, overfitting_probability
from tradeworthy.model_registry.releases import active_release
from tradeworthy.model_registry.running_code import RunningCode
from tradeworthy.model_registry.trials import ledger_trials
from tradeworthy.promotion.facts import Facts
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.statistics.significance import minimum_track_record_length
from tradeworthy.store.blobs import BlobFolder
from tradeworthy.store.protocol import Store
from tradeworthy.store.records import BacktestRecord

# What `min_track_record: auto` means, whatever min_psr asks for.
TRACK_RECORD_CONFIDENCE = 0.95
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class FactGatherer:
    """Where facts come from.

    Parameters
    ----------
    store, blobs
        What the registry keeps.
    code
        The feature code of this deployment.
    """

    store: Store
    blobs: BlobFolder
    code: RunningCode

    def gather(
        self, state: ModelState, version: VersionState, policy: Policy, now: datetime
    ) -> Facts:
        """Return everything known about a version that a gate may ask for."""
        base: dict[str, Any] = {
            "author": version.author,
            "trainer": version.trainer,
            "quarantined": version.quarantined,
            "incumbent": state.champion.version if state.champion else None,
            "approvers": version.approvers(Stage.PRODUCTION, policy.digest),
        }
        if version.manifest_digest is None:
            return Facts(**base, missing_fields=("manifest",), missing_evidence=("manifest",))
        manifest = manifest_of(self.store, version)
        facts = {
            **base,
            **_paper_facts(manifest),
            **self._artifact_facts(manifest),
            **self._alignment_facts(manifest),
            **self._evidence_facts(state, version, manifest, policy),
            "days_since_validation": self._validation_age(state.name, version, now),
        }
        return Facts(**facts)

    def alignment(self, manifest: Manifest) -> Alignment:
        """Compare a version's features with the active release and the running code.

        Raises
        ------
        ManifestInvalid
            If the manifest records no feature graph.
        """
        bound = graph_of(manifest)
        active = active_release(self.store)
        rule = manifest.code.signal_rule
        running, unreadable = None, None
        try:
            file = (rule.feature_file or rule.file) if rule else None
            if file is None:
                unreadable = "the manifest names no feature file"
            else:
                running = self.code.graph(file).nodes
        except TradeworthyError as error:
            unreadable = error.message
        return compare(bound, active.release.nodes if active else None, running, unreadable)

    def predictor(self, manifest: Manifest) -> CheckedPredictor:
        """Load a version's artifact.

        Raises
        ------
        ArtifactInvalid
            If it is missing, tampered with or does not load.
        """
        (file,) = manifest.files[:1] or (None,)
        if file is None:
            raise InvalidInput(f"{manifest.file_name} names no artifact file")
        return load_predictor(
            self.blobs.read(file.sha256),
            format=file.format,
            expected_sha256=file.sha256,
            n_inputs=len(manifest.inputs),
        )

    def _artifact_facts(self, manifest: Manifest) -> dict[str, Any]:
        try:
            for file in manifest.files:
                if len(self.blobs.read(file.sha256)) != file.size:
                    return {"artifact_digests_match": False, "artifact_loads": False}
        except TradeworthyError:
            return {"artifact_digests_match": False, "artifact_loads": False}
        try:
            predictor = self.predictor(manifest)
        except TradeworthyError:
            return {"artifact_digests_match": bool(manifest.files), "artifact_loads": False}
        return {
            "artifact_digests_match": True,
            "artifact_loads": True,
            **_parity(manifest, predictor),
        }

    def _alignment_facts(self, manifest: Manifest) -> dict[str, Any]:
        if manifest.feature_graph is None:
            return {}
        alignment = self.alignment(manifest)
        return {"aligned": alignment.aligned, "alignment_differences": alignment.lines()}

    def latest_evidence(self, model: str, version: VersionState) -> Evidence | None:
        """Return the evidence of the version's latest backtest of its present artifact."""
        record = self._latest_backtest(model, version)
        document = self.store.document(record.evidence_digest) if record else None
        return None if document is None else Evidence.from_json(json.loads(document.body))

    def _latest_backtest(self, model: str, version: VersionState) -> BacktestRecord | None:
        made = reversed(self.store.backtests(model, version.version))
        return next((b for b in made if b.artifact_digest == version.artifact_digest), None)

    def _evidence_facts(
        self, state: ModelState, version: VersionState, manifest: Manifest, policy: Policy
    ) -> dict[str, Any]:
        ledger = summarise_ledger(ledger_trials(self.store.ledger(state.strategy)))
        counted = {
            "n_trials": ledger.n_trials,
            "ledger_position": ledger.position,
            "trials_since_review": ledger.n_trials,
        }
        evidence = self.latest_evidence(state.name, version)
        if evidence is None:
            return counted
        metrics = evidence.metrics
        observations = metrics.get("n_observations")
        artifact = evidence.artifact_metrics
        severity = evidence.drift.get("severity")
        return {
            **counted,
            "metrics": metrics,
            "artifact_sharpe": artifact.get("sharpe") if artifact else None,
            "fold_sharpes": evidence.fold_sharpes,
            "evaluation_observations": None if observations is None else int(observations),
            "minimum_track_record": _track_record(metrics),
            "cost_bps": evidence.settings.cost_bps,
            "evaluation_differences": settings_differences(evidence.settings, policy, manifest),
            "training_data_rebuilt": evidence.training_data_rebuilt,
            "dsr": _deflated(metrics, ledger),
            "pbo": self._overfitting(state.strategy, evidence, ledger, policy),
            "data_guard_failures": evidence.data_guard_failures,
            "look_ahead_passed": evidence.look_ahead.get("passed") is True,
            "drift_severity": severity if isinstance(severity, str) else None,
            "basis": _basis(version, evidence),
        }

    def _overfitting(
        self, strategy: str, evidence: Evidence, ledger: LedgerSummary, policy: Policy
    ) -> float | None:
        if policy.number("max_pbo") is None or ledger.n_trials < LEAST_TRIALS:
            return None
        return overfitting_probability(self.store, strategy, evidence)

    def _validation_age(self, model: str, version: VersionState, now: datetime) -> float | None:
        moments = [
            recorded.event.at
            for recorded in self.store.events(model)
            if isinstance(recorded.event.body, VersionPromoted)
            and recorded.event.version == version.version
            and recorded.event.body.target is Stage.VALIDATED
        ]
        if version.stage is Stage.STAGING:
            # The step before it judges the latest evidence anew: that is a validation.
            found = self._latest_backtest(model, version)
            moments += [found.at] if found else []
        return (now - max(moments)) / _DAY if moments else None


def _paper_facts(manifest: Manifest) -> dict[str, Any]:
    return {
        "missing_fields": missing_fields(manifest),
        "missing_evidence": missing_evidence(manifest),
        "git_commit": manifest.git_commit,
        "git_dirty": manifest.code.dirty,
    }


def _parity(manifest: Manifest, predictor: CheckedPredictor) -> dict[str, Any]:
    rows, expected = manifest.evidence.golden_rows, manifest.evidence.golden_predictions
    if not rows or not expected:
        return {}
    try:
        given = predictor.predict(np.array(rows, dtype=np.float64))
    except TradeworthyError:
        return {"parity_error": None}
    wanted = np.array(expected)
    return {
        "parity_error": float(np.max(np.abs(given - wanted))),
        "parity_tolerance": parity_tolerance(wanted),
    }


def _deflated(metrics: Mapping[str, float | None], ledger: LedgerSummary) -> float | None:
    sharpe, observations = metrics.get("sharpe_per_period"), metrics.get("n_observations")
    skewness, kurtosis = metrics.get("skewness"), metrics.get("kurtosis")
    if sharpe is None or observations is None or skewness is None or kurtosis is None:
        return None
    try:
        return deflated_sharpe_from_ledger(ledger, sharpe, int(observations), skewness, kurtosis)
    except InvalidInput:  # moments that leave the statistic undefined; unknown never passes
        return None


def _track_record(metrics: Mapping[str, float | None]) -> float | None:
    sharpe = metrics.get("sharpe_per_period")
    skewness, kurtosis = metrics.get("skewness"), metrics.get("kurtosis")
    if sharpe is None or skewness is None or kurtosis is None:
        return None
    try:
        return minimum_track_record_length(
            sharpe, skewness, kurtosis, confidence=TRACK_RECORD_CONFIDENCE
        )
    except InvalidInput:
        return None


def _basis(version: VersionState, evidence: Evidence) -> dict[str, Json]:
    return {
        "artifact_digest": version.artifact_digest,
        "manifest_digest": version.manifest_digest,
        "dataset_hash": evidence.dataset_hash,
        "evidence_digest": evidence.digest,
        "result_digest": evidence.result_digest,
        "training_data_rebuilt": evidence.training_data_rebuilt,
        "sharpe_per_period": evidence.metrics.get("sharpe_per_period"),
        "periods_per_year": evidence.settings.periods_per_year,
        "formulas": "performance/v1, significance/v1 (variance of the Sharpe ratio: 2012)",
    }
