"""What goes over the wire is all of the record that it is made of: no field is passed over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel

from tradeworthy.evidence.evidence import Evidence
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.promotion.facts import Basis, Facts
from tradeworthy.promotion.gate import GateResult
from tradeworthy.promotion.promotion_policy import get_policy_for_model
from tradeworthy.promotion.verdict import judge_promotion
from tradeworthy.wire.evidence import FoundEvidence
from tradeworthy.wire.verdicts import GivenVerdict, JudgedGate, VerdictBasis

# Of the evidence the single returns are left out, and the scheme is no field of the record.
LEFT_OUT, ADDED = {"returns"}, {"scheme"}


def record_in(declared: Any) -> Any:
    """Return the dataclass or body that a type speaks of, however it is wrapped."""
    if is_dataclass(declared) or (isinstance(declared, type) and issubclass(declared, BaseModel)):
        return declared
    return next(filter(None, map(record_in, get_args(declared))), None)


def pairs(record: Any, body: type[BaseModel]) -> Iterator[tuple[Any, type[BaseModel]]]:
    """Return a record's class and its body, and those of the records in it."""
    yield record, body
    hints = get_type_hints(record)
    for name, field in body.model_fields.items():
        inner = record_in(field.annotation)
        if inner is not None:
            yield from pairs(record_in(hints[name]), inner)


@pytest.mark.parametrize(
    ("record", "body"),
    [*pairs(Evidence, FoundEvidence), (GateResult, JudgedGate), (Basis, VerdictBasis)],
    ids=lambda each: each.__name__,
)
def test_a_body_has_every_field_of_its_record(record: Any, body: type[BaseModel]) -> None:
    known = {field.name for field in fields(record)} - LEFT_OUT
    assert set(body.model_fields) - ADDED == known


@pytest.mark.parametrize("basis", [None, Basis("a", "m", "d", "e", "r", True, 0.1, 252.0, "f")])
def test_a_verdict_survives_the_wire(basis: Basis | None) -> None:
    policy = get_policy_for_model("spx")
    for target in Stage:
        if target is Stage.DRAFT:
            continue
        verdict = judge_promotion(target, Facts(basis=basis), policy)
        written = json.loads(verdict.to_json())
        assert GivenVerdict.model_validate(written).model_dump(mode="json") == written
