"""What a policy file says, whatever it was read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tradeworthy.promotion.policy.policy_schema import PolicyValue

Section: TypeAlias = Mapping[str, PolicyValue]


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """The sections of a policy file, each flat by dotted key and checked."""

    default: Section
    tiers: Mapping[str, Section]
    strategies: Mapping[str, Section]
    models: Mapping[str, Section]
