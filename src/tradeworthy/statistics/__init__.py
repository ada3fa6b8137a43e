"""Performance, significance and overfitting of series of returns."""

from typing import TYPE_CHECKING

__all__ = [
    "autocorrelation_adjusted_sharpe_ratio",
    "calmar_ratio",
    "combinatorial_purged_splits",
    "deflated_sharpe_ratio",
    "expected_maximum_sharpe",
    "expected_shortfall",
    "hit_rate",
    "max_drawdown",
    "minimum_track_record_length",
    "probabilistic_sharpe_ratio",
    "probability_of_backtest_overfitting",
    "sharpe_ratio",
    "sortino_ratio",
    "value_at_risk",
]

if TYPE_CHECKING:
    from tradeworthy.statistics.autocorrelation import autocorrelation_adjusted_sharpe_ratio
    from tradeworthy.statistics.overfitting import (
        combinatorial_purged_splits,
        probability_of_backtest_overfitting,
    )
    from tradeworthy.statistics.performance import (
        calmar_ratio,
        expected_shortfall,
        hit_rate,
        max_drawdown,
        sharpe_ratio,
        sortino_ratio,
        value_at_risk,
    )
    from tradeworthy.statistics.significance import (
        deflated_sharpe_ratio,
        expected_maximum_sharpe,
        minimum_track_record_length,
        probabilistic_sharpe_ratio,
    )
else:
    from tradeworthy.base.lazy_names import lazy_names

    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "autocorrelation_adjusted_sharpe_ratio": "tradeworthy.statistics.autocorrelation",
            "calmar_ratio": "tradeworthy.statistics.performance",
            "combinatorial_purged_splits": "tradeworthy.statistics.overfitting",
            "deflated_sharpe_ratio": "tradeworthy.statistics.significance",
            "expected_maximum_sharpe": "tradeworthy.statistics.significance",
            "expected_shortfall": "tradeworthy.statistics.performance",
            "hit_rate": "tradeworthy.statistics.performance",
            "max_drawdown": "tradeworthy.statistics.performance",
            "minimum_track_record_length": "tradeworthy.statistics.significance",
            "probabilistic_sharpe_ratio": "tradeworthy.statistics.significance",
            "probability_of_backtest_overfitting": "tradeworthy.statistics.overfitting",
            "sharpe_ratio": "tradeworthy.statistics.performance",
            "sortino_ratio": "tradeworthy.statistics.performance",
            "value_at_risk": "tradeworthy.statistics.performance",
        },
    )
