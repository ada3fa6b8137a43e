"""Backtests: target weights, what trading costs, walk-forward."""

from typing import TYPE_CHECKING

__all__ = [
    "Costs",
    "performance_metrics",
]

if TYPE_CHECKING:
    from tradeworthy.backtest.costs import Costs
    from tradeworthy.backtest.run import performance_metrics
else:
    from tradeworthy.base.lazy_names import lazy_names

    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "Costs": "tradeworthy.backtest.costs",
            "performance_metrics": "tradeworthy.backtest.run",
        },
    )
