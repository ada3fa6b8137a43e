"""Loading feature files: freshness, isolation, and what runs against what the source says."""

from __future__ import annotations

import functools
import shutil
import sys
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from tradeworthy.errors import FeatureGraphInvalid, FeatureLogicRefused, StrategyInvalid
from tradeworthy.features.compute.feature_table import compute_features
from tradeworthy.features.feature_graph import FeatureGraph, feature
from tradeworthy.features.graph_summary import graph_summary
from tradeworthy.features.source.distributions import distributions_of
from tradeworthy.features.source.function_logic import logic_in_file, logic_of
from tradeworthy.features.source.isolated_import import import_file
from tradeworthy.features.source.source_folder import locate_source

HEAD = "from tradeworthy import feature\n"
FILE = (
    HEAD
    + "import parts\nWINDOW = 20\n"
    + "@feature()\ndef wide(close):\n    return parts.half(close) + WINDOW\n"
)
PARTS = "K = 2\ndef half(x, by=2):\n    return x / by / K\n"


def write(folder: Path, text: str = FILE, parts: str = PARTS) -> Path:
    (folder / "parts.py").write_text(parts)
    path = folder / "momentum.py"
    path.write_text(text)
    return path


def test_loading_leaves_no_trace(tmp_path: Path) -> None:
    path = write(tmp_path)
    modules, places, finders = dict(sys.modules), list(sys.path), list(sys.meta_path)
    FeatureGraph.from_module(path)
    assert {name for name in sys.modules if name not in modules} & {"momentum", "parts"} == set()
    assert (list(sys.path), list(sys.meta_path)) == (places, finders)
    assert not list(tmp_path.rglob("*.pyc"))


def test_a_module_of_the_same_name_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ModuleType("parts")
    monkeypatch.setitem(sys.modules, "parts", other)
    FeatureGraph.from_module(write(tmp_path))
    assert sys.modules["parts"] is other


def test_an_edit_within_the_same_second_is_seen(tmp_path: Path) -> None:
    seen = set()
    for number in range(10, 16):
        path = write(tmp_path, parts=PARTS.replace("K = 2", f"K = {number}"))
        graph = FeatureGraph.from_module(path)
        assert graph.hash == FeatureGraph.read_file(path).hash
        assert graph.definitions["wide@1"].function(1.0) == 20 + 0.5 / number  # type: ignore[misc]
        seen.add(graph.hash)
    assert len(seen) == 6


def test_two_projects_may_name_their_helpers_alike(tmp_path: Path) -> None:
    graphs = []
    for name, constant in (("a", "K = 2"), ("b", "K = 4")):
        (tmp_path / name).mkdir()
        graphs.append(
            FeatureGraph.from_module(write(tmp_path / name, parts=PARTS.replace("K = 2", constant)))
        )
    values = [graph.definitions["wide@1"].function(1.0) for graph in graphs]  # type: ignore[misc]
    assert values == [20.25, 20.125]
    assert graphs[0].hash != graphs[1].hash


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def broken(:\n", "line 1: not valid Python"),
        ("import no_such_library_at_all\n", "ModuleNotFoundError"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("raise SystemExit(3)\n", "SystemExit"),
        ("x = 1\n", "no features"),
        ("\nx = '\0'\n", "line 2: there is a NUL character"),
    ],
)
def test_files_that_cannot_be_used_say_why(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(StrategyInvalid, match=message):
        FeatureGraph.from_module(write(tmp_path, text))


def test_paths_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    for path in (tmp_path / "none.py", tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(StrategyInvalid):
            FeatureGraph.from_module(path)


def test_a_file_named_like_a_library_is_itself(tmp_path: Path) -> None:
    path = tmp_path / "statistics.py"
    path.write_text(
        HEAD + "import statistics\n@feature()\ndef a(close):\n    return statistics.fmean([1])\n"
    )
    assert FeatureGraph.from_module(path).hash == FeatureGraph.read_file(path).hash


def test_a_library_that_nobody_installed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    inside = tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "stray_library_x.py").write_text("def go(x):\n    return x\n")
    monkeypatch.syspath_prepend(str(outside))
    path = inside / "momentum.py"
    path.write_text(
        HEAD + "import stray_library_x as s\n@feature()\ndef a(close):\n    return s.go(close)\n"
    )
    with pytest.raises(FeatureLogicRefused, match="stray_library_x"):
        FeatureGraph.from_module(path)


def test_a_library_that_may_be_missing_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "momentum.py"
    path.write_text(
        HEAD
        + "try:\n    from stray_library_y import fast\nexcept ImportError:\n"
        + "    def fast(x):\n        return x\n"
        + "@feature()\ndef a(close):\n    return fast(close)\n"
    )
    graph = FeatureGraph.from_module(path)
    assert graph.hash == FeatureGraph.read_file(path).hash
    assert set(graph.distributions) == {"polars"}


@pytest.mark.parametrize(
    "text",
    [
        "BIG = 10**5000\n@feature()\ndef a(close):\n    return close.shift(BIG)\n",
        "@feature()\ndef a(close):\n    return close" + ".abs()" * 100 + "\n",
        "TEXT = 'x\u2028y'\n\x0c@feature()\ndef a(close):\n    return close\n",
    ],
)
def test_odd_sources_are_read_as_they_run(text: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.py"
    path.write_text(HEAD + text, encoding="utf-8")
    graph = FeatureGraph.from_module(path)
    assert graph.hash == FeatureGraph.read_file(path).hash
    assert graph.nodes["a@1"].source.lstrip("\x0c").startswith("@feature()\ndef a")


@pytest.mark.parametrize("links", [250, 3000])
def test_a_chain_too_long_to_hash_says_so(links: int, tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    path.write_text(HEAD + "@feature()\ndef a(close):\n    return close" + ".abs()" * links + "\n")
    for read in (FeatureGraph.read_file, FeatureGraph.from_module):
        try:
            assert read(path).inputs == ("a@1",)
        except (FeatureLogicRefused, StrategyInvalid) as refusal:
            assert "long.py" in str(refusal) or "split it" in str(refusal)


@pytest.mark.parametrize(
    "patch",
    [
        "WINDOW = 20\nglobals()['WINDOW'] = 21\n",
        "WINDOW = 20\nimport sys\nsys.modules[__name__].WINDOW = 21\n",
        "WINDOW = 20\nexec('WINDOW = True + 20')\n",
        "WINDOW = 20\nexec('parts.half = lambda x: x')\n",
        "WINDOW = 20\nexec('parts.half.__defaults__ = (3,)')\n",
        "WINDOW = 20\nexec('parts.K = 3')\n",
    ],
)
def test_what_runs_must_be_what_the_source_says(patch: str, tmp_path: Path) -> None:
    with pytest.raises(FeatureLogicRefused, match=r"load the file again|from outside"):
        FeatureGraph.from_module(write(tmp_path, FILE.replace("WINDOW = 20\n", patch)))


def test_an_edited_file_is_not_what_runs(tmp_path: Path) -> None:
    path = write(tmp_path)
    function = FeatureGraph.from_module(path).definitions["wide@1"].function
    assert function is not None
    path.write_text(FILE.replace("WINDOW\n", "WINDOW * 2\n"))
    with pytest.raises(FeatureLogicRefused):
        FeatureGraph.from_definitions([function])
    path.write_text("# a note\n" + FILE)
    assert FeatureGraph.from_definitions([function]).inputs == ("wide@1",)


def test_every_live_form_is_found(tmp_path: Path) -> None:
    text = (
        HEAD
        + """
import functools

def logged(function):
    @functools.wraps(function)
    def inner(*args, **kw):
        return function(*args, **kw)
    return inner

def hidden(function):
    def inner(close):
        return function(close)
    return inner

@feature()
@logged
def c(close):
    return close

@feature()
@functools.lru_cache
def d(close):
    return close
"""
    )
    path = tmp_path / "forms.py"
    path.write_text(text)
    graph = FeatureGraph.from_module(path)
    assert graph.inputs == ("c@1", "d@1")
    assert FeatureGraph.read_file(path).nodes == graph.nodes


FAMILIES = {
    "each": (
        "@feature(name='mom_{n}', each={'n': (5, 10)})\n"
        "def mom(close, n):\n    return close / close.shift(n) - 1\n"
    ),
    "a constant": (
        "DAYS = (5, 10)\n@feature(name='mom_{n}', each={'n': DAYS})\n"
        "def mom(close, n):\n    return close / close.shift(n) - 1\n"
    ),
    "an imported constant": (
        "from windows import DAYS\n@feature(name='mom_{n}', each={'n': DAYS})\n"
        "def mom(close, n):\n    return close / close.shift(n) - 1\n"
    ),
}


@pytest.mark.parametrize("form", FAMILIES)
def test_a_family_is_read_as_it_runs(form: str, tmp_path: Path) -> None:
    (tmp_path / "windows.py").write_text("DAYS = (5, 10)\n")
    path = tmp_path / "family.py"
    path.write_text(HEAD + FAMILIES[form])
    graph = FeatureGraph.from_module(path)
    assert graph.inputs == ("mom_10@1", "mom_5@1")
    assert FeatureGraph.read_file(path).nodes == graph.nodes
    assert len({node.logic_hash for node in graph.nodes.values()} - {""}) == 3
    path.write_text(HEAD + FAMILIES["each"])
    assert FeatureGraph.from_module(path).hash == graph.hash


def test_the_values_of_a_family_are_in_the_hash_of_their_member(tmp_path: Path) -> None:
    path = tmp_path / "family.py"
    text = (
        HEAD
        + "@feature(name='{kind}_{n:02}', each={'kind': ('a', 'b'), 'n': (5, 10)})\n"
        + "def one(close, *, kind, n):\n    return close.shift(n) if kind == 'a' else close\n"
    )
    path.write_text(text)
    before = FeatureGraph.from_module(path)
    assert before.inputs == ("a_05@1", "a_10@1", "b_05@1", "b_10@1")
    hashes = {before.nodes[key].logic_hash for key in before.inputs}
    assert len(hashes) == 4
    path.write_text(text.replace("(5, 10)", "(5, 11)"))
    after = FeatureGraph.read_file(path)
    assert after.nodes["a_05@1"].node_hash == before.nodes["a_05@1"].node_hash
    assert after.inputs == ("a_05@1", "a_11@1", "b_05@1", "b_11@1")


def test_a_family_computes_what_its_members_say(tmp_path: Path) -> None:
    path = tmp_path / "family.py"
    path.write_text(
        HEAD
        + "@feature(name='lag_{n}_{by}', each={'n': (1, 2), 'by': (2, 3)})\n"
        + "def lag(n, close, /, by=1):\n    return close.shift(n) * by\n"
    )
    with pytest.raises(FeatureGraphInvalid, match="stands before /"):
        FeatureGraph.from_module(path)
    path.write_text(path.read_text().replace("n, close, /, by=1", "n, close, by=1"))
    graph = FeatureGraph.from_module(path)
    bars = pl.DataFrame({"date": [1, 2, 3], "symbol": ["A"] * 3, "close": [1.0, 2.0, 4.0]})
    table = compute_features(graph, bars, graph.inputs)
    for n in (1, 2):
        for by in (2, 3):
            expected = bars["close"].shift(n) * by
            assert table[f"lag_{n}_{by}"].to_list() == expected.to_list()


LOOP = """
ALL = []
def collect(function):
    ALL.append(feature(name=f"m_{{n}}")(function))
    return function
{}
    @feature(name=f'm_{{n}}')
    def m(close):
        return close.rolling_mean(n)
"""
CALLED = "n = 1\ndef lag(close):\n    return close.shift(n)\n"
MAKE = (
    HEAD
    + """
def make(n):
    @feature(name=f"mom_{n}")
    def mom(close):
        return close / close.shift(n) - 1
    return mom
"""
)


@pytest.mark.parametrize(
    "text",
    [
        "a = make(5)\n",
        "FEATURES = [make(5), make(10)]\n",
        "FEATURES = {n: make(n) for n in (5, 10)}\n",
        "FEATURES = []\nfor n in (5, 10):\n    FEATURES.append(make(n))\n",
        "FEATURES = list(map(make, [5, 10]))\n",
        "a = feature(name='a')(lambda close: close + 1)\n",
        "def build():\n    globals()['mom_5'] = make(5)\nbuild()\n",
        LOOP.format("for n in (5, 20):"),
        LOOP.format("for n in (5, 20):") + "    ALL.append(m)\n",
        "n = 0\n" + LOOP.format("while (n := n + 1) < 3:"),
        LOOP.format("for n in (5, 20):").replace("feature(name=f'm_{n}')", "collect"),
        CALLED + "FEATURES = [feature(name=f'lag_{n}')(lag) for n in (5, 20)]\n",
        CALLED + "FEATURES = list(map(feature, (lag,)))\n",
    ],
)
def test_features_made_by_calls_are_refused_with_the_way_to_write_them(
    text: str, tmp_path: Path
) -> None:
    path = tmp_path / "made.py"
    path.write_text(MAKE + text)
    for read in (FeatureGraph.from_module, FeatureGraph.read_file):
        with pytest.raises(FeatureLogicRefused, match=r"line \d+.*each=\{"):
            read(path)


@pytest.mark.parametrize(
    "text",
    [
        "mine = feature\n@mine\ndef a(close):\n    return close\n",
        "mine = feature(version=2)\n@mine\ndef a(close):\n    return close\n",
        "def mine(function):\n    return feature(function)\n@mine\ndef a(close):\n    return 1\n",
    ],
)
def test_features_that_source_does_not_tell_are_refused_there(text: str, tmp_path: Path) -> None:
    path = tmp_path / "made.py"
    path.write_text(MAKE + text)
    assert FeatureGraph.from_module(path).inputs
    with pytest.raises(FeatureLogicRefused, match="read from the source alone"):
        FeatureGraph.read_file(path)


ONE = "def lag(close, n):\n    return close.shift(n)\n"
FAMILY = "@feature(name='lag_{n}', each={'n': DAYS})\n" + ONE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import windows\nwindows.DAYS = (7,)\nfrom windows import DAYS\n" + FAMILY, "not what"),
        ("DAYS = (5,)\nglobals()['DAYS'] = (7,)\n" + FAMILY, "not what the source says"),
        ("MORE = {'n': (5,)}\n@feature(name='lag_{n}', each={**MORE})\n" + ONE, "source alone"),
        ("KEY = 'n'\n@feature(name='lag_{n}', each={KEY: (5,)})\n" + ONE, "source alone"),
        (
            "def hidden(f):\n    def inner(close):\n        return f(close)\n    return inner\n"
            "@feature(name='d')\n@hidden\ndef d(close):\n    return close\n",
            "hides function d: .*wraps",
        ),
    ],
)
def test_no_declaration_runs_as_the_source_does_not_say(
    text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "windows.py").write_text("DAYS = (5, 10)\n")
    path = tmp_path / "family.py"
    path.write_text(HEAD + text)
    with pytest.raises(FeatureLogicRefused, match=message):
        FeatureGraph.from_module(path)


@pytest.mark.parametrize("key", ["[1]", "{}", "**{'close': 1}", "str('a')"])
def test_a_dict_that_source_does_not_tell_is_refused_there(key: str, tmp_path: Path) -> None:
    path = tmp_path / "family.py"
    pair = key if key.startswith("**") else f"{key}: 1"
    path.write_text(HEAD + f"@feature(pins={{{pair}}})\ndef lag(close):\n    return close\n")
    with pytest.raises(FeatureLogicRefused, match="read from the source alone"):
        FeatureGraph.read_file(path)


def test_features_imported_from_where_they_were_made_are_refused(tmp_path: Path) -> None:
    (tmp_path / "factory.py").write_text(MAKE + "mom_5 = make(5)\n")
    path = tmp_path / "top.py"
    path.write_text("from factory import mom_5\n")
    for read in (FeatureGraph.from_module, FeatureGraph.read_file):
        with pytest.raises(FeatureLogicRefused, match="each="):
            read(path)


def test_a_declaration_may_name_constants(tmp_path: Path) -> None:
    path = tmp_path / "declared.py"
    path.write_text(
        HEAD
        + "BARS = 20\n@feature(name='lag', lookback=BARS)\n"
        + "def a(close):\n    return close.shift(BARS)\n"
    )
    graph = FeatureGraph.from_module(path)
    assert graph.inputs == ("lag@1",)
    assert FeatureGraph.read_file(path).nodes == graph.nodes


def test_a_closure_that_may_be_rebound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rebound.py"
    path.write_text(
        HEAD
        + """
def make():
    n = 1
    def more():
        nonlocal n
        n += 1
    def a(close):
        return close.shift(n)
    return a, more
a, more = make()
"""
    )
    live = import_file(locate_source(path))
    with pytest.raises(FeatureLogicRefused, match="rebinds"):
        logic_of(vars(live)["a"])


def test_closures_over_unknown_values_and_functions_without_source_are_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "opaque.py"
    path.write_text(
        HEAD
        + """
def make(n):
    def a(close):
        return close.shift(n)
    return a
a = make(object())
"""
    )
    live = import_file(locate_source(path))
    with pytest.raises(FeatureLogicRefused, match="canonical form"):
        logic_of(vars(live)["a"])
    space: dict[str, object] = {}
    exec("def nowhere(x):\n    return x", space)  # noqa: S102
    for function in (space["nowhere"], len, 3):
        with pytest.raises(FeatureLogicRefused):
            logic_of(function)  # type: ignore[arg-type]


def test_features_imported_from_a_sibling_belong_to_the_graph(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text(
        HEAD + "@feature()\ndef ret(close):\n    return close.diff()\n"
    )
    path = tmp_path / "top.py"
    path.write_text(
        HEAD + "from base import ret\n@feature()\ndef vol(ret):\n    return ret.rolling_std(3)\n"
    )
    graph = FeatureGraph.from_module(path)
    assert graph.inputs == ("ret@1", "vol@1")
    assert graph.hash == FeatureGraph.read_file(path).hash


def test_features_may_be_put_into_a_registry(tmp_path: Path) -> None:
    path = tmp_path / "registered.py"
    path.write_text(
        HEAD
        + "ALL = []\ndef register(function):\n    ALL.append(function)\n    return function\n"
        + "@register\n@feature()\ndef a(close):\n    return close\n"
        + "@feature()\n@register\ndef b(close):\n    return close + 1\n"
    )
    graph = FeatureGraph.from_module(path)
    assert graph.inputs == ("a@1", "b@1")
    assert graph.hash == FeatureGraph.read_file(path).hash


def test_a_feature_under_a_condition_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "conditional.py"
    path.write_text(HEAD + "if True:\n    @feature()\n    def a(close):\n        return close\n")
    with pytest.raises(FeatureLogicRefused, match="conditionally"):
        FeatureGraph.read_file(path)
    assert FeatureGraph.from_module(path).inputs == ("a@1",)


def test_a_repeated_function_name_is_refused_alive_too(tmp_path: Path) -> None:
    path = tmp_path / "twice.py"
    one = "@feature(version={})\ndef a(close):\n    return close\n"
    path.write_text(HEAD + one.format(1) + one.format(2))
    with pytest.raises(FeatureGraphInvalid, match="hides"):
        FeatureGraph.from_module(path)


TRAIN = """import random

def train(table):
    return random.random() * len(table)

class Rule:
    def weights(self, predictions):
        return predictions
"""


def test_other_rooms_hash_their_functions_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(TRAIN)
    with pytest.raises(FeatureLogicRefused):
        logic_in_file(path, "train")
    allowed = logic_in_file(path, "train", allow=frozenset({"randomness"}))
    assert allowed.libraries == ("random",)
    assert logic_in_file(path, "Rule.weights").components[0].kind == "body"
    with pytest.raises(StrategyInvalid, match="0 functions"):
        logic_in_file(path, "missing")
    with pytest.raises(FeatureLogicRefused, match="unknown classes"):
        logic_in_file(path, "train", allow=frozenset({"everything"}))


def scaled(x: float, by: float = 2.0) -> float:
    return x * by


@feature(name="scaled_close")
def scaled_close(close: float) -> float:
    return scaled(close)


def test_live_functions_and_partials_are_hashed() -> None:
    assert logic_of(scaled).digest == logic_in_file(__file__, "scaled").digest
    threes = {logic_of(functools.partial(scaled, by=3.0)).digest for _ in range(2)}
    assert (
        len(threes | {logic_of(functools.partial(scaled, by=4.0)).digest, logic_of(scaled).digest})
        == 3
    )


def test_an_imported_module_gives_the_same_graph() -> None:
    graph = FeatureGraph.from_module(sys.modules[__name__])
    assert graph.inputs == ("scaled_close@1",)
    assert graph_summary(graph)["hash"] == graph.hash == FeatureGraph.from_module(__file__).hash
    assert "polars" in graph.distributions


def test_a_library_that_is_installed_meanwhile_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert distributions_of(["lately"]) == {}
    (tmp_path / "lately").mkdir()
    (tmp_path / "lately" / "__init__.py").touch()
    for version in ("1.0", "2.0"):
        for old in tmp_path.glob("*.dist-info"):
            shutil.rmtree(old)
        record = tmp_path / f"lately-{version}.dist-info"
        record.mkdir()
        (record / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: lately\nVersion: {version}\n"
        )
        (record / "top_level.txt").write_text("lately\n")
        assert distributions_of(["lately"]) == {"lately": version}
