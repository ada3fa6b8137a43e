"""What the canonical hash cannot see through, as data, and the named classes of refusal.

A class in ``allow`` is let through: a training entry point may use seeded or unseeded randomness,
a feature marked ``impure`` everything, its salt standing in for what cannot be seen.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tradeworthy.errors import FeatureLogicRefused
from tradeworthy.features.logic.literals import names_in

EFFECTS = frozenset({"dynamic_code", "environment", "clock", "randomness", "io"})

_BUILTINS = {
    "dynamic_code": "eval exec compile globals locals vars __import__ dir id hash breakpoint help "
    "exit quit __builtins__ __build_class__ __debug__ __name__ __file__ __doc__ __spec__ "
    "__loader__ __package__ __path__",
    "io": "open input",
}
_PREFIXES = {
    "dynamic_code": "builtins.eval builtins.exec builtins.compile builtins.globals "
    "builtins.locals builtins.vars builtins.__import__ builtins.getattr importlib inspect ctypes "
    "gc sys runpy pkgutil code codeop types.FunctionType types.CodeType types.ModuleType pickle "
    "marshal shelve dill cloudpickle joblib.load operator.attrgetter operator.methodcaller weakref",
    "environment": "os platform locale getpass socket.gethostname sysconfig site",
    "clock": "time datetime.datetime.now datetime.datetime.today datetime.datetime.utcnow "
    "datetime.date.today pandas.Timestamp.now pandas.Timestamp.today pandas.Timestamp.utcnow "
    "pendulum.now arrow.now arrow.utcnow",
    "randomness": "random secrets uuid numpy.random",
    "io": "builtins.open builtins.input io pathlib shutil subprocess socket urllib http requests "
    "httpx aiohttp sqlite3 psycopg psycopg2 sqlalchemy duckdb tempfile glob fileinput ftplib "
    "smtplib threading multiprocessing asyncio concurrent signal mmap codecs.open numpy.load "
    "numpy.loadtxt numpy.genfromtxt numpy.fromfile numpy.memmap numpy.save numpy.savez yfinance "
    "joblib.dump redis boto3 fsspec s3fs pyarrow.parquet pyarrow.csv pyarrow.dataset",
}
_HARMLESS = frozenset(
    {"sys.float_info", "sys.maxsize", "sys.intern", "os.path.join", "os.path.basename"}
)
_SEEDED = frozenset(
    {
        "random.Random",
        "numpy.random.default_rng",
        "numpy.random.RandomState",
        "numpy.random.SeedSequence",
        "numpy.random.PCG64",
        "numpy.random.Philox",
        "numpy.random.MT19937",
        "numpy.random.SFC64",
    }
)
_TYPES_ONLY = frozenset({"numpy.random.Generator"})
_METHODS = {
    "clock": frozenset({"now", "utcnow", "today"}),
    "io": frozenset({"read_text", "read_bytes", "write_text", "write_bytes", "urlopen", "savefig"}),
    "dynamic_code": frozenset({"deserialize", "query_string", "f_globals", "f_locals"}),
}
_METHOD_PREFIXES = ("read_", "scan_", "write_", "sink_")
_SEEDED_METHODS = {"sample": "seed", "shuffle": "seed", "rvs": "random_state"}
_OPEN_DUNDERS = names_in(
    "__init__ __call__ __len__ __getitem__ __iter__ __next__ __enter__ __exit__ __post_init__ "
    "__add__ __sub__ __mul__ __truediv__ __floordiv__ __mod__ __pow__ __neg__ __abs__ __eq__ "
    "__ne__ __lt__ __le__ __gt__ __ge__ __contains__ __new__ __init_subclass__ __wrapped__"
)
_BUILTIN_CLASS = {name: kind for kind, names in _BUILTINS.items() for name in names.split()}
_PREFIX_CLASS = {name: kind for kind, names in _PREFIXES.items() for name in names.split()}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a user's source something stands: for messages only."""

    module: str
    line: int


def refuse(reason: str, message: str, place: Place) -> FeatureLogicRefused:
    """Build the refusal of ``reason``; the caller raises it."""
    return FeatureLogicRefused(
        f"{place.module}, line {place.line}: {message}",
        reason=reason,
        module=place.module,
        line=place.line,
    )


def builtin_effect(name: str) -> str | None:
    """Name the class of refusal of a builtin, None for a harmless one.

    Examples
    --------
    >>> builtin_effect("eval"), builtin_effect("max")
    ('dynamic_code', None)
    """
    return _BUILTIN_CLASS.get(name)


def external_effect(qualified: str, call: ast.Call | None = None) -> str | None:
    """Name the class of refusal of a qualified name, None for a harmless one.

    Examples
    --------
    >>> external_effect("os.environ"), external_effect("polars.col")
    ('environment', None)
    >>> external_effect("numpy.random.default_rng", ast.parse("f(7)", mode="eval").body)
    """
    if any(qualified == name or qualified.startswith(name + ".") for name in _HARMLESS):
        return None
    if qualified in _TYPES_ONLY or (qualified in _SEEDED and call and _has_seed(call)):
        return None
    if call and _reads_clock(call) and qualified.startswith(("numpy.", "pandas.")):
        return "clock"
    parts = qualified.split(".")
    for end in range(1, len(parts) + 1):
        kind = _PREFIX_CLASS.get(".".join(parts[:end]))
        if kind:
            return kind
    return "io" if len(parts) > 1 and parts[-1].startswith(_METHOD_PREFIXES) else None


def method_effect(name: str, call: ast.Call | None) -> str | None:
    """Name the class of refusal of an attribute on a value whose type is not known.

    Examples
    --------
    >>> method_effect("read_text", None), method_effect("rolling_std", None)
    ('io', None)
    """
    for kind, names in _METHODS.items():
        if name in names:
            return kind
    if call is not None and name.startswith(_METHOD_PREFIXES):
        return "io"
    if name.startswith("__") and name.endswith("__") and name not in _OPEN_DUNDERS:
        return "dynamic_code"
    if call is None:
        return None
    if name == "rank" and _is_random_rank(call) and not _has_keyword(call, "seed"):
        return "randomness"
    seed = _SEEDED_METHODS.get(name)
    return "randomness" if seed and not _has_keyword(call, seed) else None


def _has_seed(call: ast.Call) -> bool:
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return bool(values) and not any(
        isinstance(value, ast.Constant) and value.value is None for value in values
    )


def _has_keyword(call: ast.Call, name: str) -> bool:
    return any(
        keyword.arg == name
        and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is None)
        for keyword in call.keywords
    )


def _is_random_rank(call: ast.Call) -> bool:
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(isinstance(value, ast.Constant) and value.value == "random" for value in values)


def _reads_clock(call: ast.Call) -> bool:
    return any(
        isinstance(value, ast.Constant) and value.value in ("now", "today") for value in call.args
    )
