"""The concerns in the order in which a verdict lists their gates."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from tradeworthy.promotion.gate import Concern, Gate

# Each is a file of `promotion/gates`; what gathers its facts has the same name in
# `model_registry/facts`.
ORDER = (
    "policy",
    "manifest",
    "artifact_files",
    "validation_fields",
    "git_tree",
    "data_guards",
    "look_ahead",
    "training_data",
    "evaluation",
    "performance",
    "significance",
    "overfitting",
    "trials",
    "freshness",
    "artifact_load",
    "parity",
    "alignment",
    "quarantine",
    "drift",
    "approvals",
    "reason",
)

CONCERNS: Mapping[str, Concern[Any]] = MappingProxyType(
    {name: import_module(f"tradeworthy.promotion.gates.{name}").CONCERN for name in ORDER}
)

GATES: tuple[Gate[Any], ...] = tuple(g for concern in CONCERNS.values() for g in concern.gates)
