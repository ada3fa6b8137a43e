"""The stages of a version and the moves between them, as one constant."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tradeworthy.errors import InvalidTransition


class Stage(StrEnum):
    """Where a version stands between an idea and its retirement, in the order of promotions."""

    DRAFT = "DRAFT"
    TRAINED = "TRAINED"
    VALIDATED = "VALIDATED"
    STAGING = "STAGING"
    PRODUCTION = "PRODUCTION"
    RETIRED = "RETIRED"


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
    """Return the stage that follows ``stage``, None after RETIRED.

    Examples
    --------
    >>> next_stage(Stage.DRAFT)
    <Stage.TRAINED: 'TRAINED'>
    >>> next_stage(Stage.RETIRED) is None
    True
    """
    order = tuple(Stage)
    place = order.index(stage) + 1
    return order[place] if place < len(order) else None


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


def check_promotion(source: Stage, target: Stage | None) -> Stage:
    """Return ``target`` if it is one step forward from ``source`` and short of retirement.

    Raises
    ------
    InvalidTransition
        If it is not; the message says where a version may go instead.
    """
    if target is not None and is_promotion(source, target):
        return target
    following = next_stage(source)
    way = f"from {source} a version is promoted to {following}" if following else "it is final"
    if following is Stage.RETIRED:
        way = "retire it, or promote its successor"
    step = f"{source} -> {target} is no promotion" if target else f"{source} is the last stage"
    raise InvalidTransition(
        f"{step}: {way}",
        source=str(source),
        target=None if target is None else str(target),
    )


def promotion_target(source: Stage, target: Stage | None = None) -> Stage:
    """Return where a promotion from ``source`` leads: one step forward, or RETIRED where named.

    Retirement has to be named: a promotion that was sent twice must not end a champion.

    Raises
    ------
    InvalidTransition
        For any other move.

    Examples
    --------
    >>> promotion_target(Stage.STAGING), promotion_target(Stage.STAGING, Stage.RETIRED)
    (<Stage.PRODUCTION: 'PRODUCTION'>, <Stage.RETIRED: 'RETIRED'>)
    """
    if target is Stage.RETIRED and target in TRANSITIONS[source]:
        return target
    return check_promotion(source, target or next_stage(source))
