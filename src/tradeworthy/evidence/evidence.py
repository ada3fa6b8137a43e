"""What an evaluation found: the evidence that gates read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, JsonValue, TypeAdapter, ValidationError

from tradeworthy.base.digests import Json, json_digest
from tradeworthy.base.field_faults import first_fault
from tradeworthy.errors import InvalidInput
from tradeworthy.evidence.evaluation_settings import EvaluationSettings
from tradeworthy.evidence.findings import FoldPeriod, GuardFinding, LookAheadFindings
from tradeworthy.evidence.record_types import Figure, Finite, Flag, StrictRecord, Text

SCHEME = "evidence/v1"
_DRIFT_STATUSES = ("OK", "INSUFFICIENT", "CLOSED", "NO_DATA")
_DRIFT_SEVERITIES = (None, "NORMAL", "MODERATE", "SEVERE")


def _check_drift(report: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    status, severity = report.get("status"), report.get("severity", False)
    if status not in _DRIFT_STATUSES or severity not in _DRIFT_SEVERITIES:
        raise ValueError("no status or severity that a drift report has")
    return report


@dataclass(frozen=True, slots=True)
class Evidence(StrictRecord):
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

    feature_graph_hash: Text
    entry_point_hash: Text
    signal_rule_hash: Text
    dataset_hash: Text
    training_data_rebuilt: Flag
    result_digest: Text
    returns: tuple[Finite, ...]
    metrics: Mapping[str, Figure]
    fold_sharpes: tuple[Figure, ...]
    folds: tuple[FoldPeriod, ...]
    artifact_metrics: Mapping[str, Figure] | None
    data_findings: tuple[GuardFinding, ...]
    look_ahead: LookAheadFindings
    drift: Annotated[Mapping[str, JsonValue], AfterValidator(_check_drift)]
    settings: EvaluationSettings

    @property
    def data_guard_failures(self) -> tuple[str, ...]:
        """The guards that failed, each once."""
        failed = {each.guard for each in self.data_findings if each.severity == "fail"}
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
    def from_json(cls, data: object) -> Evidence:
        """Return the evidence that ``to_json`` wrote.

        Raises
        ------
        InvalidInput
            For another scheme, a field that is missing, unknown or of another type, and for NaN
            and infinities.
        """
        if not isinstance(data, Mapping) or data.get("scheme") != SCHEME:
            raise InvalidInput(f"not evidence of scheme {SCHEME}: run the backtest again")
        try:
            return _ADAPTER.validate_python({k: v for k, v in data.items() if k != "scheme"})
        except ValidationError as error:
            raise InvalidInput(
                f"not evidence: {first_fault(error)}; run the backtest again"
            ) from error


_ADAPTER: TypeAdapter[Evidence] = TypeAdapter(Evidence)


def _plain(value: Any) -> Json:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return dict(value) if isinstance(value, Mapping) else value
