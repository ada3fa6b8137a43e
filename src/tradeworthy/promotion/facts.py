"""What is known about a candidate when its gates are asked; None is unknown and never passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tradeworthy.base.digests import Json


@dataclass(frozen=True, slots=True)
class Waiver:
    """A live exception for one gate: asked for by one person, granted by another, with an end."""

    gate: str
    asked_by: str
    granted_by: str
    reason: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that gates read, gathered by the registry from evidence it computed itself.

    Parameters
    ----------
    author, trainer
        Who drafted the version and who recorded its manifest; neither counts as an approver.
    missing_fields, missing_evidence
        What the manifest lacks, as `tradeworthy.manifest.completeness` tells.
    artifact_digests_match
        Whether every artifact file is there with the size and digest of the manifest.
    git_commit, git_dirty
        The state of the code, as recorded in the manifest.
    metrics
        Figures of the out-of-sample returns by name: ``sharpe``, ``sortino``, ``calmar``,
        ``max_drawdown``, ``cvar``, ``hit_rate``, ``turnover`` (a year), ``n_trades``, ``psr``,
        ``break_even_cost_bps``. Annualised where they can be; drawdown and CVaR positive.
    artifact_sharpe
        Annualised Sharpe ratio of the artifact itself, not of refits, after its train end.
    fold_sharpes
        Annualised Sharpe ratio of each walk-forward fold.
    evaluation_observations, minimum_track_record
        Out-of-sample periods there are, and periods that the Sharpe ratio needs (MinTRL).
    cost_bps
        Commission and slippage that the backtest charged, in bps of traded value.
    evaluation_differences
        What in the way the backtest was made, costs aside, is not what the policy asks for now.
    training_data_rebuilt
        Whether the backtest's market data gives the training table of the manifest.
    dsr, n_trials, ledger_position, trials_since_review
        Deflated Sharpe ratio, the trials it counted, where the ledger stood, and how many trials
        there were since somebody last reviewed the search.
    pbo
        Probability of backtest overfitting.
    data_guard_failures
        Names of data guards that failed; empty when all passed.
    look_ahead_passed
        Whether no feature saw the future.
    days_since_validation
        Age of the verdict that validated the version; in STAGING, of a later backtest if there is
        one, since the last step judges it by every gate again.
    artifact_loads, parity_error, parity_tolerance
        Whether the predictor can be made, the largest absolute error on the golden rows, and the
        largest that is allowed.
    aligned, alignment_differences
        Whether bound, active and running features are the same, and what differs.
    drift_severity
        Severity of the training profile against current values, by name.
    quarantined
        Whether somebody or something stopped the version.
    approvers
        Who approved this very content under this very policy.
    incumbent
        The version in PRODUCTION now, None when there is none.
    reason
        Why the version is retired.
    waivers
        Waivers of this version that have not expired.
    basis
        Digests, formula versions and annualisation that the facts rest on, kept in the verdict.
    """

    author: str | None = None
    trainer: str | None = None
    missing_fields: tuple[str, ...] | None = None
    missing_evidence: tuple[str, ...] | None = None
    artifact_digests_match: bool | None = None
    git_commit: str | None = None
    git_dirty: bool | None = None
    metrics: Mapping[str, float | None] = field(default_factory=lambda: MappingProxyType({}))
    artifact_sharpe: float | None = None
    fold_sharpes: tuple[float | None, ...] | None = None
    evaluation_observations: int | None = None
    minimum_track_record: float | None = None
    cost_bps: float | None = None
    evaluation_differences: tuple[str, ...] | None = None
    training_data_rebuilt: bool | None = None
    dsr: float | None = None
    n_trials: int | None = None
    ledger_position: int | None = None
    trials_since_review: int | None = None
    pbo: float | None = None
    data_guard_failures: tuple[str, ...] | None = None
    look_ahead_passed: bool | None = None
    days_since_validation: float | None = None
    artifact_loads: bool | None = None
    parity_error: float | None = None
    parity_tolerance: float | None = None
    aligned: bool | None = None
    alignment_differences: tuple[str, ...] = ()
    drift_severity: str | None = None
    quarantined: bool | None = None
    approvers: tuple[str, ...] = ()
    incumbent: int | None = None
    reason: str | None = None
    waivers: tuple[Waiver, ...] = ()
    basis: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
