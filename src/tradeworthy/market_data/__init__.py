"""Bars of market data, and the guards that they have to pass."""

from typing import TYPE_CHECKING

__all__ = [
    "bar_table",
    "run_data_guards",
]

if TYPE_CHECKING:
    from tradeworthy.market_data.bars import bar_table
    from tradeworthy.market_data.data_guards import run_data_guards
else:
    from tradeworthy.base.lazy_names import lazy_names

    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "bar_table": "tradeworthy.market_data.bars",
            "run_data_guards": "tradeworthy.market_data.data_guards",
        },
    )
