"""The registry: which versions exist, where they stand, and how they move."""

from tradeworthy.lifecycle.stages import TRANSITIONS, Stage
from tradeworthy.model_registry.models import ModelRegistry

__all__ = ["TRANSITIONS", "ModelRegistry", "Stage"]
