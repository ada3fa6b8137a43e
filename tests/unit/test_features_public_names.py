"""The hash of users' logic knows public names of this product, and no file of it."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tradeworthy
from tradeworthy import FeatureGraph
from tradeworthy.errors import FeatureLogicRefused
from tradeworthy.features.logic.public_names import (
    OTHER_PATHS,
    SEMANTICS,
    find_public,
    is_namespace,
)
from tradeworthy.features.source.function_logic import logic_in_file

FACES = ("", *(f".{room}" for room in dir(tradeworthy) if room not in tradeworthy.__all__))


def logic_hash(text: str, **modules: str) -> str:
    """Hash the feature ``f`` of a source text."""
    files = {f"{name}.py": source for name, source in modules.items()}
    return FeatureGraph.read_source(text, modules=files).nodes["f@1"].logic_hash


def offered() -> dict[str, object]:
    """Map every name of every public face to what it is."""
    faces = [importlib.import_module(f"tradeworthy{face}") for face in FACES]
    return {
        f"{face.__name__}.{name}": getattr(face, name) for face in faces for name in face.__all__
    }


def test_the_table_has_every_public_name_once_and_nothing_else() -> None:
    assert {OTHER_PATHS.get(name, name) for name in offered()} == set(SEMANTICS)
    assert len({name.rpartition(".")[2] for name in SEMANTICS}) == len(SEMANTICS)


def test_another_path_leads_to_what_its_public_name_is() -> None:
    for path, public in OTHER_PATHS.items():
        module, _, name = path.rpartition(".")
        assert getattr(importlib.import_module(module), name) is offered()[public]


def test_a_public_name_is_no_package_of_others() -> None:
    for name in (*SEMANTICS, *OTHER_PATHS):
        assert name == "tradeworthy.errors" or not is_namespace(name)


RULE = "@feature()\ndef f(close):\n    return close * {}(close)\n"
SHARPE = [
    ("from tradeworthy.statistics import sharpe_ratio", "sharpe_ratio"),
    ("from tradeworthy.statistics import sharpe_ratio as ratio", "ratio"),
    ("from tradeworthy import statistics", "statistics.sharpe_ratio"),
    ("from tradeworthy import statistics as st", "st.sharpe_ratio"),
    ("import tradeworthy.statistics", "tradeworthy.statistics.sharpe_ratio"),
    ("import tradeworthy.statistics as st", "st.sharpe_ratio"),
    ("import tradeworthy", "tradeworthy.statistics.sharpe_ratio"),
    ("import tradeworthy as tw", "tw.statistics.sharpe_ratio"),
    ("from rules import sharpe_ratio", "sharpe_ratio"),
    ("import rules", "rules.sharpe_ratio"),
    ("import rules", "rules.st.sharpe_ratio"),
    ("from rules import st", "st.sharpe_ratio"),
]
FEATURE = [
    ("from tradeworthy import feature", "feature"),
    ("from tradeworthy.features.feature_graph import feature", "feature"),
    ("from tradeworthy.features.feature_graph import feature as declare", "declare"),
    ("import tradeworthy", "tradeworthy.feature"),
    ("import tradeworthy as tw", "tw.feature"),
    ("import tradeworthy.features.feature_graph as fg", "fg.feature"),
    ("from tradeworthy.features import feature_graph", "feature_graph.feature"),
    ("import tradeworthy", "tradeworthy.features.feature_graph.feature"),
    ("from rules import feature", "feature"),
]
RULES = (
    "from tradeworthy import feature\n"
    "from tradeworthy.statistics import sharpe_ratio\n"
    "import tradeworthy.statistics as st\n"
)


def test_a_function_has_one_hash_whatever_path_it_is_imported_by() -> None:
    hashes = {
        logic_hash(
            f"from tradeworthy import feature\n{statement}\n{RULE.format(name)}", rules=RULES
        )
        for statement, name in SHARPE
    }
    inside = "@feature()\ndef f(close):\n    {}\n    return close * {}(close)\n"
    hashes |= {
        logic_hash(f"from tradeworthy import feature\n{inside.format(*each)}", rules=RULES)
        for each in SHARPE
    }
    assert len(hashes) == 1


def test_the_decorator_is_known_by_whatever_path_it_is_imported() -> None:
    text = "{}\n@{}(version=1)\ndef f(close):\n    return 2 * close\n"
    hashes = {logic_hash(text.format(*each), rules=RULES) for each in FEATURE}
    assert len(hashes) == 1


def test_the_canonical_form_has_the_public_name_and_its_number_and_no_path() -> None:
    graph = FeatureGraph.read_source(
        "from tradeworthy import Stage, feature\nimport tradeworthy.features.feature_graph as fg\n"
        "from tradeworthy.drift.drift_detection import ks_statistic as ks\n"
        "@feature()\ndef f(close):\n    return ks(close, close), Stage.PRODUCTION, fg.feature\n"
    )
    text = graph.nodes["f@1"].components[0].text
    for name in ("tradeworthy.drift.ks_statistic", "tradeworthy.Stage", "tradeworthy.feature"):
        assert f"(6:public2:s{len(name)}:{name}i3:0x1)" in text
    assert "feature_graph" not in text
    assert "drift_detection" not in text


def test_another_semantics_number_is_another_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"from tradeworthy import feature\n{SHARPE[0][0]}\n{RULE.format('sharpe_ratio')}"
    before = logic_hash(text)
    name = "tradeworthy.statistics.sharpe_ratio"
    monkeypatch.setattr("tradeworthy.features.logic.public_names.SEMANTICS", {**SEMANTICS, name: 2})
    assert logic_hash(text) != before
    other = RULE.format("max")
    unrelated = f"from tradeworthy import feature\n{SHARPE[0][0]}\n{other}"
    after = logic_hash(unrelated)
    monkeypatch.undo()
    assert logic_hash(unrelated) == after


@pytest.mark.parametrize(
    ("statement", "expression", "way"),
    [
        (
            "from tradeworthy.statistics.performance import sharpe_ratio",
            "sharpe_ratio(close)",
            "`from tradeworthy.statistics import sharpe_ratio`",
        ),
        (
            "from tradeworthy.statistics import performance as p",
            "p.sharpe_ratio(close)",
            "`from tradeworthy.statistics import sharpe_ratio`",
        ),
        (
            "import tradeworthy.lifecycle.stages as s",
            "s.Stage.PRODUCTION",
            "`from tradeworthy import Stage`",
        ),
        (
            "import tradeworthy",
            "tradeworthy.training.strategy.Strategy",
            "`from tradeworthy import Strategy`",
        ),
        (
            "from tradeworthy.errors import leaves",
            "leaves()",
            "there is no public name for it",
        ),
        (
            "from tradeworthy.statistics.performance import equity_curve",
            "equity_curve(close)",
            "there is no public name for it",
        ),
        ("from tradeworthy.statistics import performance", "max(performance)", "no public name"),
        ("from tradeworthy import FeatureGraph", "FeatureGraph._key", "no public name"),
        ("from inner import ratio", "ratio(close)", "`from tradeworthy.statistics import"),
    ],
)
def test_what_is_not_public_is_refused_with_what_to_write(
    statement: str, expression: str, way: str
) -> None:
    inner = "from tradeworthy.statistics.performance import sharpe_ratio as ratio\n"
    text = (
        "from tradeworthy import feature\n"
        f"{statement}\n@feature(impure=True, salt='1')\ndef f(close):\n    return {expression}\n"
    )
    with pytest.raises(FeatureLogicRefused, match=r"line \d+") as refused:
        logic_hash(text, inner=inner)
    assert way in refused.value.message
    assert refused.value.code == "feature_logic_refused"
    assert refused.value.details["reason"] == "not_public"


@pytest.mark.parametrize(
    "path", ["tradeworthy.features.feature_definition", "tradeworthy.features.logic"]
)
def test_a_decorator_that_is_not_public_is_refused(path: str, tmp_path: Path) -> None:
    file = tmp_path / "momentum.py"
    file.write_text(f"from {path} import feature\n@feature()\ndef f(close):\n    return close\n")
    with pytest.raises(FeatureLogicRefused, match="`from tradeworthy import feature`"):
        FeatureGraph.read_file(file)
    if path.endswith("definition"):
        with pytest.raises(FeatureLogicRefused, match="`from tradeworthy import feature`"):
            FeatureGraph.from_module(file)


@pytest.mark.parametrize(
    ("statement", "expression", "reason"),
    [
        ("from tradeworthy.statistics import *", "sharpe_ratio(close)", "star_import"),
        ("import tradeworthy.statistics as st", "max(st)", "module_value"),
        ("import tradeworthy", "getattr(tradeworthy, 'Stage')", "module_value"),
        ("import tradeworthy as tw", "tw.errors", "module_value"),
        ("from tradeworthy import Stage", "getattr(Stage, close)", "dynamic_code"),
        ("from tradeworthy import Stage", "Stage.__members__", "dynamic_code"),
        ("from tradeworthy import read_bars", "read_bars('x.csv')", "io"),
        ("from tradeworthy import FeatureGraph", "FeatureGraph.from_module('x')", "io"),
        ("import tradeworthy", "tradeworthy.__version__", "environment"),
        (
            "try:\n    import tradeworthy as tw\nexcept ImportError:\n    tw = None",
            "tw",
            "module_value",
        ),
    ],
)
def test_what_cannot_be_seen_through_keeps_its_reason(
    statement: str, expression: str, reason: str
) -> None:
    text = (
        "from tradeworthy import feature\n"
        f"{statement}\n@feature()\ndef f(close):\n    return {expression}\n"
    )
    with pytest.raises(FeatureLogicRefused) as refused:
        logic_hash(text)
    assert refused.value.details["reason"] == reason


@pytest.mark.parametrize(
    ("patch", "expression"),
    [
        ("import tradeworthy as tw\ntw.statistics.sharpe_ratio = max", "sharpe_ratio(close)"),
        ("from tradeworthy import statistics as s\ns.sharpe_ratio = max", "sharpe_ratio(close)"),
        ("from tradeworthy import Stage\nStage.PRODUCTION = 1", "Stage.STAGING"),
        ("import numpy\nsetattr(numpy, 'sign', numpy.abs)", "np.sign(close)"),
    ],
)
def test_a_public_or_library_name_that_another_module_assigns_is_refused(
    patch: str, expression: str
) -> None:
    text = (
        "import numpy as np\nfrom tradeworthy import Stage, feature\n"
        f"from tradeworthy.statistics import sharpe_ratio\n{{}}"
        f"@feature()\ndef f(close):\n    return {expression}\n"
    )
    assert logic_hash(text.format(""))
    with pytest.raises(FeatureLogicRefused, match=r"patch\.py, line 2: .* is changed here"):
        logic_hash(text.format("import patch\n"), patch=patch)


def test_what_a_class_calls_like_an_import_is_checked_as_the_import() -> None:
    text = (
        "{}\nfrom tradeworthy import feature\nclass Held:\n    {} = {}\n"
        "@feature()\ndef f(close):\n    return Held\n"
    )
    for statement, name in (
        ("from tradeworthy import read_bars", "read_bars"),
        ("from os import getcwd", "getcwd"),
        ("from tradeworthy.statistics.performance import skewness", "skewness"),
    ):
        with pytest.raises(FeatureLogicRefused):
            logic_hash(text.format(statement, name, name))


def test_members_of_public_classes_and_errors_are_kept_apart() -> None:
    text = (
        "from tradeworthy import Stage, errors, feature\n@feature()\ndef f(close):\n    return {}\n"
    )
    found = [
        "Stage.PRODUCTION",
        "Stage.STAGING",
        "Stage",
        "errors.InvalidInput",
        "errors.DatasetInvalid",
        "getattr(Stage, 'STAGING')",
    ]
    assert len({logic_hash(text.format(each)) for each in found}) == len(found)


def test_annotations_that_no_code_reads_name_what_they_like() -> None:
    plain = "from tradeworthy import feature\n@feature()\ndef f(close):\n    return close\n"
    typed = (
        "from tradeworthy import feature\nfrom tradeworthy.training.strategy_file import "
        "LoadedStrategy\n@feature()\ndef f(close: LoadedStrategy) -> LoadedStrategy:\n"
        "    kept: LoadedStrategy\n    return close\n"
    )
    assert logic_hash(plain) == logic_hash(typed)
    read = typed.replace("@feature()\n", "@feature()\n@unknown\n") + "def unknown(g): return g\n"
    with pytest.raises(FeatureLogicRefused, match="no public name for it"):
        logic_hash(read)


def test_a_name_of_ones_own_is_not_mistaken_for_a_public_one(tmp_path: Path) -> None:
    file = tmp_path / "rules.py"
    file.write_text(
        "def feature(x):\n    return x\ndef f(sharpe_ratio):\n    return sharpe_ratio\n"
    )
    assert logic_in_file(file, "f").externals == ()
    assert find_public(["polars", "feature"]) is None


FEATURES = """\
import tradeworthy as tw
from tradeworthy import feature
from tradeworthy.statistics import max_drawdown, sharpe_ratio

@feature(version=1)
def worst(close):
    return close.rolling_map(max_drawdown, 20)

@feature(version=1, label=True)
def next_ratio(worst):
    return worst.shift(-1) / tw.statistics.hit_rate([0.1]) + sharpe_ratio([0.1, 0.2])
"""
STRATEGY = """\
import tradeworthy
from tradeworthy import Stage, Strategy
from tradeworthy.errors import InvalidInput

def train(table, config):
    if config["stage"] is not Stage.PRODUCTION:
        raise InvalidInput("not yet")
    return strategy

def signal(predictions, rows, config):
    return predictions * tradeworthy.statistics.hit_rate(predictions)

strategy = Strategy(name="s", inputs=("worst",), label="next_ratio", label_horizon=1,
                    train=train, signal=signal, features="features.py")
"""
PROGRAM = """
import json, sys
from pathlib import Path
import tradeworthy
from tradeworthy.training import load_strategy
loaded = load_strategy(Path(sys.argv[1]) / "rule.py")
static = tradeworthy.FeatureGraph.read_file(Path(sys.argv[1]) / "features.py")
print(json.dumps([
    tradeworthy.__file__, static.hash, loaded.graph.hash,
    loaded.entry_point_hash, loaded.signal_rule_hash,
]))
"""
MOVES = {
    "tradeworthy.training.strategy": "recipe",
    "tradeworthy.statistics.performance": "figures",
    "tradeworthy.features.feature_definition": "declared",
    "tradeworthy.lifecycle.stages": "ladder",
}


def hashes(folder: Path, package: Path) -> list[str]:
    shown = subprocess.check_output(
        [sys.executable, "-c", PROGRAM, str(folder)],
        env={"PYTHONPATH": str(package), "PATH": ""},
        text=True,
    )
    file, *found = json.loads(shown)
    assert Path(file).is_relative_to(package)
    return found


@pytest.mark.slow
def test_moving_a_file_of_the_product_changes_no_hash(tmp_path: Path) -> None:
    source = Path(tradeworthy.__file__).parents[1]
    (tmp_path / "features.py").write_text(FEATURES)
    (tmp_path / "rule.py").write_text(STRATEGY)
    moved = tmp_path / "moved"
    shutil.copytree(source / "tradeworthy", moved / "tradeworthy")
    for path, name in MOVES.items():
        home, _, old = path.rpartition(".")
        file = moved / f"{path.replace('.', '/')}.py"
        file.rename(file.with_name(f"{name}.py"))
        for each in moved.rglob("*.py"):
            text = re.sub(rf"\b{re.escape(path)}\b", f"{home}.{name}", each.read_text("utf-8"))
            text = re.sub(
                rf"from {re.escape(home)} import {old}\b",
                f"from {home} import {name} as {old}",
                text,
            )
            each.write_text(text, "utf-8")
    assert hashes(tmp_path, moved) == hashes(tmp_path, source)


PATCHES = [
    "import tradeworthy.statistics.performance as p\np.sharpe_ratio = len",
    "import tradeworthy.statistics.performance\n"
    "setattr(tradeworthy.statistics.performance, 'sharpe_ratio', len)",
    "from tradeworthy.statistics import performance as p\np._mean = len",
]


@pytest.mark.parametrize("patch", PATCHES)
def test_what_changes_this_product_under_a_path_of_its_own_is_refused(patch: str) -> None:
    rule = "from tradeworthy import feature\nfrom tradeworthy.statistics import sharpe_ratio\n"
    rule += RULE.format("sharpe_ratio")
    with pytest.raises(FeatureLogicRefused):
        logic_hash(f"{patch}\n{rule}")
    with pytest.raises(FeatureLogicRefused):
        logic_hash(f"import side\n{rule}", side=patch)
