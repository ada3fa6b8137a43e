"""The manifest: what is written is read back, what does not fit itself is refused."""

from __future__ import annotations

import dataclasses
import json
import math
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.base.digests import is_digest, tagged_digest
from tradeworthy.errors import FeatureGraphInvalid, ManifestInvalid
from tradeworthy.features.feature_graph import FeatureGraph, feature
from tradeworthy.manifest.completeness import missing_evidence, missing_fields
from tradeworthy.manifest.config_hash import training_config_hash
from tradeworthy.manifest.consistency import inconsistencies
from tradeworthy.manifest.dataset_digest import dataset_digest
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.manifest.manifest_fields import manifest_schema, parse_manifest
from tradeworthy.manifest.records import (
    CodeRecord,
    ColumnRecord,
    DatasetRecord,
    DeterminismRecord,
    EntryPoint,
    EvidenceRecord,
    FileRecord,
    LookAheadRecord,
    RuntimeRecord,
    SignalRule,
    SourceRecord,
)

SCHEMA: dict[str, Any] = json.loads(
    resources.files("tradeworthy.manifest").joinpath("manifest.schema.json").read_text()
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
CONFIG = {"window": 20, "alpha": 0.5, "scale": 1.0, "run": {"name": "first"}}
TABLE = dataset_digest(pl.DataFrame({"close": [1.0, 2.0, 3.0], "day": [1, 2, 3]}))


@feature(version=1)
def vol(close: pl.Expr) -> pl.Expr:
    return close.rolling_std(20)


@feature(version=1)
def momentum(close: pl.Expr) -> pl.Expr:
    return close / close.shift(10) - 1


GRAPH = FeatureGraph.from_definitions([vol, momentum]).snapshot(("vol", "momentum"))


def full_manifest(**changes: Any) -> Manifest:
    """A manifest with every field recorded."""
    manifest = Manifest(
        model="spx-trend",
        version=7,
        strategy="trend",
        feature_graph_hash=GRAPH.hash,
        feature_graph=GRAPH,
        inputs=("vol", "momentum"),
        training_config_hash=training_config_hash(CONFIG, ["run.name"]),
        config=CONFIG,
        volatile_keys=("run.name",),
        dataset_hash=TABLE.hash,
        dataset=DatasetRecord(
            rows=TABLE.rows,
            columns=tuple(ColumnRecord(c.name, c.dtype, c.digest) for c in TABLE.columns),
            key=("symbol", "day"),
            time_start="2000-01-03",
            time_end="2020-04-17",
            as_of="2020-04-18T06:00:00Z",
            sources=(SourceRecord("bars.csv", "b" * 64, "2020-04"),),
            label="next day's return",
            label_horizon=1,
            train_end="2015-12-31",
            purge=1,
            embargo=20,
        ),
        git_commit="c" * 40,
        code=CodeRecord(
            dirty=False,
            entry_point=EntryPoint("strategy.py", "train", "d" * 64),
            signal_rule=SignalRule("strategy.py", "weights", "e" * 64, "features.py"),
        ),
        files=(FileRecord("model.onnx", "onnx", 12, "f" * 64),),
        runtime=RuntimeRecord("CPython 3.11.7", "Linux x86_64", {"numpy": "2.4"}, "0" * 64, 1),
        determinism=DeterminismRecord({"numpy": 7}, "bitwise"),
        evidence=EvidenceRecord(
            golden_rows=((0.1, None), (0.2, 1.0)),
            golden_predictions=(0.01, -0.02),
            look_ahead=LookAheadRecord(passed=True, tests={"truncate": True}),
            training_profiles={"vol": {"count": 3}},
            probe_hash="1" * 64,
        ),
        metrics={"sharpe": 1.0},
        created_at="2026-01-02T03:04:05Z",
        created_by="ada",
    )
    return dataclasses.replace(manifest, **changes)


JSON_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(codec="utf-8"), max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
CONFIGS = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), JSON_VALUES)
DIGESTS = st.one_of(st.none(), st.text("0123456789abcdef", min_size=64, max_size=64))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    config = draw(st.one_of(st.none(), CONFIGS))
    inputs = draw(st.lists(st.text("abc_", min_size=1, max_size=4), unique=True, max_size=3))
    row = st.tuples(*(st.one_of(st.none(), NUMBERS) for _ in inputs))
    rows = draw(st.one_of(st.none(), st.lists(row, max_size=3).map(tuple)))
    return Manifest(
        model=draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)),
        version=draw(st.integers(1, 10**6)),
        strategy=draw(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)),
        feature_graph_hash=draw(DIGESTS),
        inputs=tuple(inputs),
        config=config,
        training_config_hash=None if config is None else training_config_hash(config),
        dataset=DatasetRecord(rows=draw(st.one_of(st.none(), st.integers(0, 10**12)))),
        metrics=draw(st.dictionaries(st.text("abc", max_size=3), NUMBERS, max_size=3)),
        evidence=EvidenceRecord(
            golden_rows=rows,
            golden_predictions=None if rows is None else tuple(draw(NUMBERS) for _ in rows),
        ),
        code=CodeRecord(
            dirty=draw(st.one_of(st.none(), st.booleans())),
            diff_digest=draw(DIGESTS),
            unclean=draw(st.sampled_from([(), ("a.py",), ("a.py", "b c.py")])),
        ),
    )


def test_a_clean_tree_is_recorded_as_it_was_before_paths_were() -> None:
    clean = full_manifest()
    assert "unclean" not in clean.to_json()
    dirty = full_manifest(code=CodeRecord(dirty=True, unclean=("a.py",)))
    assert json.loads(dirty.to_json())["code"]["unclean"] == ["a.py"]


@settings(deadline=None)
@given(manifests())
def test_what_is_written_is_read_back_and_keeps_its_digest(manifest: Manifest) -> None:
    text = manifest.to_json()
    again = Manifest.from_json(text)
    assert again == manifest
    assert again.to_json() == text
    assert again.digest == manifest.digest
    assert again.canonical_bytes == manifest.canonical_bytes
    assert Manifest.from_json(text.encode()) == manifest
    VALIDATOR.validate(json.loads(text))


def test_a_full_manifest_lacks_nothing_and_an_empty_one_everything() -> None:
    full = full_manifest()
    assert Manifest.from_json(full.to_json()) == full
    assert missing_fields(full) == missing_evidence(full) == ()
    empty = Manifest(model="m", version=1, strategy="s")
    assert "dataset.columns" in missing_fields(empty)
    assert "files" in missing_fields(empty)
    assert "code.signal_rule" in missing_evidence(empty)


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"files": ()}, "files"),
        ({"config": None}, "config"),
        ({"created_by": None}, "created_by"),
        ({"dataset": DatasetRecord(rows=3)}, "dataset.columns"),
    ],
)
def test_each_missing_field_is_named(changes: dict[str, Any], missing: str) -> None:
    assert missing in missing_fields(full_manifest(**changes))


def test_an_unknown_git_tree_is_no_missing_field() -> None:
    assert missing_fields(full_manifest(git_commit=None, code=CodeRecord())) == ()


def test_the_digest_sees_every_field_and_no_layout() -> None:
    manifest = full_manifest()
    body = json.loads(manifest.to_json())
    spread = json.dumps(dict(reversed(body.items())), indent=7)
    assert Manifest.from_json(spread).digest == manifest.digest
    others = [
        full_manifest(created_by="bob"),
        full_manifest(metrics={"sharpe": 1.5}),
        full_manifest(version=8),
        full_manifest(inputs=("momentum", "vol")),
    ]
    digests = {other.digest for other in (manifest, *others)}
    assert len(digests) == len(others) + 1
    assert all(is_digest(digest) for digest in digests)


def test_a_float_of_the_config_stays_a_float() -> None:
    again = Manifest.from_json(full_manifest().to_json())
    assert again.config is not None
    assert [type(again.config[key]) for key in ("window", "scale")] == [int, float]


def _body(**changes: Any) -> dict[str, Any]:
    return json.loads(full_manifest().to_json()) | changes


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"config": {**CONFIG, "window": 21}}, "training_config_hash"),
        ({"config": {**CONFIG, "window": 20.0}}, "training_config_hash"),
        ({"volatile_keys": []}, "training_config_hash"),
        ({"feature_graph_hash": "9" * 64}, "feature_graph_hash"),
        ({"feature_graph": {"nodes": {}}}, "feature_graph_hash"),
        ({"dataset_hash": "9" * 64}, "dataset_hash"),
        ({"inputs": ["vol", "vol"]}, "inputs"),
        ({"inputs": ["vol"]}, "evidence.golden_rows"),
        ({"files": [dataclasses.asdict(full_manifest().files[0])] * 2}, "files"),
    ],
)
def test_what_does_not_fit_itself_is_refused(changes: dict[str, Any], field: str) -> None:
    text = json.dumps(_body(**changes))
    assert field in dict(inconsistencies(parse_manifest(text)))
    with pytest.raises(ManifestInvalid) as caught:
        Manifest.from_json(text)
    assert caught.value.details["field"] == field


@pytest.mark.parametrize("rows", [4, 2])
def test_a_changed_row_count_does_not_fit_the_dataset_hash(rows: int) -> None:
    body = _body()
    body["dataset"]["rows"] = rows
    with pytest.raises(ManifestInvalid, match="dataset_hash is not the hash"):
        Manifest.from_json(json.dumps(body))


@settings(deadline=None)
@given(st.data())
def test_a_truncated_manifest_is_refused(data: st.DataObject) -> None:
    text = full_manifest().to_json().rstrip()
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(ManifestInvalid, match="is not JSON") as caught:
        Manifest.from_json(text[:cut])
    assert caught.value.code == "manifest_invalid"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "is a JSON object"),
        ("null", "is a JSON object"),
        ("{}", "schema version None is unknown"),
        ('{"schema_version": 2}', "schema version 2 is unknown; this release reads 1"),
        ('{"schema_version": true}', "schema version True is unknown"),
        ('{"schema_version": "1"}', "schema version '1' is unknown"),
        ('{"schema_version": 1, "schema_version": 1}', "the key 'schema_version' twice"),
        ('{"schema_version": 1, "metrics": {"a": NaN}}', "holds NaN, which is no number"),
        (
            '{"schema_version": 1, "metrics": {"a": -Infinity}}',
            "holds -Infinity, which is no number",
        ),
        ('{"schema_version": 1, "feature_graph": {"a": 1e999}}', "holds 1e999, which is no number"),
        ('{"schema_version": 1}', "field model is missing"),
        ('{"a":' * 100_000, "nested more than 100 levels"),
        (b"\xff\xfe\xfa", "not UTF-8 at byte 0"),
    ],
)
def test_broken_text_and_unknown_versions_are_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(ManifestInvalid, match=message):
        Manifest.from_json(text)


WRONG: list[tuple[str, Any]] = [
    ("version", True),
    ("version", 0),
    ("version", "7"),
    ("version", 7.5),
    ("model", "../etc/passwd"),
    ("model", ""),
    ("strategy", 3),
    ("dataset_hash", "A" * 64),
    ("dataset_hash", "a" * 63),
    ("git_commit", "HEAD"),
    ("metrics", {"sharpe": "1.0"}),
    ("metrics", {"sharpe": True}),
    ("metrics", {"sharpe": None}),
    ("metrics", None),
    ("inputs", "vol"),
    ("inputs", [1]),
    ("config", []),
    ("created_at", "yesterday"),
    ("created_at", "2026-01-02T03:04:05"),
    ("surprise", 1),
    ("dataset", {"surprise": 1}),
    ("dataset", {"rows": -1}),
    ("dataset", None),
    ("code", {"dirty": "no"}),
    ("files", [{"name": "../model.onnx", "format": "onnx", "size": 1, "sha256": "a" * 64}]),
    ("files", [{"name": "model.onnx", "format": "onnx", "size": 1.5, "sha256": "a" * 64}]),
    ("files", [{"name": "model.onnx", "format": "onnx", "size": 1}]),
    ("determinism", {"grade": "perfect"}),
    ("evidence", {"look_ahead": {"passed": 1}}),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_code_and_published_schema_refuse_the_same(name: str, value: Any) -> None:
    body = _body(**{name: value})
    with pytest.raises(ManifestInvalid) as caught:
        parse_manifest(json.dumps(body))
    assert name in str(caught.value.details["field"])
    assert not VALIDATOR.is_valid(body)


RIGHT: list[tuple[str, Any]] = [
    ("version", 2**40),
    ("git_commit", None),
    ("git_commit", "0" * 64),
    ("created_at", "2026-01-02"),
    ("created_at", "2026-01-02T03:04:05.123456789+01:00"),
    ("metrics", {"sharpe": 1}),
    ("determinism", {}),
    ("feature_graph", {"hash": "a" * 64, "anything": [None, {"deep": 1.5}]}),
]


@pytest.mark.parametrize(("name", "value"), RIGHT)
def test_code_and_published_schema_take_the_same(name: str, value: Any) -> None:
    body = _body(**{name: value})
    assert parse_manifest(json.dumps(body)).model == "spx-trend"
    VALIDATOR.validate(body)


ODD = st.one_of(
    JSON_VALUES,
    st.sampled_from(
        [2**53, 2**64, 10**400, -(2**63) - 1, 1.0, -0.0, "a" * 64, "a" * 40, "x" * 4096, "x" * 4097]
    ),
    st.sampled_from(
        ["2020-13-45", "2020-01-01T00:00:00z", "m", ".x", "a/b", "bitwise", "\U0001f600"]
    ),
)


def _places(value: Any, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, child in children:
        found.append((*place, key))
        if isinstance(child, dict | list):
            found += _places(child, (*place, key))
    return found


PLACES = [place for place in _places(_body()) if place[0] not in ("config", "feature_graph")]


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(PLACES), ODD)
def test_whatever_the_code_takes_the_published_schema_takes(
    place: tuple[str | int, ...], value: object
) -> None:
    body: Any = _body()
    inner = body
    for each in place[:-1]:
        inner = inner[each]
    inner[place[-1]] = value
    try:
        parse_manifest(json.dumps(body))
    except ManifestInvalid:
        return
    # The schema has its own word for what `inconsistencies` finds.
    twice = len(set(body["inputs"])) != len(body["inputs"])
    assert VALIDATOR.is_valid(body) is not twice


@pytest.mark.parametrize("name", ["model", "schema_version", "strategy", "version"])
def test_code_and_published_schema_ask_for_the_same(name: str) -> None:
    body = _body()
    del body[name]
    with pytest.raises(ManifestInvalid):
        parse_manifest(json.dumps(body))
    assert not VALIDATOR.is_valid(body)


def test_the_published_schema_is_the_one_the_code_uses() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert manifest_schema() == SCHEMA


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"metrics": {"sharpe": math.nan}}, None),
        ({"config": {"when": object()}, "training_config_hash": None}, None),
        ({"training_config_hash": "0" * 64}, "training_config_hash"),
        ({"version": "7"}, "version"),
        ({"strategy": "\ud800"}, None),
        ({"feature_graph_hash": "0" * 64}, "feature_graph_hash"),
        ({"feature_graph_hash": None}, "feature_graph_hash"),
        ({"dataset_hash": "0" * 64}, "dataset_hash"),
        ({"inputs": ("vol", "vol")}, "inputs"),
        ({"files": (FileRecord("../model.onnx", "onnx", 1, "a" * 64),)}, "files.0.name"),
        ({"determinism": DeterminismRecord(grade="perfect")}, "determinism.grade"),  # type: ignore[arg-type]
        ({"config": {"deep": _deep(200)}, "training_config_hash": None}, None),
        ({"config": {"huge": 10**400}, "training_config_hash": None}, None),
    ],
)
def test_a_manifest_that_could_not_be_read_back_cannot_be_made(
    changes: dict[str, Any], field: str | None
) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        full_manifest(**changes)
    assert caught.value.details.get("field") == field


def test_its_feature_graph_is_a_value_whose_hashes_were_recomputed() -> None:
    assert full_manifest().feature_graph == GRAPH
    assert Manifest.from_json(full_manifest().to_json()).feature_graph == GRAPH
    assert full_manifest(feature_graph=None).feature_graph is None
    body = _body()
    body["feature_graph"]["nodes"]["vol@1"]["metadata"] = {"owner": "eve"}
    with pytest.raises(FeatureGraphInvalid, match="its digest does not fit"):
        Manifest.from_json(json.dumps(body))


def test_what_a_caller_changes_later_does_not_reach_it() -> None:
    config: dict[str, Any] = {"window": 20, "folds": (1, 2)}
    metrics = {"sharpe": 1}
    manifest = Manifest("m", 1, "s", config=config, metrics=metrics)  # type: ignore[arg-type]
    digest = manifest.digest
    config["window"], metrics["sharpe"] = 21, 2
    assert manifest.config == {"window": 20, "folds": [1, 2]}
    assert manifest.metrics == {"sharpe": 1.0}
    assert Manifest.from_json(manifest.to_json()).digest == manifest.digest == digest


def test_bytes_and_digests_of_recorded_manifests_stay() -> None:
    # Written and digested before manifests held their graph as a value.
    recorded = (Path(__file__).parents[1] / "answers" / "recorded_manifest.json").read_bytes()
    manifest = Manifest.from_json(recorded)
    assert manifest.to_json().encode() == recorded
    assert manifest.digest == "a77910569d2e13f9af2561c2aeea076208f73aac796fb398e242351a40a9595b"
    assert dataclasses.replace(manifest, feature_graph=manifest.feature_graph) == manifest


def test_its_digest_is_of_its_canonical_bytes() -> None:
    manifest = full_manifest()
    assert manifest.digest == tagged_digest("manifest/v1", manifest.canonical_bytes)
    assert json.loads(manifest.canonical_bytes) == json.loads(manifest.to_json())
    assert b": " not in Manifest("m", 1, "s").canonical_bytes
