"""How a candidate is tested."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from tradeworthy.base.digests import json_digest
from tradeworthy.evidence.record_types import Number, StrictRecord, Text, Whole


@dataclass(frozen=True, slots=True)
class EvaluationSettings(StrictRecord):
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

    commission_bps: Number
    slippage_bps: Number
    execution: Text
    folds: Whole
    min_train: Whole
    purge: Whole
    embargo: Whole
    periods_per_year: Number
    current_sessions: Whole
    reference_sessions: Whole
    seed: Whole = 0

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
