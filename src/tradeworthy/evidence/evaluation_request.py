"""One evaluation as it is requested, and what runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tradeworthy.evidence.evaluation_settings import EvaluationSettings
from tradeworthy.evidence.evidence import Evidence


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """One evaluation, all of it by value or by path.

    Parameters
    ----------
    strategy_file
        The deployment's own copy of the strategy file.
    manifest
        The manifest's JSON text.
    artifact_file
        Where the artifact lies.
    dataset_file
        Where the market data lies.
    settings
        How to test.
    """

    strategy_file: str
    manifest: str
    artifact_file: str
    dataset_file: str
    settings: EvaluationSettings


class Evaluator(Protocol):
    """Runs an evaluation somewhere that users' code may run."""

    def __call__(self, request: EvaluationRequest) -> Evidence:
        """Return the evidence.

        Raises
        ------
        StrategyInvalid, FeatureGraphMismatch, DatasetInvalid, ArtifactInvalid
            If the candidate cannot be evaluated.
        """
