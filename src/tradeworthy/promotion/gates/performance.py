"""Figures of the out-of-sample returns against the policy's bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tradeworthy.promotion.findings import Finding, at_least, at_most
from tradeworthy.promotion.gate import EVIDENCE, RETHINK, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class PerformanceFacts:
    """Figures of the out-of-sample returns, net of costs, annualised where they can be.

    Attributes
    ----------
    sharpe, sortino, calmar, hit_rate
        Higher is better; the hit rate lies between 0 and 1.
    max_drawdown, cvar
        Positive magnitudes: .2 is a loss of a fifth.
    turnover
        Traded value a year in multiples of the capital.
    n_trades
        Trades in the whole period.
    break_even_cost_bps
        The costs, in bps of traded value, at which the mean return is zero.
    artifact_sharpe
        Sharpe ratio of the artifact itself, not of refits, after its train end.
    fold_sharpes
        Sharpe ratio of each walk-forward fold, None where a fold has none.
    """

    sharpe: float | None = None
    sortino: float | None = None
    calmar: float | None = None
    max_drawdown: float | None = None
    cvar: float | None = None
    hit_rate: float | None = None
    turnover: float | None = None
    n_trades: float | None = None
    break_even_cost_bps: float | None = None
    artifact_sharpe: float | None = None
    fold_sharpes: tuple[float | None, ...] | None = None


_Judge: TypeAlias = Callable[[PerformanceFacts, Policy], Finding]
_Comparison: TypeAlias = Callable[[str, float | None, float | None], Finding]


def _bound(key: str, figure: str, compare: _Comparison) -> _Judge:
    def judge(facts: PerformanceFacts, policy: Policy) -> Finding:
        return compare(figure, getattr(facts, figure), policy.number(key))

    return judge


def _artifact_sharpe(facts: PerformanceFacts, policy: Policy) -> Finding:
    name = "sharpe of the artifact after its train end"
    return at_least(name, facts.artifact_sharpe, policy.number("min_sharpe"))


def _worst_fold(facts: PerformanceFacts, policy: Policy) -> Finding:
    folds = facts.fold_sharpes or ()
    known = [sharpe for sharpe in folds if sharpe is not None and math.isfinite(sharpe)]
    worst = min(known) if known and len(known) == len(folds) else None
    return at_least("sharpe of the worst fold", worst, policy.number("min_worst_fold_sharpe"))


def _cost_stress(facts: PerformanceFacts, policy: Policy) -> Finding:
    # The mean return stays positive at k times the costs as long as break-even lies above them.
    cost = policy.evaluation.cost_bps
    break_even = facts.break_even_cost_bps
    multiple = break_even / cost if break_even is not None and cost > 0 else None
    required = policy.number("cost_stress_multiplier")
    return at_least("break-even cost in multiples of the costs", multiple, required)


CONCERN = Concern(
    PerformanceFacts,
    (
        *(
            Gate(key, EVIDENCE, _bound(key, figure, compare), RETHINK)
            for key, figure, compare in (
                ("min_sharpe", "sharpe", at_least),
                ("min_sortino", "sortino", at_least),
                ("min_calmar", "calmar", at_least),
                ("max_drawdown", "max_drawdown", at_most),
                ("max_cvar", "cvar", at_most),
                ("min_hit_rate", "hit_rate", at_least),
                ("max_turnover", "turnover", at_most),
                ("min_trades", "n_trades", at_least),
            )
        ),
        Gate("artifact_sharpe", EVIDENCE, _artifact_sharpe, RETHINK),
        Gate("min_worst_fold_sharpe", EVIDENCE, _worst_fold, RETHINK),
        Gate("cost_stress_multiplier", EVIDENCE, _cost_stress, "trade less often"),
    ),
)
