"""The registry: which versions exist, where they stand, and how they move."""

from typing import TYPE_CHECKING

__all__ = [
    "TRANSITIONS",
    "ModelRegistry",
    "Stage",
]

if TYPE_CHECKING:
    from tradeworthy.lifecycle.stages import TRANSITIONS, Stage
    from tradeworthy.model_registry.models import ModelRegistry
else:
    from tradeworthy.base.lazy_names import lazy_names

    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "TRANSITIONS": "tradeworthy.lifecycle.stages",
            "ModelRegistry": "tradeworthy.model_registry.models",
            "Stage": "tradeworthy.lifecycle.stages",
        },
    )
