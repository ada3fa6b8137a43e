"""From a strategy file or a researcher's own script to a version with its manifest.

This room runs users' code. The serving process never imports it: the service calls it in a process
of its own.
"""

from typing import TYPE_CHECKING

__all__ = [
    "Estimator",
    "load_strategy",
    "training_table",
]

if TYPE_CHECKING:
    from tradeworthy.training.point_in_time import training_table
    from tradeworthy.training.strategy import Estimator
    from tradeworthy.training.strategy_file import load_strategy
else:
    from tradeworthy.base.lazy_names import lazy_names

    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "Estimator": "tradeworthy.training.strategy",
            "load_strategy": "tradeworthy.training.strategy_file",
            "training_table": "tradeworthy.training.point_in_time",
        },
    )
