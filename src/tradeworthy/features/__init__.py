"""Feature definitions, their graph and the fingerprints that bind a model to them."""

from typing import TYPE_CHECKING

__all__ = [
    "compute_features",
    "look_ahead_report",
]

if TYPE_CHECKING:
    from tradeworthy.features.compute.feature_table import compute_features
    from tradeworthy.features.compute.look_ahead import look_ahead_report
else:
    from tradeworthy.base.lazy_names import lazy_names

    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "compute_features": "tradeworthy.features.compute.feature_table",
            "look_ahead_report": "tradeworthy.features.compute.look_ahead",
        },
    )
