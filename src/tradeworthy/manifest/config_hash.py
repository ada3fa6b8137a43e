"""Hash of a resolved training configuration (scheme ``training-config/v1``).

RFC 8785 makes JSON canonical but writes 1.0 as 1, so that an integer and a float would share a
hash. Here every number is first written with its type; then RFC 8785 orders and encodes the rest.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from tradeworthy.base.digests import Json, json_digest
from tradeworthy.errors import InvalidInput

_MAX_DEPTH = 64
# Python reads and writes whole numbers of some 4,300 digits and no more.
_MAX_BITS = 4096

_ADVICE = {
    "set": "write it as a sorted list",
    "frozenset": "write it as a sorted list",
    "bytes": "write it as hexadecimal text",
    "datetime": "write it as ISO 8601 text (.isoformat())",
    "date": "write it as ISO 8601 text (.isoformat())",
    "Decimal": "write it as text or as a float",
    "complex": "write its two parts",
    "Path": "write it as text (str(path))",
    "PosixPath": "write it as text (str(path))",
}


def training_config_hash(config: Mapping[str, object], volatile_keys: Collection[str] = ()) -> str:
    """Return the hash of a fully resolved training configuration.

    Parameters
    ----------
    config
        Every setting that the training used, defaults filled in: None, bool, int, float, str,
        lists and tuples (one kind of sequence, as in JSON), and mappings with string keys.
        1, 1.0 and True differ; an absent key is not a null one; -0.0 is 0.0; the order of keys
        does not matter.
    volatile_keys
        Dotted paths (``"run.name"``) left out of the hash, since they change without changing the
        model. The manifest records them. A path that the config does not have is ignored.

    Returns
    -------
    str
        64 hexadecimal characters.

    Raises
    ------
    InvalidInput
        For NaN, infinities, whole numbers beyond 4,096 bits, keys that are not plain strings,
        nesting beyond 64 levels, halves of surrogate pairs, and objects that are none of the above
        (numpy scalars and subclasses of numbers and text among them), naming the path.

    Examples
    --------
    >>> a = training_config_hash({"window": 20, "alpha": 0.5, "run": {"name": "x"}}, ["run.name"])
    >>> b = training_config_hash({"alpha": 0.5, "run": {"name": "y"}, "window": 20}, ["run.name"])
    >>> a == b, a == training_config_hash({"window": 20.0, "alpha": 0.5, "run": {}})
    (True, False)
    """
    if not isinstance(config, Mapping):
        raise InvalidInput("a training configuration is a mapping of names to values")
    if isinstance(volatile_keys, str):
        raise InvalidInput(f"volatile keys are a list of paths: write [{volatile_keys!r}]")
    return json_digest("training-config/v1", _typed_mapping(config, (), frozenset(volatile_keys)))


def _typed(value: object, path: tuple[str, ...], volatile: frozenset[str]) -> Json:
    if len(path) > _MAX_DEPTH:
        raise InvalidInput(f"config {_dotted(path[:3])}... nests deeper than {_MAX_DEPTH} levels")
    if value is None or type(value) is bool:
        return value
    if type(value) is str:
        return _text(value, path)
    if type(value) is int:
        return ["int", _int_text(value, path)]
    if type(value) is float:
        return ["float", _float_text(value, path)]
    if isinstance(value, Mapping):
        return _typed_mapping(value, path, volatile)
    if isinstance(value, list | tuple):
        items = [_typed(item, (*path, str(i)), volatile) for i, item in enumerate(value)]
        return ["list", *items]
    raise InvalidInput(f"config {_dotted(path)} is {_described(value)}", path=_dotted(path))


def _typed_mapping(
    value: Mapping[str, object], path: tuple[str, ...], volatile: frozenset[str]
) -> Json:
    typed: dict[str, Json] = {}
    for key, item in value.items():
        if type(key) is not str:
            place = " ".join(["config", *filter(None, [_dotted(path)])])
            raise InvalidInput(
                f"{place} has the key {key!r}, a {type(key).__name__} and not plain text; "
                "write it as a str",
                path=_dotted(path),
            )
        _text(key, (*path, ascii(key)[1:-1]))
        if _dotted((*path, key)) not in volatile:
            typed[key] = _typed(item, (*path, key), volatile)
    return typed


def _text(value: str, path: tuple[str, ...]) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"config {_dotted(path)} holds {value[error.start]!a}, half of a surrogate pair, "
            "which stands for no character and is not canonical JSON: leave it out",
            path=_dotted(path),
        ) from error
    return value


def _int_text(value: int, path: tuple[str, ...]) -> str:
    if value.bit_length() > _MAX_BITS:
        raise InvalidInput(
            f"config {_dotted(path)} is a whole number of more than {_MAX_BITS} bits; "
            "write it as text",
            path=_dotted(path),
        )
    return str(value)


def _float_text(value: float, path: tuple[str, ...]) -> str:
    if not math.isfinite(value):
        raise InvalidInput(
            f"config {_dotted(path)} is {value}, which compares with nothing; use a number or null",
            path=_dotted(path),
        )
    return (value + 0.0).hex()


def _described(value: object) -> str:
    kind = type(value)
    if kind.__module__.partition(".")[0] == "numpy":
        return f"a numpy {kind.__name__}; turn it into a plain number or list (.item(), .tolist())"
    advice = _ADVICE.get(kind.__name__, "use null, bool, int, float, str, lists and mappings only")
    return f"a {kind.__name__}, which has no canonical form; {advice}"


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(path)
