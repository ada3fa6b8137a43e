"""Whatever is wrong with a field of a body, setting, manifest or evidence, our own words say it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, get_origin

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import tradeworthy.wire
from tradeworthy.api.routers import routes
from tradeworthy.base.field_faults import field_fault, first_fault
from tradeworthy.base.settings import Settings
from tradeworthy.base.text_forms import IN_WORDS
from tradeworthy.evidence.evidence import Evidence
from tradeworthy.manifest import manifest_fields
from tradeworthy.wire.bodies import RequestBody, ResponseBody

BASES = (RequestBody, ResponseBody)
WRONG = (
    None, True, -1, 0, 1.5, 2**40, 2**70, float("inf"), float("nan"), "", "x", "\0", "x" * 5000,
    "2026", "2026-13-41", [], [[]], ["x"] * 500, {}, {"x": {}}, [{"x": 1}], b"\xff", object(),
)  # fmt: skip


def bodies() -> Iterator[type[BaseModel]]:
    """Every body that goes over the wire."""
    for file in Path(tradeworthy.wire.__file__).parent.glob("*.py"):
        for value in vars(import_module(f"tradeworthy.wire.{file.stem}")).values():
            if isinstance(value, type) and issubclass(value, BASES) and value not in BASES:
                yield value


@pytest.mark.parametrize("blank", [" ", "\n\t", "\u200b", " \u2060"])
def test_no_body_takes_a_reason_that_says_nothing(blank: str) -> None:
    with_reason = {
        kind for kind in bodies() if issubclass(kind, RequestBody) and "reason" in kind.model_fields
    }
    assert len(with_reason) == 4
    for kind in with_reason:
        with pytest.raises(ValidationError) as refused:
            kind.model_validate({"reason": blank})
        errors = refused.value.errors(include_url=False, include_input=False)
        (said,) = (str(field_fault(each)) for each in errors if each["loc"] == ("reason",))
        assert said.endswith("text with something to read, without NUL characters")


def fields_of(kind: Any) -> list[str]:
    """Names of the fields of a pydantic model or a dataclass, generic or not."""
    kind = get_origin(kind) or kind
    return [*getattr(kind, "model_fields", ()), *getattr(kind, "__dataclass_fields__", ())]


FROM_OUTSIDE = [
    *sorted(set(bodies()), key=lambda kind: kind.__name__),
    Settings,
    Evidence,
    manifest_fields.UncheckedManifest,
]


def faults_of(adapter: TypeAdapter[Any], value: object) -> Iterator[Any]:
    """Everything that is wrong with a value, as it is and as JSON."""
    checks: list[Callable[[], object]] = [lambda: adapter.validate_python(value)]
    with suppress(TypeError):
        text = json.dumps(value)
        checks.append(lambda: adapter.validate_json(text))
    for check in checks:
        try:
            check()
        except ValidationError as error:
            first_fault(error)
            yield from error.errors(include_url=False)


@pytest.mark.parametrize("kind", FROM_OUTSIDE, ids=lambda kind: getattr(kind, "__name__", "x"))
def test_no_fault_is_said_in_the_words_of_the_validator(kind: Any) -> None:
    wrong = [{}, [], None, {"no such field": 1}]
    wrong += [{field: value} for field in fields_of(kind) for value in WRONG]
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    faults = [fault for value in wrong for fault in faults_of(adapter, value)]
    assert faults
    assert fields_of(kind)
    for fault in faults:
        said = field_fault(fault)
        assert re.match("(must|is) ", said.text), fault
        assert fault["msg"] not in str(said), fault["type"]
        assert len(str(said)) < 500


def test_a_place_is_no_longer_than_a_reader_can_use() -> None:
    fault = field_fault({"type": "missing", "loc": ("body", "x" * 10_000, 3), "msg": ""})
    assert str(fault) == f"body.{'x' * 80}.3 is missing"
    assert str(field_fault({"type": "missing", "loc": (), "msg": ""})) == "(whole) is missing"


def test_every_form_of_a_parameter_is_said_in_words() -> None:
    forms = {
        getattr(rule, "pattern", None)
        for route in routes()
        for parameter in (*route.dependant.path_params, *route.dependant.query_params)
        for rule in parameter.field_info.metadata
    } - {None}
    assert len(forms) > 3
    assert forms <= set(IN_WORDS)
    for form, words in IN_WORDS.items():
        fault = {
            "type": "string_pattern_mismatch",
            "loc": ("x",),
            "msg": "",
            "ctx": {"pattern": form},
        }
        assert str(field_fault(fault)) == f"x must be {words}"
