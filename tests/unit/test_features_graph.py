"""The graph, its snapshots, differences and releases."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.base.digests import json_digest
from tradeworthy.errors import (
    FeatureConflict,
    FeatureCycle,
    FeatureDependencyMissing,
    FeatureGraphInvalid,
)
from tradeworthy.features.feature_definition import FeatureDefinition, make_declaration
from tradeworthy.features.feature_graph import FeatureGraph, feature
from tradeworthy.features.graph_diff import aligned, diff_snapshots, missing_nodes
from tradeworthy.features.graph_snapshot import GraphSnapshot
from tradeworthy.features.graph_summary import graph_summary
from tradeworthy.features.in_place_edits import in_place_edits
from tradeworthy.features.logic import Component, make_logic
from tradeworthy.features.release import Release, release_of
from tradeworthy.model_registry.alignment import closure_in

HEAD = "from tradeworthy import feature\n"
BASE = (
    HEAD
    + """
WINDOW = 20

def _scale(x):
    return x * 2

@feature(version=1, owner="desk")
def log_return(close):
    return close.log().diff()

@feature(version=1)
def volatility(log_return, span=3):
    return _scale(log_return).rolling_std(WINDOW, span)

@feature(version=1)
def turnover(volume):
    return volume / WINDOW

@feature(version=1)
def signal(volatility, turnover):
    return volatility - turnover
"""
)


def graph(text: str = BASE, **options: Any) -> FeatureGraph:
    return FeatureGraph.read_source(text, **options)


def made(
    name: str, *arguments: str, version: int = 1, text: str = "x", **options: Any
) -> FeatureDefinition:
    logic = make_logic([Component("body", name, text, (), text)], ())
    return FeatureDefinition(make_declaration(name, version=version, **options), arguments, logic)


def test_the_hash_covers_the_ordered_inputs_and_their_ancestors_only() -> None:
    base = graph()
    other = graph(BASE.replace("volume / WINDOW", "volume * WINDOW"))
    assert base.bound_hash(["volatility"]) == other.bound_hash(["volatility"])
    assert base.bound_hash(["signal"]) != other.bound_hash(["signal"])
    assert base.bound_hash(["volatility", "turnover"]) != base.bound_hash(
        ["turnover", "volatility"]
    )
    assert base.closure(["volatility"]).hash == base.bound_hash(["volatility"])
    assert set(base.closure(["volatility"])) == {"close@0", "log_return@1", "volatility@1"}
    assert "log_return" in base
    assert "volume" in base
    assert "volatility@2" not in base
    assert len(base) == 6


@pytest.mark.parametrize(
    ("change", "edits"),
    [
        (("close.log()", "close"), {"log_return@1": 2}),
        (("@feature(version=1)\ndef volatility", "@feature(version=3)\ndef volatility"),
         {"volatility@1": 3}),
        (("@feature(version=1)\ndef volatility",
          "@feature(version=2, name='log_return')\ndef log_return_2(close):\n"
          "    return close.diff()\n@feature(version=1)\ndef volatility"),
         {"log_return@1": 2}),
        (('owner="desk"', 'owner="someone"'), {}),
    ],
)  # fmt: skip
def test_an_edit_in_place_names_the_version_that_the_new_definition_needs(
    change: tuple[str, str], edits: dict[str, int]
) -> None:
    inputs = ["log_return@1", "signal"] if "log_return_2" in change[1] else ["signal"]
    bound, other = graph().snapshot(inputs), graph(BASE.replace(*change))
    diff = diff_snapshots(bound, closure_in(bound, other.nodes))
    assert in_place_edits(diff, other.nodes) == edits


def test_people_are_in_no_hash() -> None:
    assert graph(BASE.replace("desk", "someone")).hash == graph().hash


def test_newest_versions_are_taken_unless_pinned() -> None:
    text = (
        BASE
        + '\n@feature(version=2, name="log_return")\n'
        + "def log_return_2(close):\n    return close.diff()\n"
    )
    pinned = text.replace(
        "@feature(version=1)\ndef volatility",
        '@feature(version=1, pins={"log_return": 1})\ndef volatility',
    )
    assert graph(text).nodes["volatility@1"].dependencies == (("log_return", "log_return@2"),)
    assert graph(pinned).nodes["volatility@1"].dependencies == (("log_return", "log_return@1"),)
    assert graph(pinned).bound_hash(["volatility"]) == graph().bound_hash(["volatility"])
    names = set(graph_summary(graph(text))["nodes"])  # type: ignore[call-overload]
    assert {"log_return", "log_return@1"} <= names
    assert graph(text).keys_of(["log_return", "log_return@1"]) == ("log_return@2", "log_return@1")


def test_a_circle_is_shown() -> None:
    with pytest.raises(FeatureCycle, match="a@1 -> b@1 -> c@1 -> a@1"):
        FeatureGraph.from_definitions([made("a", "b"), made("b", "c"), made("c", "a")])
    with pytest.raises(FeatureCycle, match="a@1 -> a@1"):
        FeatureGraph.from_definitions([made("a", "a")])


def test_a_version_may_build_on_an_older_one() -> None:
    found = FeatureGraph.from_definitions(
        [made("a", "x"), made("a", "a", version=2, pins={"a": 1}, text="y")]
    )
    assert found.nodes["a@2"].dependencies == (("a", "a@1"),)


@pytest.mark.parametrize(
    ("definitions", "columns", "message"),
    [
        ([made("a", "clsoe")], ["close"], "did you mean 'close'"),
        ([made("a", "b", pins={"b": 3}), made("b", "x")], None, "version 3; there is version 1"),
        ([made("a", "close", pins={"close": 1})], ["close"], "source column, which has none"),
        ([made("a", "b", pins={"c": 1})], None, "not one of its parameters"),
    ],
)
def test_missing_dependencies_are_named(
    definitions: list[FeatureDefinition], columns: list[str] | None, message: str
) -> None:
    with pytest.raises(FeatureDependencyMissing, match=message):
        FeatureGraph.from_definitions(definitions, source_columns=columns)


def test_unknown_and_doubled_inputs_are_refused() -> None:
    with pytest.raises(FeatureDependencyMissing, match="did you mean 'volatility'"):
        graph().closure(["volatilty"])
    for inputs in ([], ["signal", "signal"], "signal"):
        with pytest.raises(FeatureGraphInvalid):
            graph().closure(inputs)


def test_one_version_cannot_mean_two_things() -> None:
    with pytest.raises(FeatureConflict, match="different logic"):
        FeatureGraph.from_definitions([made("a", "x"), made("a", "x", text="y")])
    text = HEAD + "\n".join(
        f"@feature(name='a')\ndef a_{n}(close):\n    return close * {n}" for n in (1, 2)
    )
    with pytest.raises(FeatureConflict, match=r"\(features.py, line 3 and features.py, line 6\)"):
        graph(text)
    with pytest.raises(FeatureConflict, match="alike"):
        FeatureGraph.from_definitions([made("a", "x"), made("a", "x")])
    with pytest.raises(FeatureGraphInvalid, match="hides"):
        graph(BASE + "\n@feature(version=2)\ndef signal(volume):\n    return volume\n")
    with pytest.raises(FeatureGraphInvalid, match="source column"):
        graph(source_columns=["close", "volume", "signal"])


@pytest.mark.parametrize(
    "options",
    [
        {"version": 0},
        {"version": True},
        {"version": "1"},
        {"name": "two words"},
        {"impure": True},
        {"salt": "a"},
        {"lookback": -1},
        {"dtype": 3},
        {"pins": {"a": 0}},
        {"pins": [("a", 1)]},
        {"pins": {3: 1}},
        {"name": "class"},
        {"each": {}},
        {"each": [5, 20]},
        {"each": {"n": (5, 20)}},
        {"each": {"n": (5, 20)}, "name": "lag"},
        {"each": {"n": ()}, "name": "lag_{n}"},
        {"each": {"n": 5}, "name": "lag_{n}"},
        {"each": {"n": "ab"}, "name": "lag_{n}"},
        {"each": {"n": (5, 5)}, "name": "lag_{n}"},
        {"each": {"n": (5, 5.0)}, "name": "lag_{n:.0}"},
        {"each": {"n": (1.5,)}, "name": "lag_{n}"},
        {"each": {"n": (-1,)}, "name": "lag_{n}"},
        {"each": {"n": (None,)}, "name": "lag_{n}"},
        {"each": {"n": (5,)}, "name": "lag_{m}"},
        {"each": {"n": (5,)}, "name": "lag_{n}_{m}"},
        {"each": {"n": (5,)}, "name": "lag_{n.real}"},
        {"each": {"n": (5,)}, "name": "lag_{n"},
        {"each": {"n": (5,)}, "name": "lag_{}"},
        {"each": {"n": (5,)}, "name": "lag_{n:0999999999}"},
        {"each": {"n": (5,)}, "name": "lag_{n:{n}}"},
        {"each": {"n": (5,)}, "name": "lag_{n}_{n}"},
        {"each": {"n": ("a" * 65,)}, "name": "lag_{n}"},
        {"each": {"n": (2**65,)}, "name": "lag_{n}"},
        {"each": {"n": ("a",)}, "name": "lag_{n:03d}"},
        {"each": {"n": (5,)}, "name": 5},
        {"each": {"n": tuple(range(40)), "m": tuple(range(40))}, "name": "lag_{n}_{m}"},
    ],
)
def test_bad_declarations_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(FeatureGraphInvalid):

        @feature(**options)
        def anything(close: object) -> object:
            return close


@pytest.mark.parametrize(
    ("decorator", "message"),
    [
        ("feature(verison=2)", "did you mean 'version'"),
        ("feature(colour=2)", "there are version, name"),
        ("feature(2)", "by its name"),
        ("feature(**{'version': 2})", "by its name"),
        ("feature(pins=[('close', 1)])", "a dict of parameter to version"),
        ("feature(each={'days': (5,)}, name='a_{days}')", "no parameter days.* it has close"),
        ("feature(each={'close': (5, 6)}, name='a')", 'write name="a_{close}"'),
        ("feature(each={'close': (5, 5)}, name='a_{close}')", "would be called a_5"),
    ],
)
def test_options_that_cannot_be_read_are_reported(decorator: str, message: str) -> None:
    with pytest.raises(FeatureGraphInvalid, match=message):
        graph(HEAD + f"@{decorator}\ndef a(close):\n    return close\n")


def test_a_decorated_function_stays_plain() -> None:
    @feature(version=3, lookback=1)
    def doubled(close: int) -> int:
        return 2 * close

    assert doubled(4) == 8
    assert FeatureGraph.from_definitions([doubled]).inputs == ("doubled@3",)


def test_the_decorator_needs_no_parentheses() -> None:
    text = BASE.replace("@feature(version=1)\ndef signal", "@feature\ndef signal")
    assert graph(text).hash == graph().hash

    @feature
    def doubled(close: int) -> int:
        return 2 * close

    assert FeatureGraph.from_definitions([doubled]).inputs == ("doubled@1",)


def test_a_feature_whose_name_is_bound_again_is_refused() -> None:
    with pytest.raises(FeatureGraphInvalid, match="bound again"):
        graph(BASE + "\nsignal = 3\n")
    assert graph(BASE + "\nprint(signal)\nregister(signal)\n").hash == graph().hash


def test_star_arguments_are_no_dependencies() -> None:
    with pytest.raises(FeatureGraphInvalid, match="name every dependency"):
        graph(HEAD + "@feature()\ndef a(*columns):\n    return columns\n")


def test_deep_graphs_need_no_deep_stack() -> None:
    chain = [made("n0", "close"), *(made(f"n{i}", f"n{i - 1}") for i in range(1, 5000))]
    found = FeatureGraph.from_definitions(chain)
    assert len(found.closure(["n4999"])) == 5001
    snapshot = found.snapshot(["n4999"])
    assert GraphSnapshot.from_json(snapshot.to_json()).hash == found.bound_hash(["n4999"])


@settings(deadline=None)
@given(st.permutations(range(6)))
def test_the_order_of_definitions_does_not_matter(order: list[int]) -> None:
    nodes = [made("n0", "close"), *(made(f"n{i}", "close", f"n{i - 1}") for i in range(1, 6))]
    assert FeatureGraph.from_definitions([nodes[i] for i in order]).hash == (
        FeatureGraph.from_definitions(nodes).hash
    )


def test_a_snapshot_survives_json() -> None:
    snapshot = graph().snapshot(["signal", "volatility"])
    read = GraphSnapshot.from_json(json.loads(json.dumps(snapshot.to_json())))
    assert read == snapshot
    assert read.hash == graph().bound_hash(["signal", "volatility"])
    assert read.nodes["volatility@1"].source.endswith("rolling_std(WINDOW, span)")


def _paths(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [path, *(each for key, item in items for each in _paths(item, (*path, key)))]


SNAPSHOT = graph().snapshot(["signal"]).to_json()
RELEASE = release_of(graph().snapshot(["signal"])).to_json()


def _tampered(data: object, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    copy = json.loads(json.dumps(data))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = change(place[path[-1]])
    return copy


def _other(value: Any) -> Any:
    if isinstance(value, str):
        return value[:-1] + ("x" if value[-1:] != "x" else "y")
    if isinstance(value, int):
        return value + 1
    return None


@settings(deadline=None)
@given(st.sampled_from([path for path in _paths(SNAPSHOT) if path]))
def test_a_tampered_snapshot_is_refused(path: tuple[Any, ...]) -> None:
    with pytest.raises(FeatureGraphInvalid):
        GraphSnapshot.from_json(_tampered(SNAPSHOT, path, _other))


@pytest.mark.parametrize(
    "path",
    [
        ("hash",),
        ("inputs", 0),
        ("nodes", "signal@1", "node_hash"),
        ("nodes", "signal@1", "logic_hash"),
        ("nodes", "signal@1", "version"),
        ("nodes", "signal@1", "dependencies", 0, 0),
        ("nodes", "log_return@1", "components", 0, "text"),
        ("nodes", "volatility@1", "components", 0, "references", 0),
        ("nodes", "close@0", "node_hash"),
    ],
)
def test_a_forger_who_renews_the_outer_digest_is_refused_too(path: tuple[Any, ...]) -> None:
    forged = _tampered(SNAPSHOT, path, _other)
    forged["digest"] = json_digest(
        "feature-graph/v1", {key: value for key, value in forged.items() if key != "digest"}
    )
    with pytest.raises(FeatureGraphInvalid):
        GraphSnapshot.from_json(forged)


@pytest.mark.parametrize("broken", [None, [], {}, {"schema": 1}, {**SNAPSHOT, "more": 1}])
def test_what_is_no_snapshot_is_refused(broken: object) -> None:
    with pytest.raises(FeatureGraphInvalid):
        GraphSnapshot.from_json(broken)
    with pytest.raises(FeatureGraphInvalid):
        Release.from_json(broken)


def _hashed(path: tuple[Any, ...]) -> bool:
    """Tell the parts of a release that its digest covers from what is for display."""
    return (
        bool(path)
        and not set(path) & {"metadata", "distributions"}
        and path[-1] not in ("name", "source", "kind")
    )


@settings(deadline=None)
@given(st.sampled_from([path for path in _paths(RELEASE) if _hashed(path)]))
def test_a_tampered_release_is_refused(path: tuple[Any, ...]) -> None:
    with pytest.raises(FeatureGraphInvalid):
        Release.from_json(_tampered(RELEASE, path, _other))


def explained(
    edit: Callable[[str], str], inputs: tuple[str, ...] = ("signal", "volatility")
) -> tuple[str, ...]:
    return diff_snapshots(graph().snapshot(inputs), graph(edit(BASE)).snapshot(inputs)).explain()


def test_a_difference_names_feature_component_and_reach() -> None:
    lines = explained(lambda text: text.replace("WINDOW = 20", "WINDOW = 21"))
    assert lines == (
        "turnover@1: constant WINDOW 20 -> 21; reaches signal",
        "volatility@1: constant WINDOW 20 -> 21; reaches signal, volatility",
        "changed only by their inputs: signal@1",
    )


def test_features_that_only_follow_are_one_short_line_and_stand_in_the_nodes() -> None:
    chain = BASE + "".join(
        f"\n@feature(version=1)\ndef step_{i}({before}):\n    return {before} * 2\n"
        for i, before in enumerate(["signal", *(f"step_{i}" for i in range(8))])
    )
    edited = graph(chain.replace("WINDOW = 20", "WINDOW = 21"))
    found = diff_snapshots(graph(chain).snapshot(("step_8",)), edited.snapshot(("step_8",)))
    *own, follow = found.explain()
    assert [line.partition(":")[0] for line in own] == ["turnover@1", "volatility@1"]
    assert follow == (
        "changed only by their inputs: signal@1, step_0@1, step_1@1, step_2@1, step_3@1 and 5 more"
    )
    nodes = {(node["feature"], node["kind"]) for node in found.nodes()}
    assert nodes == {
        ("turnover", "changed"),
        ("volatility", "changed"),
        ("signal", "reached"),
        *((f"step_{i}", "reached") for i in range(9)),
    }
    assert [each["feature"] for each in found.to_json()["changes"]] == [
        node["feature"] for node in found.nodes()
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("x * 2", "x * 3", "volatility@1: helper _scale changed: return x * 2 -> return x * 3"),
        ("span=3", "span=4", "volatility@1: default of span 3 -> 4"),
        (
            "close.log()",
            "close.sqrt()",
            "body changed: return close.log().diff() -> return close.sqrt().diff()",
        ),
        (
            "WINDOW = 20",
            "WINDOW = 20\nWINDOW += 1",
            "constant WINDOW changed, order of statements in features added",
        ),
        ("volume / WINDOW", "volume / 3", "turnover@1: constant WINDOW removed"),
        ("volatility, turnover", "volatility, close", "signal@1: body changed"),
        (
            "@feature(version=1)\ndef signal",
            "@feature(lookback=2)\ndef signal",
            "signal@1: lookback 2 added",
        ),
        (
            "_scale(log_return).rolling_std(WINDOW",
            "_scale(WINDOW).rolling_std(log_return",
            "volatility@1: body changed",
        ),
    ],
)
def test_each_kind_of_component_is_named(before: str, after: str, expected: str) -> None:
    lines = explained(lambda text: text.replace(before, after))
    assert any(expected in line or expected.split(": ")[1] in line for line in lines), lines


def test_versions_added_and_removed_are_reported() -> None:
    lines = explained(lambda text: text.replace('version=1, owner="desk"', "version=2"))
    assert "log_return@1: removed; reaches signal, volatility" in lines
    assert "log_return@2: added; reaches signal, volatility" in lines
    assert any("dependency log_return log_return@1 -> log_return@2" in line for line in lines)


def test_a_difference_names_both_hashes_and_is_false_without_one() -> None:
    other = graph(BASE.replace("close.log()", "close.sqrt()"))
    found = graph().diff(other)
    assert found
    assert found.to_json()["bound"] == graph().hash
    assert not graph().diff(graph())


def test_the_same_features_in_another_order_differ() -> None:
    found = diff_snapshots(
        graph().snapshot(["signal", "turnover"]), graph().snapshot(["turnover", "signal"])
    )
    assert found.explain()[0].startswith("turnover@1: inputs signal@1, turnover@1 -> turnover@1")


def test_aligned_means_every_node_of_the_closure() -> None:
    changed = graph(BASE.replace("close.log()", "close.sqrt()"))
    release = release_of(graph().snapshot())
    assert aligned(graph().snapshot(["signal"]), release)
    assert aligned(changed.snapshot(["turnover"]), release)
    assert missing_nodes(changed.snapshot(["volatility"]), release) == (
        "log_return@1",
        "volatility@1",
    )
    assert not aligned(GraphSnapshot((), {}), release)


def test_releases_hold_versions_side_by_side_but_no_conflict() -> None:
    second = graph(
        BASE.replace('version=1, owner="desk"', "version=2").replace("close.log()", "close")
    )
    only = second.snapshot(["log_return"])
    release = release_of(graph().snapshot(), only)
    assert {"log_return@1", "log_return@2"} <= set(release.nodes)
    assert release.digest == release_of(only, graph().snapshot()).digest
    assert Release.from_json(json.loads(json.dumps(release.to_json()))).digest == release.digest
    with pytest.raises(FeatureConflict):
        release_of(graph().snapshot(), graph(BASE.replace("x * 2", "x * 3")).snapshot())
    with pytest.raises(FeatureGraphInvalid):
        release_of()


@pytest.mark.parametrize("thing", [len, int, staticmethod(abs)])
def test_only_a_function_of_ones_own_is_a_feature(thing: Any) -> None:
    with pytest.raises(FeatureGraphInvalid, match="a feature is a function"):
        feature(thing)
