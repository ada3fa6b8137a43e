"""What an evaluation is asked for and what it leaves behind: the evidence that gates read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from tradeworthy.base.digests import Json, json_digest
from tradeworthy.errors import InvalidInput

SCHEME = "evidence/v1"


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """How a candidate is tested.

    Parameters
    ----------
    commission_bps, slippage_bps
        Costs in basis points of traded value.
    execution
        ``next_open`` or ``next_close``.
    folds, min_train, purge, embargo
        The walk-forward test: test stretches, training bars of the first, bars left out.
    periods_per_year
        Bars in a year.
    current_sessions, reference_sessions
        Windows of the candidate's drift.
    seed
        Of the look-ahead tests' perturbations.
    """

    commission_bps: float
    slippage_bps: float
    execution: str
    folds: int
    min_train: int
    purge: int
    embargo: int
    periods_per_year: float
    current_sessions: int
    reference_sessions: int
    seed: int = 0

    @property
    def cost_bps(self) -> float:
        """Commission and slippage together."""
        return self.commission_bps + self.slippage_bps

    @property
    def trial_digest(self) -> str:
        """Digest of the settings without costs and windows: a cost stress is no new trial."""
        told = asdict(self)
        for name in ("commission_bps", "slippage_bps", "current_sessions", "reference_sessions"):
            del told[name]
        return json_digest("evaluation-settings/v1", told)


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


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an evaluation found.

    Attributes
    ----------
    feature_graph_hash, entry_point_hash, signal_rule_hash
        Of the code that ran; the same as in the manifest, else there is no evidence.
    dataset_hash
        Of the market data.
    training_data_rebuilt
        Whether the training table, computed anew, has the manifest's dataset hash.
    result_digest
        Of the walk-forward result.
    returns, metrics
        The stitched out-of-sample returns, simple and net of costs, and their figures.
    fold_sharpes
        Annualised, one a fold; None where a fold has none.
    folds
        The first and last day of each fold's test.
    artifact_metrics
        Of the artifact itself after its train end; None if the data ends there.
    data_findings
        What the data guards said, failures and warnings.
    look_ahead
        The look-ahead report.
    drift
        Training profiles against the last sessions of the data.
    settings
        How it was tested.
    """

    feature_graph_hash: str
    entry_point_hash: str
    signal_rule_hash: str
    dataset_hash: str
    training_data_rebuilt: bool
    result_digest: str
    returns: tuple[float, ...]
    metrics: Mapping[str, float | None]
    fold_sharpes: tuple[float | None, ...]
    folds: tuple[Mapping[str, Json], ...]
    artifact_metrics: Mapping[str, float | None] | None
    data_findings: tuple[Mapping[str, Json], ...]
    look_ahead: Mapping[str, Json]
    drift: Mapping[str, Json]
    settings: EvaluationSettings

    @property
    def data_guard_failures(self) -> tuple[str, ...]:
        """The guards that failed, each once."""
        failed = {str(f["guard"]) for f in self.data_findings if f["severity"] == "fail"}
        return tuple(sorted(failed))

    @property
    def comparable_with(self) -> tuple[str, str, int]:
        """What trials share whose returns can be compared day by day."""
        return (self.dataset_hash, self.settings.trial_digest, len(self.returns))

    @property
    def digest(self) -> str:
        """Digest of `to_json`."""
        return json_digest(SCHEME, self.to_json())

    def to_json(self) -> dict[str, Json]:
        """Return the evidence as JSON."""
        told: dict[str, Json] = {"scheme": SCHEME}
        for field in fields(self):
            told[field.name] = _plain(getattr(self, field.name))
        return told

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evidence:
        """Return the evidence that ``to_json`` told.

        Raises
        ------
        InvalidInput
            For another scheme or shape.
        """
        if data.get("scheme") != SCHEME:
            raise InvalidInput(f"not evidence of scheme {SCHEME}: run the backtest again")
        try:
            values = {field.name: data[field.name] for field in fields(cls)}
            values["settings"] = EvaluationSettings(**values["settings"])
            for name in ("returns", "fold_sharpes", "folds", "data_findings"):
                values[name] = tuple(values[name])
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise InvalidInput(f"not evidence: {error}; run the backtest again") from error


def _plain(value: Any) -> Json:
    if isinstance(value, EvaluationSettings):
        return asdict(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return dict(value) if isinstance(value, Mapping) else value


class Evaluator(Protocol):
    """Runs an evaluation somewhere that users' code may run."""

    def __call__(self, request: EvaluationRequest) -> Evidence:
        """Return the evidence.

        Raises
        ------
        StrategyInvalid, FeatureGraphMismatch, DatasetInvalid, ArtifactInvalid
            If the candidate cannot be evaluated.
        """
