"""The policy: strict to read, merged by section, tightened by requests, digested by effect."""

from __future__ import annotations

import copy
import itertools
import math
import random
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.base.digests import is_digest
from tradeworthy.errors import InvalidInput, OverrideLoosensPolicy, PolicyInvalid
from tradeworthy.promotion.files.policy_file import default_policy_path
from tradeworthy.promotion.policy.policy import Policy, resolve_policy
from tradeworthy.promotion.policy.policy_schema import (
    BUILT_IN,
    GROUPS,
    KEYS,
    Kind,
    Tighter,
    checked_value,
)
from tradeworthy.promotion.policy.policy_yaml import parse_policy
from tradeworthy.promotion.promotion_policy import get_policy_for_model

REPOSITORY = Path(__file__).parents[2]


def values_of(name: str) -> st.SearchStrategy:
    """Valid values of one key."""
    key = KEYS[name]
    if key.kind is Kind.FLAG:
        return st.booleans()
    if key.kind is Kind.CHOICE:
        return st.sampled_from(key.choices)
    if key.kind is Kind.INTERVAL:
        return st.sampled_from(["30m", "1h", "7d"])
    if key.kind is Kind.NUMBER:
        return st.floats(
            key.low, key.high, exclude_min=key.low_open, exclude_max=key.high_open
        ).map(lambda value: float(value) + 0.0)
    return st.integers(int(key.low), int(key.high))


SINGLE = [name for name in KEYS if not name.startswith("drift.")]
SECTIONS = st.lists(st.sampled_from(SINGLE), unique=True, max_size=6).flatmap(
    lambda names: st.fixed_dictionaries({name: values_of(name) for name in names})
)


def nested(section: dict[str, object]) -> dict[str, object]:
    """A flat section as the file writes it."""
    tree: dict[str, object] = {}
    for name, value in section.items():
        group, _, key = name.rpartition(".")
        if group:
            tree.setdefault(group, {})[key] = value  # type: ignore[index]
        else:
            tree[name] = value
    return tree


def shuffled(tree: object, order: random.Random) -> object:
    if not isinstance(tree, dict):
        return tree
    keys = list(tree)
    order.shuffle(keys)
    return {key: shuffled(tree[key], order) for key in keys}


def policy_of(text: str, **names: object) -> Policy:
    return resolve_policy(parse_policy(text), "spx", **names)  # type: ignore[arg-type]


@settings(deadline=None)
@given(SECTIONS, SECTIONS, SECTIONS, SECTIONS)
def test_the_more_specific_section_wins_key_by_key(
    default: dict, tier: dict, strategy: dict, model: dict
) -> None:
    text = yaml.safe_dump(
        {
            "default": nested(default),
            "tiers": {"high": nested(tier), "other": nested({"min_sharpe": 99.0})},
            "strategies": {"trend": nested(strategy)},
            "models": {"spx": nested(model), "ndx": nested({"min_sharpe": 99.0})},
        }
    )
    policy = policy_of(text, strategy="trend", tier="high")
    layers = [
        ("models.spx", model),
        ("strategies.trend", strategy),
        ("tiers.high", tier),
        ("default", default),
        ("built-in", BUILT_IN),
    ]
    assert policy.values.keys() == set().union(*(layer for _, layer in layers))
    for key, value in policy.values.items():
        origin, expected = next((o, layer[key]) for o, layer in layers if key in layer)
        assert (value, policy.origins[key]) == (expected, origin)


@settings(deadline=None)
@given(SECTIONS, SECTIONS, st.randoms(use_true_random=False))
def test_order_comments_and_origins_leave_the_digest_alone(
    default: dict, model: dict, order: random.Random
) -> None:
    tree = {"default": nested(default), "models": {"spx": nested(model)}}
    plain = policy_of(yaml.safe_dump(tree, sort_keys=False))
    mixed = yaml.safe_dump(shuffled(tree, order), sort_keys=False)
    noted = "# a comment\n" + mixed.replace("\n", "  # why\n\n")
    assert policy_of(noted).digest == plain.digest
    merged = yaml.safe_dump({"default": nested({**default, **model})})
    assert policy_of(merged).digest == plain.digest
    assert is_digest(plain.digest)


@settings(deadline=None)
@given(SECTIONS, st.data())
def test_a_changed_value_changes_the_digest(section: dict, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(SINGLE))
    before = policy_of(yaml.safe_dump({"default": nested(section)}))
    value = data.draw(values_of(name).filter(lambda new: new != before.values.get(name)))
    after = policy_of(yaml.safe_dump({"default": nested({**section, name: value})}))
    assert after.digest != before.digest


@settings(deadline=None)
@given(SECTIONS, st.data())
def test_the_standing_digest_is_that_of_the_policy_without_the_request(
    section: dict, data: st.DataObject
) -> None:
    """An approval under the file's policy holds for a request that overrides some of it."""
    thresholds = [name for name in SINGLE if KEYS[name].tighter is not None]
    names = data.draw(st.lists(st.sampled_from(thresholds), unique=True, max_size=3))
    overrides = {name: data.draw(values_of(name)) for name in names}
    text = yaml.safe_dump({"default": nested({**section, "overrides": "any"})})
    standing = policy_of(text)
    assert policy_of(text, overrides=overrides).standing_digest == standing.digest
    assert standing.standing_digest == standing.digest


BAD_YAML = [
    ("default: {min_sharpe: 1", "malformed YAML at line"),
    ("default:\n  min_sharpe: 1\n bad: 2\n", "malformed YAML at line 3, column"),
    ("default: [1", "malformed YAML at line"),
    ("default: {}\n---\ndefault: {}\n", "malformed YAML at line 2"),
    ("default: \x00", "malformed YAML"),
    ("", "is empty"),
    ("# nothing\n", "is empty"),
    ("[]", "must be a mapping"),
    ("default:\n", "line 1: default must be a mapping"),
    ("models: {}\n", "has no section 'default'"),
    ("defaults: {}\n", "unknown key 'defaults'; did you mean 'default'"),
    ("default: {}\nmodel: {}\n", "line 2: unknown key 'model'; did you mean 'models'"),
    ("default: {}\ndefault: {}\n", "line 2: the policy file has 'default' twice"),
    ("default:\n  min_sharpe: 1\n  min_sharpe: 2\n", "line 3: default has 'min_sharpe' twice"),
    ("default: &a {}\nmodels: {spx: *a}\n", "line 2: aliases are not read"),
    ("default: {min_sharpe: !!float 1}\n", "tags are not read"),
    ("default: !!python/object:os.system {}\n", "tags are not read"),
    ("default: {? [a] : 1}\n", "a key in default is not a name"),
    ("default: {}\nmodels: [spx]\n", "models must be a mapping"),
    ("default: " + "[" * 50 + "]" * 50, "nested deeper"),
    ("default: {}\n" + "#" * 300_000, "split it"),
    (
        "default:\n  min_sharp: 1\n",
        "line 2: default: unknown key 'min_sharp'; did you mean 'min_sharpe'",
    ),
    ("default: {}\nmodels: {spx: {max_drawdwon: 0.2}}", "did you mean 'max_drawdown'"),
    ("default: {evaluation: {comission_bps: 1}}", "did you mean 'evaluation.commission_bps'"),
    ("default: {evaluation: 5}", "default.evaluation must be a mapping"),
    ("default: {qqqqqq: 5}", "known are min_sharpe"),
    ("default: {drift: {current_sessions: 31}}", "raise the second"),
]


@pytest.mark.parametrize(("text", "message"), BAD_YAML)
def test_a_file_that_cannot_be_used_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        policy_of(text)
    assert message in caught.value.message
    assert caught.value.code == "policy_invalid"


BAD_VALUES = [
    *(("min_sharpe", bad) for bad in ("false", "null", "", '"0.5"', "[0.5]", "{a: 1}", "high")),
    *(("min_sharpe", bad) for bad in (".nan", ".inf", "-.inf", "1e999", "yes", "1_000", "0x10")),
    *(("max_drawdown", bad) for bad in ("0", "-0.1", "1.5", "25%", "true")),
    *(("min_psr", bad) for bad in ("1", "1.0", "-0.01", "95")),
    *(("required_approvals", bad) for bad in ("0", "-1", "1.0", "true", "null", '"1"')),
    *(("min_trades", bad) for bad in ("0", "30.5", "auto")),
    *(("min_track_record", bad) for bad in ("automatic", "1", "2.5", "null")),
    *(("require_lookahead_pass", bad) for bad in ("1", '"true"', "yes", "null")),
    *(("max_drift_severity", bad) for bad in ("severe", "HIGH", "null", "2", "[NORMAL]")),
    *(("overrides", bad) for bad in ("loosen", "true", "null")),
    *(("cost_stress_multiplier", bad) for bad in ("0.5", "null")),
    *(("revalidate_every", bad) for bad in ("0", "90d", "1.5")),
    *(("evaluation.periods_per_year", bad) for bad in ("0", "-252", "daily")),
    *(("evaluation.commission_bps", bad) for bad in ("-1", "true")),
    *(("drift.every", bad) for bad in ("hourly", "0h", "60", "1w", "1.5h")),
]


@pytest.mark.parametrize(("name", "bad"), BAD_VALUES)
def test_a_value_of_another_type_or_range_is_refused(name: str, bad: str) -> None:
    group, _, key = name.rpartition(".")
    inner = f"{{{key}: {bad}}}"
    text = f"default: {{}}\nmodels:\n  ndx: {f'{{{group}: {inner}}}' if group else inner}\n"
    with pytest.raises(PolicyInvalid, match=f"line 3: models.ndx: {name} must") as caught:
        parse_policy(text)
    assert (caught.value.details["key"], caught.value.details["line"]) == (name, 3)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1.0), ("1e-3", 0.001), (".5", 0.5), ("-2.", -2.0), ("+1.5", 1.5), ("007", 7.0)],
)
def test_numbers_are_read_as_yaml_1_2_reads_them(text: str, value: float) -> None:
    assert policy_of(f"default: {{min_sharpe: {text}}}").number("min_sharpe") == value


def test_names_are_text_whatever_they_look_like() -> None:
    document = parse_policy("default: {}\nmodels: {1: {min_sharpe: 1}, yes: {min_sharpe: 2}}")
    assert list(document.models) == ["1", "yes"]


THRESHOLDS = [name for name, key in KEYS.items() if key.tighter is not None]


@pytest.mark.parametrize(
    ("name", "current", "tighter", "looser"),
    [
        ("min_sharpe", 0.5, 0.6, 0.4),
        ("max_drawdown", 0.3, 0.2, 0.4),
        ("min_trades", 30, 31, 29),
        ("max_trials_without_review", 30, 29, 31),
        ("cost_stress_multiplier", 2, 3, 1),
        ("max_drift_severity", "MODERATE", "NORMAL", "SEVERE"),
        ("require_lookahead_pass", True, True, False),
        ("revalidate_every", 90, 30, 91),
        ("min_track_record", 500, 501, "auto"),
        ("min_track_record", "auto", "auto", 10_000),
    ],
)
@pytest.mark.parametrize("rule", ["tighten_only", "any"])
def test_a_request_may_tighten_and_loosens_only_where_the_policy_lets_it(
    name: str, current: object, tighter: object, looser: object, rule: str
) -> None:
    text = yaml.safe_dump({"default": {name: current, "overrides": rule}})
    tightened = policy_of(text, overrides={name: tighter})
    assert (tightened.values[name], tightened.origins[name]) == (tighter, "request")
    assert tightened.loosened == ()
    if rule == "any":
        loosened = policy_of(text, overrides={name: looser})
        assert (loosened.values[name], loosened.loosened) == (looser, (name,))
        return
    with pytest.raises(OverrideLoosensPolicy) as caught:
        policy_of(text, overrides={name: looser})
    assert caught.value.details == {"overrides": {name: {"policy": current, "requested": looser}}}
    assert caught.value.code == "override_loosens_policy"


def test_a_threshold_where_there_was_none_is_tighter() -> None:
    assert policy_of("default: {}", overrides={"min_calmar": -5}).number("min_calmar") == -5.0


@pytest.mark.parametrize("rule", ["tighten_only", "any"])
@pytest.mark.parametrize("name", sorted(KEYS.keys() - set(THRESHOLDS)))
def test_settings_and_approvals_take_no_override(name: str, rule: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be overridden by a request"):
        policy_of(f"default: {{overrides: {rule}}}", overrides={name: BUILT_IN[name]})


@pytest.mark.parametrize(
    "overrides",
    [
        {"min_sharp": 1},
        {"min_sharpe": "1"},
        {"min_sharpe": True},
        {"min_sharpe": None},
        {"min_sharpe": math.nan},
        {"min_sharpe": 10**400},
        {"min_trades": -(10**5000)},
        {"min_sharpe": "9" * 10_000},
        {"max_drawdown": [0.1]},
        {"overrides": "any"},
    ],
)
def test_an_override_that_cannot_be_read_is_the_callers_error(overrides: dict) -> None:
    with pytest.raises(InvalidInput) as caught:
        policy_of("default: {overrides: any}", overrides=overrides)
    assert caught.value.code == "invalid_input"


def test_values_are_read_by_key_and_by_name() -> None:
    policy = policy_of("default: {min_sharpe: 1.5, min_track_record: auto}")
    assert (policy["min_sharpe"], policy.min_sharpe) == (1.5, 1.5)
    assert (policy["min_track_record"], policy.min_track_record) == ("auto", "auto")
    assert (policy["min_dsr"], policy.min_dsr) == (None, None)
    assert policy["evaluation.folds"] == policy.evaluation.folds == 5
    assert (policy.overrides, policy.max_drift_severity) == ("tighten_only", "MODERATE")
    with pytest.raises(KeyError, match="did you mean 'min_sharpe'"):
        policy["min_sharp"]
    with pytest.raises(AttributeError, match="did you mean 'min_sharpe'"):
        _ = policy.min_sharp
    assert copy.copy(policy) == policy
    assert copy.deepcopy(Policy({"min_sharpe": 1.0}, {})).min_sharpe == 1.0


def test_minus_zero_is_zero() -> None:
    plain, signed = (policy_of(f"default: {{min_sharpe: {text}}}") for text in ("0", "-0.0"))
    assert signed.digest == plain.digest
    tightened = policy_of("default: {min_sharpe: 0}", overrides={"min_sharpe": -0.0})
    assert (tightened.digest, tightened.loosened) == (plain.digest, ())


def test_settings_are_read_off_the_policy() -> None:
    policy = policy_of(
        "default: {required_approvals: 3, standby_days: 7, require_lookahead_pass: false,"
        " evaluation: {periods_per_year: 6552, commission_bps: 2, slippage_bps: 3, folds: 4,"
        " purge: 5, embargo: 6}, drift: {current_sessions: 20, reference_sessions: 250,"
        " every: 30m}}"
    )
    assert policy.required_approvals == 3
    assert policy.standby_days == 7
    assert policy.require_lookahead_pass is False
    evaluation = policy.evaluation
    assert (evaluation.periods_per_year, evaluation.cost_bps) == (6552.0, 5.0)
    assert (evaluation.folds, evaluation.purge, evaluation.embargo) == (4, 5, 6)
    drift = policy.drift
    assert (drift.current_sessions, drift.reference_sessions) == (20, 250)
    assert drift.every_seconds == 1800


@pytest.mark.parametrize(("text", "seconds"), [("1h", 3600), ("2d", 172_800), ("90m", 5400)])
def test_intervals_are_seconds(text: str, seconds: int) -> None:
    assert policy_of(f"default: {{drift: {{every: {text}}}}}").drift.every_seconds == seconds


def test_the_packaged_policy_loads_and_says_why_for_every_key() -> None:
    path = default_policy_path()
    assert path == REPOSITORY / "config" / "ml_promotion_policy.yaml"
    document = parse_policy(path.read_text(encoding="utf-8"))
    assert document.default.keys() == KEYS.keys()
    lines = path.read_text(encoding="utf-8").splitlines()
    bare = [
        line
        for before, line in itertools.pairwise(lines)
        if line.startswith("  ")
        and line.strip().split(":")[0] in {name.rpartition(".")[2] for name in KEYS}
        and not before.strip().startswith("#")
    ]
    inside_named_sections = lines[next(i for i, x in enumerate(lines) if x == "tiers:") :]
    assert [line for line in bare if line not in inside_named_sections] == []


def test_a_policy_file_of_ones_own_is_read(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("default: {min_sharpe: 1}\nstrategies: {trend: {min_sharpe: 0.7}}\n")
    assert get_policy_for_model("spx", path=path).number("min_sharpe") == 1.0
    assert get_policy_for_model("spx", "trend", path=str(path)).number("min_sharpe") == 0.7
    path.write_text("default: {min_sharpe: 2}\n")
    assert get_policy_for_model("spx", "trend", path=path).number("min_sharpe") == 2.0


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="cannot read the policy file"):
        get_policy_for_model("spx", path=tmp_path / "missing.yaml")
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"default: \xff\xfe")
    with pytest.raises(PolicyInvalid, match="is not UTF-8"):
        get_policy_for_model("spx", path=path)
    path.write_text("default: {min_sharp: 1}")
    with pytest.raises(PolicyInvalid, match=r"policy\.yaml: line 1.*did you mean") as caught:
        get_policy_for_model("spx", path=path)
    assert caught.value.details["line"] == 1


@pytest.mark.parametrize("name", sorted(KEYS))
def test_built_in_values_are_valid_and_every_threshold_says_which_way_is_tighter(name: str) -> None:
    if name in BUILT_IN:
        assert checked_value(name, BUILT_IN[name]) == BUILT_IN[name]
    prefix = {"min": Tighter.HIGHER, "max": Tighter.LOWER}.get(name[:3])
    if prefix is not None:
        assert KEYS[name].tighter is prefix
    assert "." not in name or name.split(".")[0] in GROUPS
