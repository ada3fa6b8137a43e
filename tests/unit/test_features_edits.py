"""Edits of a feature file: those that change nothing, those that do, those that are refused.

Every edit is hashed twice, from source alone and from the imported file; both must agree.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tradeworthy.errors import FeatureLogicRefused
from tradeworthy.features.feature_graph import FeatureGraph

BASE = '''"""Features."""
import polars as pl
from functools import lru_cache
from tradeworthy.features.feature_graph import feature
import shared
from shared import clip

WINDOW = 20
TABLE = [1.0, 2.0]
NAMES = {"b", "a"}
SCALE = 2 * WINDOW
UNUSED = 1


class Settings:
    """Settings."""

    bars: int = 252

    def factor(self):
        return self.bars ** 0.5


def _half(x):
    return x / 2


def _scale(x, by=3):
    total = _half(x) * by
    return total


def unrelated(x):
    return x + UNUSED


def make(n):
    def inner(x):
        return x.shift(n)

    return inner


lagged = make(2)


@feature(version=1)
def log_return(close: pl.Expr) -> pl.Expr:
    """Close-to-close log return."""
    return close.log().diff()


@feature(version=1)
def volatility(log_return: pl.Expr, open: pl.Expr, span=5) -> pl.Expr:
    # the main thing
    scaled = _scale(log_return - open, by=4)
    parts = [item * weight for weight in TABLE for item in [scaled]]
    label = f"{WINDOW}d" "ays"
    if label in NAMES and (found := len(parts)) > 1:
        scaled = scaled + found
    sums = sum(parts) + lagged(scaled) + SCALE + shared.OFFSET
    return clip(sums.rolling_std(WINDOW), span) * Settings().factor() + pl.col("volume")
'''
SHARED = '''"""Shared."""
LIMIT = 3
OFFSET = 0.5
OTHER = 1


def _floor(x):
    return x - LIMIT


def clip(x, n):
    return _floor(x) + n
'''

SAME = {
    "comment": ("    # the main thing\n", "    # another thing\n    # more\n"),
    "docstring": ('"""Close-to-close log return."""', '"""Other words."""'),
    "no docstring": ('    """Close-to-close log return."""\n', ""),
    "module docstring": ('"""Features."""\n', ""),
    "blank lines": ("    scaled = _scale(", "\n\n    scaled = _scale("),
    "line breaks": (
        "_scale(log_return - open, by=4)",
        "_scale(\n  log_return\n  - open,\n by=4,\n)",
    ),
    "parentheses": ("total = _half(x) * by", "total = ((_half(x)) * (by))"),
    "semicolon": (
        "scaled = _scale(log_return - open, by=4)",
        "scaled = _scale(log_return - open, by=4);",
    ),
    "rename local": ("total", "product"),
    "rename loop variable": (
        "[item * weight for weight in TABLE for item in [scaled]]",
        "[i * w for w in TABLE for i in [scaled]]",
    ),
    "rename walrus": ("found", "count"),
    "annotation": ("def _half(x):", "def _half(x: float) -> float:"),
    "drop annotation": ("(close: pl.Expr) -> pl.Expr", "(close)"),
    "annotated local": ("    total = ", "    total: object = "),
    "declared local": ("    total = ", "    total: object\n    total = "),
    "annotated constant": ("WINDOW = 20", "WINDOW: int = 20"),
    "quotes": ('pl.col("volume")', "pl.col('volume')"),
    "import alias": ("import polars as pl", "import polars as pl\nimport polars as q"),
    "import name": (
        'pl.col("volume")',
        'q("volume")',
        "import polars as pl",
        "import polars as pl\nfrom polars import col as q",
    ),
    "user import alias": (
        "from shared import clip",
        "from shared import clip as cut",
        "return clip(",
        "return cut(",
    ),
    "user import as module": ("return clip(", "return shared.clip("),
    "user module alias": ("import shared\n", "import shared as s\n", "shared.OFFSET", "s.OFFSET"),
    "local import": ("    sums = sum", "    import polars as pl\n    sums = sum"),
    "adjacent strings": ('f"{WINDOW}d" "ays"', 'f"{WINDOW}days"'),
    "plain adjacent strings": ('pl.col("volume")', 'pl.col("vol" "ume")'),
    "added strings": ('pl.col("volume")', 'pl.col("vol" + "ume")'),
    "folded constant": ("WINDOW = 20", "WINDOW = 4 * 5"),
    "folded default": ("by=3", "by=2 + 1"),
    "hexadecimal": ("WINDOW = 20", "WINDOW = 0x14"),
    "underscored": ("bars: int = 252", "bars: int = 2_5_2"),
    "float notation": ("[1.0, 2.0]", "[1e0, 2.]"),
    "set order": ('{"b", "a"}', '{"a", "b"}'),
    "pass": ("    return total", "    pass\n    return total"),
    "bare literal": ("    return total", "    ...\n    'note'\n    return total"),
    "unrelated function": ("return x + UNUSED", "return x - UNUSED"),
    "unrelated constant": ("UNUSED = 1", "UNUSED = 2"),
    "unrelated import": ("import polars as pl", "import json\nimport polars as pl"),
    "remove unrelated": ("def unrelated(x):\n    return x + UNUSED\n", ""),
    "move constant": (
        "WINDOW = 20\n",
        "",
        "import polars as pl",
        "WINDOW = 20\nimport polars as pl",
    ),
    "move helper": (
        "def _half(x):\n    return x / 2\n",
        "",
        "@feature(version=1)\ndef log_return",
        "def _half(x):\n    return x / 2\n@feature(version=1)\ndef log_return",
    ),
    "rename helper": ("_half", "_halved"),
    "rename constant": ("WINDOW", "BARS"),
    "known decorator on annotations": ("def _half(x):", "def _half(x: 'Anything'):"),
    "read elsewhere": ("UNUSED = 1", "UNUSED = 1\nTOTAL = sum(TABLE) + WINDOW\nprint(len(TABLE))"),
    "main guard turned round": (
        "UNUSED = 1",
        "UNUSED = 1\nif '__main__' == __name__:\n    TABLE.append(3)",
    ),
    "decorator for type checkers": (
        "    def factor(self)",
        "    @override\n    def factor(self)",
        "import polars as pl",
        "from typing_extensions import override\nimport polars as pl",
    ),
    "final class": (
        "class Settings:",
        "@typing.final\nclass Settings:",
        "import polars as pl",
        "import typing\nimport polars as pl",
    ),
    "overloads": (
        "def _half(x):",
        "@overload\ndef _half(x: int): ...\n@overload\ndef _half(x: str): ...\ndef _half(x):",
        "import polars as pl",
        "from typing import overload\nimport polars as pl",
    ),
    "main guard": ("UNUSED = 1", "UNUSED = 1\nif __name__ == '__main__':\n    TABLE.append(3)"),
    "class docstring": ('"""Settings."""', '"""Other."""'),
    "future import": ('"""Features."""\n', '"""Features."""\nfrom __future__ import annotations\n'),
    "type checking": (
        "UNUSED = 1",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas as pd\n",
    ),
    "string prefix": ('pl.col("volume")', 'pl.col(u"volume")'),
    "parenthesised return": ("    return total", "    return (total)"),
    "owner": (
        "@feature(version=1)\ndef volatility",
        "@feature(version=1, owner='a')\ndef volatility",
    ),
    "reading attribute": ("def unrelated", "PERIOD = Settings.bars\n\n\ndef unrelated"),
    "measured with a key": ("UNUSED = 1", "UNUSED = 1\nWIDEST = max(TABLE, key=lambda x: -x)"),
    "mapped": ("UNUSED = 1", "UNUSED = 1\nTEXTS = list(map(str, TABLE))"),
    "result of a reader": (
        "UNUSED = 1",
        "UNUSED = 1\ndef head():\n    return TABLE\nHEAD = head()",
    ),
    "unrelated mutation": ("UNUSED = 1", "UNUSED = [1]\nUNUSED.append(2)"),
}

CHANGED = {
    "constant": ("WINDOW = 20", "WINDOW = 21"),
    "constant type": ("WINDOW = 20", "WINDOW = 20.0"),
    "class attribute bool": ("bars: int = 252", "bars: int = True"),
    "derived constant": ("SCALE = 2 * WINDOW", "SCALE = 3 * WINDOW"),
    "helper": ("_half(x) * by", "_half(x) + by"),
    "transitive helper": ("return x / 2", "return x / 3"),
    "helper default": ("by=3", "by=5"),
    "feature default": ("span=5", "span=6"),
    "closure": ("lagged = make(2)", "lagged = make(3)"),
    "closure body": ("x.shift(n)", "x.shift(-n)"),
    "append": ("UNUSED = 1", "TABLE.append(3.0)"),
    "item assignment": ("UNUSED = 1", "TABLE[0] = 3.0"),
    "augmented assignment": ("UNUSED = 1", "TABLE += [3.0]"),
    "augmented number": ("UNUSED = 1", "WINDOW += 1"),
    "deletion": ("UNUSED = 1", "del TABLE[0]"),
    "mutation in a loop": ("UNUSED = 1", "for k in range(3):\n    TABLE.append(k)"),
    "mutation by alias": ("UNUSED = 1", "OTHER_NAME = TABLE\nOTHER_NAME.append(3)"),
    "mutation by a call": ("UNUSED = 1", "def grow(t):\n    t.append(1)\ngrow(TABLE)"),
    "mutation in a function": ("UNUSED = 1", "def grow():\n    TABLE.append(1)\ngrow()"),
    "mutation by map": ("UNUSED = 1", "list(map(TABLE.append, [1]))"),
    "mutation by a sort key": ("UNUSED = 1", "sorted([1], key=TABLE.append)"),
    "mutation of a walrus": ("UNUSED = 1", "(other := TABLE).append(1)"),
    "mutation of a choice": ("UNUSED = 1", "(TABLE if 1 else None).append(1)"),
    "mutation of a result": ("UNUSED = 1", "def get():\n    return TABLE\nget().append(1)"),
    "mutation of a named result": (
        "UNUSED = 1",
        "def get():\n    mine = TABLE\n    return mine\nhers = get()\nhers.append(1)",
    ),
    "mutation of what is yielded": (
        "UNUSED = 1",
        "def each():\n    yield TABLE\nfor item in each():\n    item.append(1)",
    ),
    "mutation of what a class keeps": (
        "UNUSED = 1",
        "class Box:\n    table = TABLE\nBox.table.append(1)",
    ),
    "mutation of an element": (
        "TABLE = [1.0, 2.0]",
        "ROWS = [[1.0], [2.0]]\nTABLE = ROWS[0]\nfor _, row in enumerate(ROWS):\n    row.append(1)",
    ),
    "update": ("UNUSED = 1", "NAMES.update({'c'})"),
    "rebinding": ("UNUSED = 1", "WINDOW = 30"),
    "rebinding under if": ("UNUSED = 1", "if 1 > 0:\n    WINDOW = 30"),
    "redefinition under try": (
        "def unrelated",
        "try:\n    def _half(x):\n        return x / 4\nexcept NameError:\n    pass\n\n"
        "def unrelated",
    ),
    "redefinition under if": (
        "def unrelated",
        "if len('a'):\n    def _half(x):\n        return x / 4\n\n\ndef unrelated",
    ),
    "redefinition": ("def unrelated", "def _half(x):\n    return x / 4\n\n\ndef unrelated"),
    "global statement": (
        "def unrelated",
        "def setup():\n    global WINDOW\n    WINDOW = 30\n\n\nsetup()\n\n\ndef unrelated",
    ),
    "decorator on helper": ("def _half(x):", "@lru_cache\ndef _half(x):"),
    "decorator arguments": ("def _half(x):", "@lru_cache(maxsize=3)\ndef _half(x):"),
    "operand order": ("log_return - open", "open - log_return"),
    "commuted sum": ("_half(x) * by", "by * _half(x)"),
    "operator": ("log_return - open", "log_return + open"),
    "comparison": (") > 1", ") >= 1"),
    "regrouped sum": ("SCALE + shared.OFFSET", "(SCALE + shared.OFFSET)"),
    "keyword argument": ("by=4", "by=5"),
    "keyword to positional": ("open, by=4", "open, 4"),
    "keyword name": ("by=4", "by_=4", "by=3", "by_=3", " * by", " * by_"),
    "class attribute": ("bars: int = 252", "bars: int = 365"),
    "class method": ("self.bars ** 0.5", "self.bars ** 0.25"),
    "class base": ("class Settings:", "class Settings(dict):"),
    "class attribute later": ("def unrelated", "Settings.bars = 12\n\n\ndef unrelated"),
    "method": ("rolling_std", "rolling_mean"),
    "string": ('pl.col("volume")', 'pl.col("close")'),
    "library function": ("pl.col(", "pl.sum("),
    "order of the loop": (
        "for weight in TABLE for item in [scaled]",
        "for item in [scaled] for weight in TABLE",
    ),
    "list to tuple": ("TABLE = [1.0, 2.0]", "TABLE = (1.0, 2.0)"),
    "list order": ("[1.0, 2.0]", "[2.0, 1.0]"),
    "negative zero": ("[1.0, 2.0]", "[1.0, -0.0]"),
    "bytes": ('"a"}', 'b"a"}'),
    "branch": (" and (found", " or (found"),
    "swapped locals": ("scaled = scaled + found", "scaled = found + scaled"),
    "f-string": ('f"{WINDOW}d"', 'f"{WINDOW!r}d"'),
    "f-string format": ('f"{WINDOW}d"', 'f"{WINDOW:03}d"'),
    "new statement": ("    return total", "    total = total + 1\n    return total"),
    "removed statement": ("        scaled = scaled + found\n", "        pass\n"),
    "shadowed global": ("    parts = [", "    TABLE = [1]\n    parts = ["),
    "lookback": (
        "@feature(version=1)\ndef volatility",
        "@feature(version=1, lookback=3)\ndef volatility",
    ),
    "version": ("@feature(version=1)\ndef volatility", "@feature(version=2)\ndef volatility"),
    "parent": ("close.log()", "close.sqrt()"),
    "parameter order": ("log_return: pl.Expr, open: pl.Expr", "open: pl.Expr, log_return: pl.Expr"),
    "mutated in order": ("TABLE = [1.0, 2.0]", "TABLE = [1.0]\nTABLE.append(2.0)"),
}

SHARED_SAME = {
    "comment": ("LIMIT = 3", "LIMIT = 3  # bars"),
    "unrelated constant": ("OTHER = 1", "OTHER = 2"),
    "annotation": ("def _floor(x):", "def _floor(x: float):"),
    "order": ("LIMIT = 3\nOFFSET = 0.5\n", "OFFSET = 0.5\nLIMIT = 3\n"),
}
SHARED_CHANGED = {
    "constant": ("LIMIT = 3", "LIMIT = 4"),
    "attribute": ("OFFSET = 0.5", "OFFSET = 0.25"),
    "helper": ("_floor(x) + n", "_floor(x) * n"),
    "transitive": ("x - LIMIT", "x + LIMIT"),
    "rebound": ("OTHER = 1", "OFFSET = 0.75"),
    "re-exported": ("def clip", "from more import clip2 as clip\n\n\ndef _clip"),
}

REFUSED = {
    "eval": ("x / 2", "eval('x') / 2"),
    "exec": ("    return x / 2", "    exec('pass')\n    return x / 2"),
    "eval alias": ("x / 2", "run('x') / 2", "WINDOW = 20", "WINDOW = 20\nrun = eval"),
    "globals": ("x / 2", "x / globals()['WINDOW']"),
    "vars": ("x / 2", "x / vars()['WINDOW']"),
    "__import__": ("x / 2", "__import__('math').sqrt(x)"),
    "importlib": (
        "x / 2",
        "importlib.import_module('math').sqrt(x)",
        "import polars",
        "import importlib\nimport polars",
    ),
    "getattr": ("x / 2", "getattr(x, 'a' + str(WINDOW))(2)"),
    "getattr on a module": ("x / 2", "getattr(shared, 'OFFSET') / x"),
    "dunder": ("x / 2", "x.__class__(2)"),
    "sys.modules": (
        "x / 2",
        "sys.modules['shared'].OFFSET",
        "import polars",
        "import sys\nimport polars",
    ),
    "os.environ": (
        "x / 2",
        "x / int(os.environ['N'])",
        "import polars",
        "import os\nimport polars",
    ),
    "os.getenv": ("WINDOW = 20", "import os\nWINDOW = int(os.getenv('N', '20'))"),
    "imported environ": (
        "x / 2",
        "x / len(environ)",
        "import polars",
        "from os import environ\nimport polars",
    ),
    "time": ("x / 2", "x / time.time()", "import polars", "import time\nimport polars"),
    "time alias": (
        "x / 2",
        "x / now()",
        "import polars",
        "from time import time as now\nimport polars",
    ),
    "datetime": (
        "x / 2",
        "x / dt.datetime.now().year",
        "import polars",
        "import datetime as dt\nimport polars",
    ),
    "today": (
        "x / 2",
        "x / date.today().year",
        "import polars",
        "from datetime import date\nimport polars",
    ),
    "random": ("x / 2", "x / random.random()", "import polars", "import random\nimport polars"),
    "numpy random": (
        "x / 2",
        "x / np.random.rand()",
        "import polars",
        "import numpy as np\nimport polars",
    ),
    "unseeded generator": (
        "x / 2",
        "x / np.random.default_rng().normal()",
        "import polars",
        "import numpy as np\nimport polars",
    ),
    "sample": ("x / 2", "x.sample(3)"),
    "shuffle": ("x / 2", "x.shuffle()"),
    "open": ("x / 2", "x / float(open('a', 'r').read())"),
    "path": (
        "x / 2",
        "x / float(Path('a').read_text())",
        "import polars",
        "from pathlib import Path\nimport polars",
    ),
    "read_csv": ("x / 2", "x / pl.read_csv('a').height"),
    "star import": ("from shared import clip", "from shared import *"),
    "module as value": ("x / 2", "len([shared]) / x"),
    "library as value": ("x / 2", "len([pl]) / x"),
    "undefined": ("x / 2", "x / NOWHERE"),
    "missing name": ("shared.OFFSET", "shared.NOWHERE"),
    "patched library": ("UNUSED = 1", "pl.col = pl.all"),
    "patched module": ("UNUSED = 1", "shared.OFFSET = 3"),
    "registered namespace": (
        "class Settings:",
        "@pl.api.register_expr_namespace('mine')\nclass Settings:",
    ),
    "builtins": ("x / 2", "builtins.eval('2')", "import polars", "import builtins\nimport polars"),
}


def edited(text: str, edit: tuple[str, ...]) -> str:
    for before, after in zip(edit[::2], edit[1::2], strict=True):
        assert before in text, before
        text = text.replace(before, after)
    return text


def hash_of(folder: Path, text: str, shared: str = SHARED, *, live: bool = True) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shared.py").write_text(shared)
    (folder / "more.py").write_text("TABLE = [1.0, 2.0]\ndef clip2(x, n):\n    return x - n\n")
    path = folder / "strategy.py"
    path.write_text(text)
    static = FeatureGraph.read_file(path).bound_hash(["volatility"])
    if live:
        assert FeatureGraph.from_module(path).bound_hash(["volatility"]) == static
    return static


@pytest.mark.parametrize("name", SAME)
def test_an_edit_of_notation_keeps_the_hash(name: str, tmp_path: Path) -> None:
    text = edited(BASE, SAME[name])
    assert text != BASE
    assert hash_of(tmp_path / "a", text) == hash_of(tmp_path / "b", BASE)


@pytest.mark.parametrize("name", CHANGED)
def test_an_edit_of_logic_changes_the_hash(name: str, tmp_path: Path) -> None:
    text = edited(BASE, CHANGED[name])
    assert hash_of(tmp_path / "a", text) != hash_of(tmp_path / "b", BASE)


def test_definitions_may_move_even_beside_a_mutated_constant(tmp_path: Path) -> None:
    mutated = BASE.replace("UNUSED = 1", "TABLE.append(3.0)")
    helper = "def _scale(x, by=3):\n    total = _half(x) * by\n    return total\n"
    moved = mutated.replace(helper, "") + "\n\n" + helper
    assert hash_of(tmp_path / "a", moved) == hash_of(tmp_path / "b", mutated)


@pytest.mark.parametrize("name", SHARED_SAME)
def test_notation_in_another_module_keeps_the_hash(name: str, tmp_path: Path) -> None:
    shared = edited(SHARED, SHARED_SAME[name])
    assert hash_of(tmp_path / "a", BASE, shared) == hash_of(tmp_path / "b", BASE)


@pytest.mark.parametrize("name", SHARED_CHANGED)
def test_logic_in_another_module_changes_the_hash(name: str, tmp_path: Path) -> None:
    shared = edited(SHARED, SHARED_CHANGED[name])
    assert hash_of(tmp_path / "a", BASE, shared) != hash_of(tmp_path / "b", BASE)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_seen_through_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(FeatureLogicRefused) as refusal:
        hash_of(tmp_path, edited(BASE, REFUSED[name]), live=False)
    assert refusal.value.details["reason"]


PATCHES = {
    "attribute": "import shared\nshared.LIMIT = 4\n",
    "helper": "import shared\nshared.clip = max\n",
    "by its alias": "import shared as other\nother._floor = max\n",
    "by name": "import shared\nsetattr(shared, 'OFFSET', 4)\n",
    "in a function": "import shared\ndef run():\n    shared.OFFSET = 4\nrun()\n",
    "in place": "from more import TABLE\nTABLE.append(3)\n",
    "an item": "import more\nmore.TABLE[0] = 3\n",
}


@pytest.mark.parametrize("name", PATCHES)
def test_a_module_that_changes_another_is_refused(name: str, tmp_path: Path) -> None:
    text = BASE.replace("import shared\n", "import shared\nimport patching\n")
    text = text.replace("TABLE = [1.0, 2.0]", "from more import TABLE")
    (tmp_path / "patching.py").write_text("import shared\n")
    assert hash_of(tmp_path, text)
    (tmp_path / "patching.py").write_text(PATCHES[name])
    for read in (FeatureGraph.read_file, FeatureGraph.from_module):
        with pytest.raises(FeatureLogicRefused, match="patching"):
            read(tmp_path / "strategy.py")


@pytest.mark.parametrize("name", ["random", "os.environ", "eval", "time", "open"])
def test_an_impure_feature_needs_a_salt_that_is_hashed(name: str, tmp_path: Path) -> None:
    text = edited(BASE, REFUSED[name])
    declared = "@feature(version=1)\ndef volatility"
    salted = text.replace(declared, "@feature(impure=True, salt='a')\ndef volatility")
    other = text.replace(declared, "@feature(impure=True, salt='b')\ndef volatility")
    assert hash_of(tmp_path, salted) != hash_of(tmp_path, other)


def test_the_place_and_name_of_the_file_do_not_matter(tmp_path: Path) -> None:
    first = hash_of(tmp_path / "a", BASE)
    package = tmp_path / "b" / "pkg"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "shared.py").write_text(SHARED)
    path = package / "momentum.py"
    path.write_text(
        BASE.replace("import shared\n", "from . import shared\n").replace(
            "from shared", "from .shared"
        )
    )
    assert FeatureGraph.read_file(path).bound_hash(["volatility"]) == first
    assert FeatureGraph.from_module(path).bound_hash(["volatility"]) == first
