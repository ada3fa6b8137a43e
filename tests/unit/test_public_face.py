"""The names that users import: one list, seen alike by Python, by type checkers and by Tab."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

import tradeworthy

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
FILES = sorted(
    file
    for file in (SOURCE / "tradeworthy").rglob("__init__.py")
    if "lazy_names" in file.read_text("utf-8")
)
PACKAGES = [".".join(file.parent.relative_to(SOURCE).parts) for file in FILES]
NAMES = {
    "feature", "FeatureGraph", "Strategy", "record_run", "read_bars", "run_backtest",
    "dataset_hash", "training_config_hash", "get_policy_for_model", "ModelRegistry", "Stage",
    "TRANSITIONS", "Client", "errors", "__version__",
}  # fmt: skip


@dataclass(frozen=True)
class Face:
    """What one package says about its public names, three times over."""

    listed: set[str]
    homes: dict[str, str]
    rooms: set[str]
    type_checked: dict[str, str]


def face_of(package: str) -> Face:
    tree = ast.parse(FILES[PACKAGES.index(package)].read_text("utf-8"))
    listed: set[str] = set()
    homes: dict[str, str] = {}
    rooms: set[str] = set()
    type_checked: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                listed = set(ast.literal_eval(value))
            case ast.Call(func=ast.Name(id="lazy_names"), args=[_, value], keywords=keywords):
                homes = ast.literal_eval(value)
                rooms = {name for each in keywords for name in ast.literal_eval(each.value)}
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body):
                for each in body:
                    assert isinstance(each, ast.ImportFrom)
                    for alias in each.names:
                        inside = each.module == package
                        home = f"{each.module}.{alias.name}" if inside else str(each.module)
                        type_checked[alias.name] = home
    return Face(listed, homes, rooms, type_checked)


def test_the_package_offers_exactly_these_names() -> None:
    assert set(tradeworthy.__all__) == NAMES


@pytest.mark.parametrize("package", PACKAGES)
def test_the_list_the_lazy_names_and_the_typed_imports_are_the_same(package: str) -> None:
    face = face_of(package)
    assert face.listed == set(face.homes)
    assert face.type_checked == face.homes | {room: f"{package}.{room}" for room in face.rooms}
    assert dir(importlib.import_module(package)) == sorted(face.listed | face.rooms)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_is_where_it_is_said_to_be(package: str) -> None:
    module = importlib.import_module(package)
    for name, home in face_of(package).homes.items():
        value = getattr(module, name)
        if inspect.isfunction(value) or inspect.isclass(value):
            assert value.__module__ in (home, "tradeworthy.features.feature_definition")
            assert value.__name__ == name
        assert inspect.ismodule(value) == (home == f"{package}.{name}")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_name_is_that_of_a_module_beside_it(package: str) -> None:
    """Importing the module would put it in the name's place."""
    modules = {
        each.name for each in pkgutil.iter_modules(importlib.import_module(package).__path__)
    }
    # A public name of another room either: whoever looks for it here would get the module.
    names = {name for each in PACKAGES for name in face_of(each).homes}
    assert names & modules <= {"errors"}


def test_the_names_of_the_mission_are_where_it_says() -> None:
    from tradeworthy.drift import drift_detection
    from tradeworthy.features import feature_graph
    from tradeworthy.model_registry import TRANSITIONS, ModelRegistry, Stage
    from tradeworthy.promotion import promotion_policy

    assert feature_graph.feature is tradeworthy.feature
    assert feature_graph.FeatureGraph is tradeworthy.FeatureGraph
    assert ModelRegistry is tradeworthy.ModelRegistry
    assert (TRANSITIONS, Stage) == (tradeworthy.TRANSITIONS, tradeworthy.Stage)
    assert promotion_policy.get_policy_for_model is tradeworthy.get_policy_for_model
    assert drift_detection.ks_statistic is tradeworthy.drift.ks_statistic
    assert drift_detection.classify_severity is tradeworthy.drift.classify_severity


@pytest.mark.slow
def test_importing_the_package_loads_nothing_else_of_it() -> None:
    program = "import sys, tradeworthy; print(*(n for n in sys.modules if 'tradeworthy' in n))"
    loaded = subprocess.check_output([sys.executable, "-c", program], text=True).split()
    assert set(loaded) <= {"tradeworthy", "tradeworthy.base", "tradeworthy.base.lazy_names"} | {
        name for name in loaded if name.startswith("__editable__")
    }


@pytest.mark.slow
def test_tab_completes_names_that_are_not_loaded_yet() -> None:
    program = (
        "import rlcompleter, tradeworthy as tw; tab = rlcompleter.Completer({'tw': tw}).complete\n"
        "print(*(tab(text, n) for text in ('tw.fea', 'tw.statistics.sh') for n in range(3)))"
    )
    shown = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert "tw.feature(" in shown
    assert "tw.features" in shown
    assert "tw.statistics.sharpe_ratio(" in shown


def test_a_name_that_nobody_offers_is_an_attribute_error() -> None:
    assert not hasattr(tradeworthy, "features_graph")
    with pytest.raises(ImportError, match="cannot import name 'Featuregraph'"):
        exec("from tradeworthy import Featuregraph")  # noqa: S102 - what a user may type


@pytest.mark.parametrize("package", PACKAGES)
def test_an_unknown_name_suggests_the_near_one(package: str) -> None:
    name = max(face_of(package).listed, key=len)
    typed = name[:-2] + name[-1]
    advice = f"; did you mean {name!r}\\?$"
    with pytest.raises(ImportError, match=f"cannot import name {typed!r} from {package!r}{advice}"):
        exec(f"from {package} import {typed}")  # noqa: S102 - what a user may type
    with pytest.raises(AttributeError, match=f"has no attribute {typed!r}{advice}"):
        getattr(importlib.import_module(package), typed)
    assert not hasattr(importlib.import_module(package), typed)


def test_dataset_hash_is_a_function_wherever_it_is_looked_for() -> None:
    from tradeworthy.manifest import dataset_hash, training_config_hash

    assert dataset_hash is tradeworthy.dataset_hash
    assert training_config_hash is tradeworthy.training_config_hash


def test_the_version_is_the_distributions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert tradeworthy.__version__ == project["version"]


USER = """\
import tradeworthy as tw
from tradeworthy import FeatureGraph, Stage, Strategy, feature, record_run
from tradeworthy.statistics import deflated_sharpe_ratio

@feature(version=1)
def double(close: int) -> int:
    return 2 * close

reveal_type(double(2))
reveal_type(tw.statistics.sharpe_ratio([0.01, 0.02]))
reveal_type(tw.errors.InvalidInput)
reveal_type(Stage.PRODUCTION)
reveal_type(FeatureGraph.from_module("features.py"))
reveal_type(tw.__version__)
with record_run(model="m") as run:
    reveal_type(run.version)
tw.nothing_of_the_kind
"""


@pytest.mark.slow
def test_a_strict_type_checker_sees_the_types(tmp_path: Path) -> None:
    file = tmp_path / "notebook.py"
    file.write_text(USER)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(file)],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line.partition(": ")[2] for line in done.stdout.splitlines()]
    assert said == [
        'note: Revealed type is "int"',
        'note: Revealed type is "float"',
        'note: Revealed type is "def (message: str, **details: object) -> '
        'tradeworthy.errors.InvalidInput"',
        'note: Revealed type is "Literal[tradeworthy.lifecycle.stages.Stage.PRODUCTION]?"',
        'note: Revealed type is "tradeworthy.features.feature_graph.FeatureGraph"',
        'note: Revealed type is "str"',
        'note: Revealed type is "int | None"',
        'error: Module has no attribute "nothing_of_the_kind"  [attr-defined]',
    ], done.stderr
