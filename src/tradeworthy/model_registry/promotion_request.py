"""A promotion as it is requested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tradeworthy.lifecycle.stages import Stage


@dataclass(frozen=True, slots=True)
class PromotionRequest:
    """What somebody wants promoted.

    Parameters
    ----------
    model, version
        What is to move.
    target
        Where to; None for one stage forward.
    overrides
        Thresholds of the policy that are to be tightened for this promotion.
    reason
        Why, as the record keeps it.
    if_match
        Revisions of the model that the request was made for; None for any.
    """

    model: str
    version: int
    target: Stage | None = None
    overrides: Mapping[str, object] | None = None
    reason: str = ""
    if_match: frozenset[int] | None = None
