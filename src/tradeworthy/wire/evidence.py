"""Evidence: what an evaluation found, without its single returns."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from tradeworthy.wire.bodies import ResponseBody


class FoldTest(ResponseBody):
    """The first and last moment of a fold's test, and the bars that it was trained on."""

    first: str
    last: str
    trained_on: int


class FoundDataFault(ResponseBody):
    """What a data guard found, at the first bar concerned; ``fail`` blocks a validation."""

    guard: str
    symbol: str
    date: str
    severity: Literal["fail", "warn"]
    message: str


class FeatureReach(ResponseBody):
    """How far a feature sees: bars ahead (0 for none) and back (None if beyond the data)."""

    passed: bool
    steps_ahead: int
    lookback: int | None
    tests: dict[str, bool]


class FoundLookAhead(ResponseBody):
    """Whether a feature saw the future, on how many bars, with which seed."""

    passed: bool
    bars: int
    seed: int
    features: dict[str, FeatureReach]


class UsedSettings(ResponseBody):
    """How a version was tested: costs in basis points, the walk-forward test, drift windows."""

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
    seed: int


class FoundEvidence(ResponseBody):
    """What an evaluation found; ``drift`` is the drift report of the candidate's inputs."""

    scheme: str
    feature_graph_hash: str
    entry_point_hash: str
    signal_rule_hash: str
    dataset_hash: str
    training_data_rebuilt: bool
    result_digest: str
    metrics: dict[str, float | None]
    fold_sharpes: list[float | None]
    folds: list[FoldTest]
    artifact_metrics: dict[str, float | None] | None
    data_findings: list[FoundDataFault]
    look_ahead: FoundLookAhead
    drift: dict[str, JsonValue]
    settings: UsedSettings
