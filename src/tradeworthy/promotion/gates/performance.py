"""Figures of the out-of-sample returns against the policy's bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tradeworthy.promotion.advice import MORE_BARS, NOT_EARNING, RETHINK, UNDEFINED
from tradeworthy.promotion.findings import Finding, at_least, at_most
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
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
    bars_after_train_end
        Whether the data has bars after it to test the artifact on.
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
    bars_after_train_end: bool | None = None
    fold_sharpes: tuple[float | None, ...] | None = None


_Judge: TypeAlias = Callable[[PerformanceFacts, Policy], Finding]
_Comparison: TypeAlias = Callable[[str, float | None, float | None], Finding]


_NO_HOLD_OUT = (
    "the data ends at the train end, so that nothing tests the artifact itself: train a new "
    "version with an earlier `--until`, `tradeworthy train FILE --model MODEL --data BARS --until "
    f"DAY`, or backtest on data with more days: {MORE_BARS}"
)
_TRADE_LESS = "let the signal rule trade less often and train a new version"


def _undefined(value: float | None) -> str | None:
    return UNDEFINED if value is None else None


def _bound(key: str, figure: str, compare: _Comparison) -> _Judge:
    def judge(facts: PerformanceFacts, policy: Policy) -> Finding:
        value = getattr(facts, figure)
        return compare(figure, value, policy.number(key)).advising(_undefined(value))

    return judge


def _artifact_sharpe(facts: PerformanceFacts, policy: Policy) -> Finding:
    name = "sharpe of the artifact after its train end"
    finding = at_least(name, facts.artifact_sharpe, policy.number("min_sharpe"))
    no_bars = facts.bars_after_train_end is False
    return finding.advising(_NO_HOLD_OUT if no_bars else _undefined(facts.artifact_sharpe))


def _worst_fold(facts: PerformanceFacts, policy: Policy) -> Finding:
    folds = facts.fold_sharpes or ()
    known = [sharpe for sharpe in folds if sharpe is not None and math.isfinite(sharpe)]
    worst = min(known) if known and len(known) == len(folds) else None
    finding = at_least("sharpe of the worst fold", worst, policy.number("min_worst_fold_sharpe"))
    return finding.advising(_undefined(worst))


def _cost_stress(facts: PerformanceFacts, policy: Policy) -> Finding:
    # The mean return stays positive at k times the costs as long as break-even lies above them.
    cost = policy.evaluation.cost_bps
    break_even = facts.break_even_cost_bps
    multiple = break_even / cost if break_even is not None and cost > 0 else None
    required = policy.number("cost_stress_multiplier")
    finding = at_least("break-even cost in multiples of the costs", multiple, required)
    loses = multiple is not None and multiple <= 0
    return finding.advising(NOT_EARNING if loses else _undefined(multiple))


CONCERN = Concern(
    PerformanceFacts,
    (
        *(
            Gate(key, EVIDENCE, _bound(key, figure, compare), advice)
            for key, figure, compare, advice in (
                ("min_sharpe", "sharpe", at_least, RETHINK),
                ("min_sortino", "sortino", at_least, RETHINK),
                ("min_calmar", "calmar", at_least, RETHINK),
                ("max_drawdown", "max_drawdown", at_most, RETHINK),
                ("max_cvar", "cvar", at_most, RETHINK),
                ("min_hit_rate", "hit_rate", at_least, RETHINK),
                ("max_turnover", "turnover", at_most, _TRADE_LESS),
                ("min_trades", "n_trades", at_least, RETHINK),
            )
        ),
        Gate("artifact_sharpe", EVIDENCE, _artifact_sharpe, RETHINK),
        Gate("min_worst_fold_sharpe", EVIDENCE, _worst_fold, RETHINK),
        Gate("cost_stress_multiplier", EVIDENCE, _cost_stress, _TRADE_LESS),
    ),
    from_backtest=True,
)
