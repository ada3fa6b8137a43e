"""LightGBM texts: what the C library would crash or hang on never reaches it."""

import random
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tradeworthy.artifacts.lightgbm_text import check_model_text
from tradeworthy.artifacts.predictor import load_predictor
from tradeworthy.base.digests import sha256_hex
from tradeworthy.errors import ArtifactInvalid

HEADER = {
    "num_class": "1",
    "num_tree_per_iteration": "1",
    "label_index": "0",
    "max_feature_idx": "2",
    "objective": "regression",
    "feature_names": "a b c",
    "feature_infos": "[0:1] [0:1] 0:1:2",
}
NUMERICAL = {
    "num_leaves": "4",
    "num_cat": "0",
    "split_feature": "0 1 0",
    "split_gain": "3 2 1",
    "threshold": "0.5 1e-3 -2.25",
    "decision_type": "2 2 2",
    "left_child": "1 -1 -2",
    "right_child": "2 -3 -4",
    "leaf_value": "0.5 -1.25 2 4",
    "leaf_weight": "1 1 1 1",
    "leaf_count": "10 20 30 40",
    "internal_value": "0 nan 0",
    "internal_weight": "1 1 1",
    "internal_count": "100 40 60",
    "is_linear": "0",
    "shrinkage": "1",
}
CATEGORICAL = NUMERICAL | {
    "num_cat": "1",
    "split_feature": "2 1 0",
    "threshold": "0 1e-3 -2.25",
    "decision_type": "1 2 2",
    "cat_boundaries": "0 1",
    "cat_threshold": "6",
}
LINEAR = NUMERICAL | {
    "is_linear": "1",
    "leaf_const": "0.5 -1 2 4",
    "num_features": "0 2 0 1",
    "leaf_features": " 0 1  2 ",
    "leaf_coeff": " 0.25 1  -0.5 ",
}
STUMP = {"num_leaves": "1", "num_cat": "0", "leaf_value": "0.125", "is_linear": "0"}
FOREST = (NUMERICAL, CATEGORICAL, LINEAR, STUMP)


def model_text(trees: Sequence[dict[str, str]] = FOREST, header: dict[str, str] = HEADER) -> bytes:
    """Write a model as LightGBM does: every tree with its size."""
    bodies = []
    for number, tree in enumerate(trees):
        lines = "".join(f"{key}={value}\n" for key, value in tree.items())
        bodies.append(f"Tree={number}\n{lines}\n\n")
    sizes = " ".join(str(len(body)) for body in bodies)
    lines = "".join(f"{key}={value}\n" for key, value in (header | {"tree_sizes": sizes}).items())
    head = f"tree\nversion=v4\n{lines}\n"
    return f"{head}{''.join(bodies)}end of trees\n\nparameters:\nend of parameters\n".encode()


def test_sound_models_pass() -> None:
    check_model_text(model_text())
    for tree in FOREST:
        check_model_text(model_text([tree]))


def test_sound_models_answer_what_their_text_says() -> None:
    data = model_text()
    digest = sha256_hex(data)
    predictor = load_predictor(data, format="lightgbm", expected_sha256=digest, n_inputs=3)
    rows = np.array([[0.0, 0.0, 1.0], [1.0, 0.5, 0.0]])
    # leaves 0, 0, 0 and the stump; leaves 1, 1 (category 0 goes right), 1 (linear) and the stump.
    first = 0.5 + 0.5 + 0.5 + 0.125
    second = 4.0 + 4.0 + (4 - 0.5 * 0) + 0.125
    assert predictor.predict(rows).tolist() == [first, second]


SPOILT = {
    "own child": (NUMERICAL, {"left_child": "0 -1 -2"}),
    "each other's children": (NUMERICAL, {"left_child": "1 0 -2"}),
    "two parents": (NUMERICAL, {"right_child": "1 -3 -4"}),
    "child beyond the nodes": (NUMERICAL, {"left_child": "1 -1 99999999"}),
    "leaf beyond the leaves": (NUMERICAL, {"left_child": "1 -1 -99999999"}),
    "few children": (NUMERICAL, {"left_child": "1 -1"}),
    "feature beyond the row": (NUMERICAL, {"split_feature": "0 1 3"}),
    "negative feature": (NUMERICAL, {"split_feature": "0 1 -1"}),
    "huge feature": (NUMERICAL, {"split_feature": "0 1 99999999999999999999"}),
    "threshold not finite": (NUMERICAL, {"threshold": "0.5 inf 1"}),
    "leaf not finite": (NUMERICAL, {"leaf_value": "0.5 nan 2 4"}),
    "leaf overflows": (NUMERICAL, {"leaf_value": "0.5 1e999 2 4"}),
    "leaf of no number": (NUMERICAL, {"leaf_value": "0.5 0x10 2 4"}),
    "leaf of half a number": (NUMERICAL, {"leaf_value": "0.5 1e 2 4"}),
    "few leaves": (NUMERICAL, {"leaf_value": "0.5 1 2"}),
    "no leaf": (NUMERICAL, {"num_leaves": "0"}),
    "negative leaves": (NUMERICAL, {"num_leaves": "-4"}),
    "more leaves than listed": (NUMERICAL, {"num_leaves": "2000000000"}),
    "few statistics": (NUMERICAL, {"split_gain": "3"}),
    "statistics of words": (NUMERICAL, {"leaf_count": "a b c d"}),
    "shrinkage of words": (NUMERICAL, {"shrinkage": "fine"}),
    "unknown line": (NUMERICAL, {"surprise": "1"}),
    "no thresholds": (NUMERICAL, {"threshold": None}),
    "negative decision": (NUMERICAL, {"decision_type": "-1 2 2"}),
    "category without any": (NUMERICAL, {"decision_type": "1 2 2"}),
    "category beyond the list": (CATEGORICAL, {"threshold": "1 0 0"}),
    "category before the list": (CATEGORICAL, {"threshold": "-1 0 0"}),
    "boundary beyond the list": (CATEGORICAL, {"cat_boundaries": "0 1000000000"}),
    "boundary before the list": (CATEGORICAL, {"cat_boundaries": "-1000 1"}),
    "boundaries descend": (CATEGORICAL, {"num_cat": "2", "cat_boundaries": "0 5 1"}),
    "no categories": (CATEGORICAL, {"cat_threshold": None}),
    "category too large": (CATEGORICAL, {"cat_threshold": "4294967296"}),
    "linear feature beyond the row": (LINEAR, {"leaf_features": "0 1 3"}),
    "linear lists too short": (LINEAR, {"num_features": "0 3 3 3"}),
    "negative linear lists": (LINEAR, {"num_features": "0 2 2 -1"}),
    "linear coefficient underflows": (LINEAR, {"leaf_coeff": "0.25 1 1e-320"}),
    "linear constant underflows to 0": (LINEAR, {"leaf_const": "1e-400 0 0 0"}),
    "no linear constants": (LINEAR, {"leaf_const": None}),
}


def spoilt(name: str) -> bytes:
    tree, changes = SPOILT[name]
    changed = {key: value for key, value in (tree | changes).items() if value is not None}
    return model_text([NUMERICAL, changed])


@pytest.mark.parametrize("name", SPOILT)
def test_trees_that_would_read_foreign_memory_or_never_end_are_refused(name: str) -> None:
    with pytest.raises(ArtifactInvalid, match="tree 1 of the LightGBM model") as caught:
        check_model_text(spoilt(name))
    assert caught.value.details == {"tree": 1}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"tree_sizes=", b"tree_sizes=5 "),
        (b"tree_sizes=", b"tree_sizes=-5 "),
        (b"tree_sizes=", b"tree_sizes=99999999 "),
        (b"tree_sizes", b"tree_size"),
        (b"leaf_value=0.5", b"leaf_value=0.50"),
        (b"Tree=1", b"Tree=2"),
        (b"end of trees", b"end"),
        (b"num_class=1", b"num_class=one"),
        (b"num_class=1", b"num_class=1\nnum_class=1"),
        (b"iteration=1", b"iteration=0"),
        (b"iteration=1", b"iteration=5"),
        (b"num_class=1", b"num_class=3"),
        # One number a row is allotted, and this objective would write three.
        (b"=regression", b"=multiclass num_class:3"),
        (b"max_feature_idx=2", b"max_feature_idx="),
        (b"version=v4", b"version=v9"),
        (b"\n", b"\r\n"),
        (b"regression", b"regression\x00"),
        (b"leaf_count", b"leaf_value=1\nleaf_count"),
    ],
)
def test_texts_that_were_changed_after_they_were_written_are_refused(
    old: bytes, new: bytes
) -> None:
    data = model_text()
    assert old in data
    with pytest.raises(ArtifactInvalid):
        check_model_text(data.replace(old, new))


def test_every_cut_is_refused() -> None:
    data = model_text()
    end = data.index(b"end of trees")
    for cut in range(0, end, 7):
        with pytest.raises(ArtifactInvalid):
            check_model_text(data[:cut])


LOAD = """
import pathlib, sys
import numpy as np
from tradeworthy.base.digests import sha256_hex
from tradeworthy.errors import ArtifactInvalid
from tradeworthy.artifacts.predictor import load_predictor

for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    print(path.name, flush=True)
    data = path.read_bytes()
    try:
        made = load_predictor(
            data, format="lightgbm", expected_sha256=sha256_hex(data), n_inputs=3
        )
        for value in (-1e30, 0.0, 1.0, 5.0, 1e9):
            made.predict(np.full((1, 3), value))
            made.predict(np.full((2, 3), value))
    except ArtifactInvalid:
        continue
print("lives")
"""
TOKENS = ["0", "1", "-1", "3", "-4", "7", "1e300", "nan", "2147483647", "1e-320", "", "x", "1 1"]


@pytest.mark.slow
def test_whatever_passes_does_not_end_the_process(tmp_path: Path) -> None:
    """Numbers changed at random: in a process of its own, for this one must outlive a defect."""
    draw = random.Random(11)
    passed = 0
    for number in range(400):
        trees = [dict(tree) for tree in FOREST]
        for _ in range(draw.choice([1, 1, 2])):
            tree = draw.choice(trees)
            key = draw.choice([key for key in tree if re.search(r"\d", tree[key])])
            words = tree[key].split(" ")
            words[draw.randrange(len(words))] = draw.choice(TOKENS)
            tree[key] = " ".join(words)
        data = model_text(trees)
        try:
            check_model_text(data)
        except ArtifactInvalid:
            continue
        passed += 1
        (tmp_path / f"{number}.txt").write_bytes(data)
    assert passed > 20
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("lives\n"), done.stderr
