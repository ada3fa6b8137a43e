"""The config hash: order and layout do not matter, types and absence do."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections import OrderedDict
from decimal import Decimal
from enum import IntEnum, StrEnum
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.errors import InvalidInput
from tradeworthy.manifest.config_hash import training_config_hash

ANSWERS = json.loads(
    (Path(__file__).parents[1] / "answers" / "provenance_digests.json").read_text(encoding="utf-8")
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)
CONFIGS = st.dictionaries(TEXT, VALUES, max_size=4)


def _reversed(value: object) -> object:
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


def _typed(value: object) -> object:
    if isinstance(value, dict):
        return frozenset((key, _typed(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(_typed(item) for item in value)
    return (type(value).__name__, value)


@settings(deadline=None)
@given(CONFIGS)
def test_the_order_of_keys_and_a_trip_through_json_change_nothing(
    config: dict[str, object],
) -> None:
    expected = training_config_hash(config)
    assert training_config_hash(_reversed(config)) == expected  # type: ignore[arg-type]
    assert training_config_hash(json.loads(json.dumps(config))) == expected
    assert training_config_hash(MappingProxyType(OrderedDict(config))) == expected


@settings(deadline=None)
@given(CONFIGS, CONFIGS)
def test_two_configs_share_a_hash_only_if_they_are_the_same(
    left: dict[str, object], right: dict[str, object]
) -> None:
    same = _typed(left) == _typed(right)
    assert (training_config_hash(left) == training_config_hash(right)) is same


@settings(deadline=None)
@given(CONFIGS, SCALARS, SCALARS)
def test_volatile_keys_are_left_out(
    config: dict[str, object], first: object, second: object
) -> None:
    hashes = {
        training_config_hash({**config, "run": {"name": value, "kept": 1}}, ["run.name"])
        for value in (first, second)
    }
    hashes.add(training_config_hash({**config, "run": {"kept": 1}}))
    assert len(hashes) == 1


def test_the_hash_is_what_the_specification_says_byte_by_byte() -> None:
    config = {"window": 20, "alpha": 0.5, "list": (1, "x"), "deep": {"none": None, "flag": True}}
    assert training_config_hash(config) == ANSWERS["training_config_hash"]


def test_types_differ_where_python_sees_them_as_equal() -> None:
    values = [1, 1.0, True, "1", None, [1], [], {}, 0, 0.0, False, "", "1.0", ["int", "1"]]
    hashes = [training_config_hash({"x": value}) for value in values]
    hashes.append(training_config_hash({}))
    assert len(set(hashes)) == len(hashes)


def test_tuples_are_lists_and_zero_has_no_sign() -> None:
    assert training_config_hash({"x": (1, (2,))}) == training_config_hash({"x": [1, [2]]})
    assert training_config_hash({"x": -0.0}) == training_config_hash({"x": 0.0})


def test_whole_numbers_beyond_two_to_the_53_stay_apart() -> None:
    assert training_config_hash({"x": 2**53}) != training_config_hash({"x": 2**53 + 1})


class Colour(StrEnum):
    RED = "red"


class Side(IntEnum):
    LONG = 1


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"a": {"b": math.nan}}, "config a.b is nan"),
        ({"a": [1, math.inf]}, "config a.1 is inf"),
        ({1: 2}, "^config has the key 1, a int and not plain text; write it as a str"),
        ({Colour.RED: 2}, "a Colour and not plain text"),
        ({"a": 10**5000}, "config a is a whole number of more than 4096 bits"),
        ({"a": {None: 2}}, "config a has the key None"),
        ({"a": {1, 2}}, "sorted list"),
        ({"a": np.float64(0.5)}, r"numpy float64; .*\.item\(\)"),
        ({"a": np.int64(1)}, "numpy int64"),
        ({"a": np.bool_(True)}, "numpy bool"),
        ({"a": np.zeros(2)}, r"numpy ndarray; .*\.tolist\(\)"),
        ({"a": dt.date(2020, 1, 1)}, "isoformat"),
        ({"a": Decimal(1)}, "text or as a float"),
        ({"a": Path("x")}, r"str\(path\)"),
        ({"a": Colour.RED}, "a Colour, which has no canonical form"),
        ({"a": Side.LONG}, "a Side, which has no canonical form"),
        ({"a": object()}, "a object, which has no canonical form"),
        ({"a": "\ud800"}, "not canonical JSON"),
        ({"a": {"b": ["x", "y\udfff"]}}, r"^config a\.b\.1 holds '\\udfff', half of a surrogate"),
        ({"a": {"\ud800": 1}}, r"^config a\.\\ud800 holds '\\ud800', half of a surrogate pair"),
        ([1], "is a mapping"),
    ],
)
def test_what_has_no_canonical_form_is_refused(config: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        training_config_hash(config)  # type: ignore[arg-type]


def test_volatile_keys_are_a_list() -> None:
    with pytest.raises(InvalidInput, match=r"write \['run'\]"):
        training_config_hash({"r": 1}, "run")


def test_the_greatest_whole_number_comes_back_from_json() -> None:
    config = {"x": 2**4096 - 1, "y": 1 - 2**4096}
    assert training_config_hash(json.loads(json.dumps(config))) == training_config_hash(config)


def test_a_config_within_itself_is_refused() -> None:
    config: dict[str, object] = {}
    config["self"] = config
    with pytest.raises(InvalidInput, match="nests deeper"):
        training_config_hash(config)
