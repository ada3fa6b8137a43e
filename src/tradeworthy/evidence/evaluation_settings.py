"""How a candidate is tested."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from tradeworthy.base.digests import json_digest


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
        settings = asdict(self)
        for name in ("commission_bps", "slippage_bps", "current_sessions", "reference_sessions"):
            del settings[name]
        return json_digest("evaluation-settings/v1", settings)
