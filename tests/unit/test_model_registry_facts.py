"""Every concern of the gates has one file that gathers its facts, and none gathers any other."""

from __future__ import annotations

from pkgutil import iter_modules
from typing import get_type_hints

import pytest

import tradeworthy.model_registry.facts as gatherers
import tradeworthy.promotion.gates as gates
from tradeworthy.model_registry.case import Case
from tradeworthy.model_registry.gatherers import GATHERERS
from tradeworthy.promotion.concerns import CONCERNS, ORDER


def test_each_concern_has_one_file_of_gates_and_one_that_gathers() -> None:
    assert sorted(module.name for module in iter_modules(gates.__path__)) == sorted(ORDER)
    assert sorted(module.name for module in iter_modules(gatherers.__path__)) == sorted(ORDER)
    assert list(CONCERNS) == list(GATHERERS) == list(ORDER)
    assert len(set(ORDER)) == len(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_what_is_gathered_is_what_the_gates_read(name: str) -> None:
    hints = get_type_hints(GATHERERS[name])
    assert hints.pop("return") is CONCERNS[name].reads
    assert list(hints.values()) == [Case]
    assert GATHERERS[name].__module__ == f"tradeworthy.model_registry.facts.{name}"
