"""The canonical hash of logic: golden digests, collisions, laws."""

from __future__ import annotations

import ast
import io
import json
import keyword
import random
import tokenize
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeworthy.errors import FeatureLogicRefused, StrategyInvalid
from tradeworthy.features.logic import Logic, Project, Root, parse_module, trace_logic
from tradeworthy.features.logic.encoder import value_form

ANSWERS = Path(__file__).parent.parent / "answers" / "features_canon_v1.json"
GOLDEN = json.loads(ANSWERS.read_text())


def logic(text: str, *, files: dict[str, str] | None = None, name: str = "f") -> Logic:
    module = parse_module("m", "m.py", text)
    node = next(each for each in module.tree.body if getattr(each, "name", None) == name)
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return trace_logic(Root(module, node), Project((files or {}).get)).logic


def returning(expression: str, before: str = "") -> str:
    return f"{before}\ndef f(a):\n    return {expression}\n"


def body(text: str, before: str = "") -> str:
    lines = "\n".join(f"    {line}" for line in text.split("\n"))
    return f"{before}\ndef f(a):\n{lines}\n"


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_every_python_and_hash_seed_gives_the_recorded_digest(case: dict[str, str]) -> None:
    assert logic(case["source"]).digest == case["digest"]


SINGLE_DISPATCH = """import functools
@functools.singledispatch
def g(x): return x
@g.register(int)
def _(x): return {}"""
DATACLASS = """from dataclasses import dataclass
@dataclass
class P:
    x: int
    y: int = 1"""
DIFFERENT = {
    "joined text": (returning('["a;b"]'), returning('["a","b"]')),
    "true and one": (returning("True"), returning("1")),
    "one and one point zero": (returning("1"), returning("1.0")),
    "negative zero": (returning("0.0"), returning("-0.0")),
    "bytes and text": (returning('b"a"'), returning('"a"')),
    "large integers": (returning(str(10**60)), returning(str(10**60 + 1))),
    "complex": (returning("1j"), returning("2j")),
    "surrogates": (returning('"\\ud83d\\ude00"'), returning('"\U0001f600"')),
    "none and its name": (returning("None"), returning('"None"')),
    "comprehension scope": (
        body("x = 1\nreturn [x for y in a]"),
        body("x = 1\nreturn [y for y in a]"),
    ),
    "walrus target": (
        body("return [(y := i) for i in a], y"),
        body("return [i for i in a], (y := a)"),
    ),
    "lambda": (returning("(lambda x: x + 1)(a)"), returning("(lambda x: x + 2)(a)")),
    "match": (
        body("match a:\n    case [x, *y]: return x"),
        body("match a:\n    case [x, *y]: return y"),
    ),
    "f-string": (returning('f"{a:{a}>{10}}"'), returning('f"{a:{a}<{10}}"')),
    "f-string braces": (returning('f"{{a}}"'), returning('f"{a}"')),
    "positional only": ("def f(a, /, b): return a", "def f(a, b): return a"),
    "keyword only": ("def f(a, *, b): return a", "def f(a, b): return a"),
    "asynchronous": ("async def f(a): return a", "def f(a): return a"),
    "global": (body("global Z\nZ = a\nreturn Z", "Z = 1"), body("Z = a\nreturn Z", "Z = 1")),
    "declared local": (body("x: int\nreturn x", "x = 1"), body("return x", "x = 1")),
    "nonlocal": (
        body("n = 0\ndef g():\n    nonlocal n\n    n = a\ng()\nreturn n"),
        body("n = 0\ndef g():\n    n = a\ng()\nreturn n"),
    ),
    "exchanged constants": (returning("A - B", "A = 1\nB = 2"), returning("B - A", "A = 1\nB = 2")),
    "order of changes": (
        returning("B", "A = [1]\nB = list(A)\nA.append(2)"),
        returning("B", "A = [1]\nA.append(2)\nB = list(A)"),
    ),
    "calls of a setter": (
        returning("Z", "Z = 1\ndef s():\n    global Z\n    Z = Z + 1\ns()"),
        returning("Z", "Z = 1\ndef s():\n    global Z\n    Z = Z + 1\ns()\ns()"),
    ),
    "registry": (
        returning("R[0](a)", "R = []\ndef reg(g):\n    R.append(g)\n@reg\ndef k(x): return x + 1"),
        returning("R[0](a)", "R = []\ndef reg(g):\n    R.append(g)\n@reg\ndef k(x): return x + 2"),
    ),
    "singledispatch": (
        returning(
            "g(a)",
            SINGLE_DISPATCH.format(1),
        ),
        returning(
            "g(a)",
            SINGLE_DISPATCH.format(2),
        ),
    ),
    "bound method": (
        returning("T", "T = []\nadd = T.append\nadd(1)"),
        returning("T", "T = []\nadd = T.append\nadd(2)"),
    ),
    "nested container": (
        returning("T", "T = []\nU = {'t': T}\nU['t'].append(1)"),
        returning("T", "T = []\nU = {'t': T}\nU['t'].append(2)"),
    ),
    "loop alias": (
        returning("T", "T = [[]]\nfor t in T: t.append(1)"),
        returning("T", "T = [[]]\nfor t in T: t.append(2)"),
    ),
    "function attribute": (
        returning("g.k", "def g(x): return x\ng.k = 1"),
        returning("g.k", "def g(x): return x\ng.k = 2"),
    ),
    "partial": (
        returning("g(a)", "import functools\ndef h(x, y): return x\ng = functools.partial(h, y=1)"),
        returning("g(a)", "import functools\ndef h(x, y): return x\ng = functools.partial(h, y=2)"),
    ),
    "inherited attribute": (
        returning(
            "Q().m()", "class P:\n    W = 1\n    def m(self): return self.W\nclass Q(P): pass"
        ),
        returning(
            "Q().m()", "class P:\n    W = 2\n    def m(self): return self.W\nclass Q(P): pass"
        ),
    ),
    "dataclass field": (
        returning(
            "P(a).y",
            DATACLASS,
        ),
        returning(
            "P(a).y",
            DATACLASS.replace("    x", "    w: int\n    x"),
        ),
    ),
    "name of a helper": (
        returning("a + g.__name__", "def g(x): return x"),
        returning("a + h.__name__", "def h(x): return x"),
    ),
    "name of a nested function": (
        body("def g(x): return x\nreturn g.__qualname__"),
        body("def h(x): return x\nreturn h.__qualname__"),
    ),
    "name in a decorator": (
        returning(
            "R['g'](a)", "R = {}\ndef reg(k):\n    R[k.__name__] = k\n@reg\ndef g(x): return x"
        ),
        returning(
            "R['g'](a)", "R = {}\ndef reg(k):\n    R[k.__name__] = k\n@reg\ndef h(x): return x"
        ),
    ),
    "parameters of a lambda": (
        returning("(lambda x, y: x - y)(x=a, y=1)"),
        returning("(lambda y, x: y - x)(x=a, y=1)"),
    ),
    "lone parameter with others": (
        returning("(lambda x, **k: x)(x=a)"),
        returning("(lambda y, **k: y)(x=a)"),
    ),
    "reduced in another order": (
        returning("reduce(lambda x, y: x - y, a)", "from functools import reduce"),
        returning("reduce(lambda x, y: y - x, a)", "from functools import reduce"),
    ),
    "recursion": (
        "def g(x): return f(x)\ndef f(a): return g(a) + 1",
        "def g(x): return f(x)\ndef f(a): return g(a) + 2",
    ),
    "mutual recursion": (
        returning("p(a)", "def p(x): return q(x)\ndef q(x): return p(x) + 1"),
        returning("p(a)", "def p(x): return q(x)\ndef q(x): return p(x) + 2"),
    ),
}

ALIKE = {
    "lone parameter of a lambda": (
        returning("a.rolling_map(lambda s: s.mean(), 5)"),
        returning("a.rolling_map(lambda window: window.mean(), 5)"),
    ),
    "parameters of a reduction": (
        returning("reduce(lambda x, y: x - y, a)", "from functools import reduce"),
        returning("ft.reduce(lambda left, right: left - right, a)", "import functools as ft"),
    ),
    "parameters of a fold": (
        returning("pl.fold(0, function=lambda x, y: x - y, exprs=a)", "import polars as pl"),
        returning("pl.fold(0, function=lambda s, t: s - t, exprs=a)", "import polars as pl"),
    ),
    "renamed without being read": (
        returning("np.mean.__name__ + g(a)", "import numpy as np\ndef g(x): return x"),
        returning("np.mean.__name__ + h(a)", "import numpy as np\ndef h(x): return x"),
    ),
    "nested function": (
        body("def g(x):\n    y = x\n    return y\nreturn g(a)"),
        body("def h(x):\n    z = x\n    return z\nreturn h(a)"),
    ),
    "match": (
        body("match a:\n    case {'k': v, **r}: return v, r\n    case int(n) as m: return m, n"),
        body("match a:\n    case {'k': w, **s}: return w, s\n    case int(o) as p: return p, o"),
    ),
    "handler": (
        body("try:\n    return a\nexcept ValueError as e:\n    return e"),
        body("try:\n    return a\nexcept ValueError as error:\n    return error"),
    ),
    "f-string without fields": (returning('f"abc"'), returning('"abc"')),
    "empty format": (returning('f"{a:}"'), returning('f"{a}"')),
    "positional-only name": (
        "def g(q, /): return q\ndef f(a): return g(a)",
        "def g(r, /): return r\ndef f(a): return g(a)",
    ),
    "starred names": (
        "def g(*q, **k): return q, k\ndef f(a): return g(a)",
        "def g(*r, **m): return r, m\ndef f(a): return g(a)",
    ),
    "exchanged names": (returning("A - B", "A = 1\nB = 2"), returning("B - A", "B = 1\nA = 2")),
    "nonlocal name": (
        body("n = 0\ndef g():\n    nonlocal n\n    n = a\ng()\nreturn n"),
        body("k = 0\ndef g():\n    nonlocal k\n    k = a\ng()\nreturn k"),
    ),
    "parameter called open": (
        "def f(open, a): return open - a",
        "def f(open, a): return (open - a)",
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_logic_never_collides(name: str) -> None:
    left, right = DIFFERENT[name]
    assert logic(left).digest != logic(right).digest


@pytest.mark.parametrize("name", ALIKE)
def test_names_and_notation_do_not_matter(name: str) -> None:
    left, right = ALIKE[name]
    assert logic(left).digest == logic(right).digest


def test_a_constant_of_a_package_module_stands_alone() -> None:
    text = returning("pkg.mod.K", "import pkg.mod")

    def digest(constants: str) -> str:
        return logic(text, files={"pkg/mod.py": constants}).digest

    assert digest("K = 1\nL = 1") == digest("K = 1\nL = 2") != digest("K = 2\nL = 1")


def test_seeded_generators_are_let_through() -> None:
    text = returning("np.random.default_rng(7).normal()", "import numpy as np")
    assert logic(text).libraries == ("numpy",)


@pytest.mark.parametrize(
    "expression",
    [
        "np.datetime64('now')",
        "np.random.default_rng(None).normal()",
        "np.load('a')",
        "np.random.rand()",
    ],
)
def test_library_effects_are_refused(expression: str) -> None:
    with pytest.raises(FeatureLogicRefused):
        logic(returning(expression, "import numpy as np"))


def test_syntax_outside_the_allowlist_is_refused() -> None:
    module = parse_module("m", "m.py", returning("a"))
    node = module.tree.body[0]
    assert isinstance(node, ast.FunctionDef)
    node.body = [ast.Return(type("FutureNode", (ast.expr,), {"_fields": ()})())]
    with pytest.raises(FeatureLogicRefused, match="FutureNode"):
        trace_logic(Root(module, node), Project(lambda _: None))


def test_a_field_that_a_future_python_adds_is_refused() -> None:
    module = parse_module("m", "m.py", returning("a"))
    node = module.tree.body[0]
    assert isinstance(node, ast.FunctionDef)
    future = type("Return", (ast.Return,), {"_fields": ("value", "lazily")})
    node.body = [future(value=ast.Constant(1), lazily=True)]
    with pytest.raises(FeatureLogicRefused, match="Return"):
        trace_logic(Root(module, node), Project(lambda _: None))


def test_an_expression_nested_too_deeply_is_refused_by_name() -> None:
    with pytest.raises((FeatureLogicRefused, StrategyInvalid)):
        logic(returning("+".join(["a"] * 20_000)))


IDENTIFIERS = st.from_regex(r"[a-z]{3,8}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name) and name not in ("sum", "len", "scale")
)
TEMPLATE = """
WINDOW = {window}

def scale(x, by={by}):
    {local} = x * by
    return [{item} + {local} for {item} in x]

def f(a):
    {other} = scale(a) # note
    return {other}[:WINDOW]
"""


def _template(window: object, by: float, local: str, item: str, other: str) -> str:
    return TEMPLATE.format(window=repr(window), by=repr(by), local=local, item=item, other=other)


@settings(deadline=None)
@given(st.lists(IDENTIFIERS, min_size=3, max_size=3, unique=True), st.integers(), st.floats(0, 9))
def test_renaming_every_local_keeps_the_hash(names: list[str], window: int, by: float) -> None:
    renamed = _template(window, by, *names)
    assert logic(renamed).digest == logic(_template(window, by, "one", "two", "three")).digest


@settings(deadline=None)
@given(
    st.integers() | st.floats(allow_nan=False) | st.text() | st.booleans() | st.binary(),
    st.integers() | st.floats(allow_nan=False) | st.text() | st.booleans() | st.binary(),
)
def test_two_constants_hash_alike_only_if_they_are_the_same(left: object, right: object) -> None:
    def digest(value: object) -> str:
        shown = repr(value).replace("inf", "1e999")
        return logic(f"W = {shown}\ndef f(a): return a * W").digest

    same = type(left) is type(right) and repr(left) == repr(right)
    assert (digest(left) == digest(right)) == same


@settings(deadline=None)
@given(st.sampled_from([case["source"] for case in GOLDEN["cases"]]))
def test_unparsing_and_parsing_again_keeps_the_hash(source: str) -> None:
    assert logic(ast.unparse(ast.parse(source))).digest == logic(source).digest


@settings(deadline=None)
@given(st.sampled_from([case["source"] for case in GOLDEN["cases"]]), st.integers(0, 9999))
def test_comments_and_blank_lines_anywhere_keep_the_hash(source: str, seed: int) -> None:
    assert logic(_commented(source, random.Random(seed))).digest == logic(source).digest


def _commented(source: str, chance: random.Random) -> str:
    """Put a comment at the end of some logical lines, found by the tokenizer."""
    lines = source.splitlines()
    ends = {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.NEWLINE
    }
    return "\n".join(
        f"{line}  # {chance.random()}\n" if number in ends and chance.random() < 0.5 else line
        for number, line in enumerate(lines, start=1)
    )


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(VALUES, VALUES)
def test_value_forms_are_injective(left: object, right: object) -> None:
    def exact(value: object) -> object:
        if isinstance(value, dict):
            return ("dict", sorted((key, repr(exact(item))) for key, item in value.items()))
        if isinstance(value, list | tuple):
            return (type(value).__name__, [exact(item) for item in value])
        return (type(value).__name__, repr(value))

    assert (value_form(left) == value_form(right)) == (exact(left) == exact(right))


@pytest.mark.parametrize("value", [object(), lambda: 1, float, range(3)])
def test_values_of_other_types_are_refused(value: object) -> None:
    with pytest.raises(FeatureLogicRefused):
        value_form(value)


def test_a_value_that_holds_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(FeatureLogicRefused):
        value_form(endless)
