"""What an evaluation found: the evidence that gates read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from tradeworthy.base.digests import Json, json_digest
from tradeworthy.errors import InvalidInput
from tradeworthy.evidence.evaluation_settings import EvaluationSettings

SCHEME = "evidence/v1"


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
        body: dict[str, Json] = {"scheme": SCHEME}
        for field in fields(self):
            body[field.name] = _plain(getattr(self, field.name))
        return body

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evidence:
        """Return the evidence that ``to_json`` wrote.

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
