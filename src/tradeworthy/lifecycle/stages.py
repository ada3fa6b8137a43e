"""The stages of a version and the moves between them, as one constant."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Stage(StrEnum):
    """Where a version stands between an idea and its retirement."""

    DRAFT = "DRAFT"
    TRAINED = "TRAINED"
    VALIDATED = "VALIDATED"
    STAGING = "STAGING"
    PRODUCTION = "PRODUCTION"
    RETIRED = "RETIRED"


FORWARD: tuple[Stage, ...] = tuple(Stage)

TRANSITIONS: Mapping[Stage, frozenset[Stage]] = MappingProxyType(
    {
        Stage.DRAFT: frozenset({Stage.TRAINED, Stage.RETIRED}),
        Stage.TRAINED: frozenset({Stage.VALIDATED, Stage.RETIRED}),
        Stage.VALIDATED: frozenset({Stage.STAGING, Stage.RETIRED}),
        Stage.STAGING: frozenset({Stage.PRODUCTION, Stage.RETIRED}),
        Stage.PRODUCTION: frozenset({Stage.STAGING, Stage.RETIRED}),
        Stage.RETIRED: frozenset(),
    }
)


def next_stage(stage: Stage) -> Stage | None:
    """Return the stage that a promotion from ``stage`` leads to, None from RETIRED.

    Examples
    --------
    >>> next_stage(Stage.DRAFT)
    <Stage.TRAINED: 'TRAINED'>
    >>> next_stage(Stage.RETIRED) is None
    True
    """
    place = FORWARD.index(stage) + 1
    return FORWARD[place] if place < len(FORWARD) else None


def is_promotion(source: Stage, target: Stage) -> bool:
    """Tell whether the move is one step forward and short of retirement.

    Examples
    --------
    >>> is_promotion(Stage.STAGING, Stage.PRODUCTION)
    True
    >>> is_promotion(Stage.DRAFT, Stage.STAGING), is_promotion(Stage.PRODUCTION, Stage.RETIRED)
    (False, False)
    """
    return target is not Stage.RETIRED and next_stage(source) is target
