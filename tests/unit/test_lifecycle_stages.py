"""The stages and the moves between them, against the table as the design writes it."""

from __future__ import annotations

from itertools import product

import pytest

from tradeworthy.errors import InvalidTransition
from tradeworthy.lifecycle.stages import (
    TRANSITIONS,
    Stage,
    is_promotion,
    next_stage,
    promotion_target,
)

MOVES = {
    ("DRAFT", "TRAINED"),
    ("TRAINED", "VALIDATED"),
    ("VALIDATED", "STAGING"),
    ("STAGING", "PRODUCTION"),
    ("PRODUCTION", "STAGING"),
    ("DRAFT", "RETIRED"),
    ("TRAINED", "RETIRED"),
    ("VALIDATED", "RETIRED"),
    ("STAGING", "RETIRED"),
    ("PRODUCTION", "RETIRED"),
}
PROMOTIONS = {
    ("DRAFT", "TRAINED"),
    ("TRAINED", "VALIDATED"),
    ("VALIDATED", "STAGING"),
    ("STAGING", "PRODUCTION"),
}


def test_the_moves_are_exactly_those_of_the_design() -> None:
    moves = {(str(s), str(t)) for s, targets in TRANSITIONS.items() for t in targets}
    assert moves == MOVES


def test_every_stage_has_its_moves_and_the_constant_is_read_only() -> None:
    assert set(TRANSITIONS) == set(Stage)
    with pytest.raises(TypeError):
        TRANSITIONS[Stage.RETIRED] = frozenset({Stage.DRAFT})  # type: ignore[index]


def test_the_order_of_the_stages() -> None:
    assert [str(s) for s in Stage] == [
        "DRAFT",
        "TRAINED",
        "VALIDATED",
        "STAGING",
        "PRODUCTION",
        "RETIRED",
    ]


@pytest.mark.parametrize(("source", "target"), list(product(Stage, Stage)))
def test_a_promotion_is_one_step_forward(source: Stage, target: Stage) -> None:
    assert is_promotion(source, target) == ((source, target) in PROMOTIONS)
    if is_promotion(source, target):
        assert target in TRANSITIONS[source]


def test_the_next_stage_of_each() -> None:
    assert [next_stage(s) for s in Stage] == [*list(Stage)[1:], None]


@pytest.mark.parametrize(("source", "target"), list(product(Stage, Stage)))
def test_a_promotion_leads_one_step_forward_or_to_retirement(source: Stage, target: Stage) -> None:
    retires = target is Stage.RETIRED and source is not Stage.RETIRED
    if retires or (source, target) in PROMOTIONS:
        assert promotion_target(source, target) is target
        assert target in TRANSITIONS[source]
        return
    with pytest.raises(InvalidTransition):
        promotion_target(source, target)


def test_a_promotion_that_names_no_stage_leads_to_the_next_and_never_to_retirement() -> None:
    for source in (Stage.DRAFT, Stage.TRAINED, Stage.VALIDATED, Stage.STAGING):
        assert promotion_target(source) is next_stage(source)
    for source in (Stage.PRODUCTION, Stage.RETIRED):
        with pytest.raises(InvalidTransition):
            promotion_target(source)
