"""Events as they are recorded: a kind by its name, and its fields as JSON."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from enum import Enum
from functools import cache, partial
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType, NoneType
from typing import cast, get_args, get_origin, get_type_hints

import tradeworthy.lifecycle
from tradeworthy.base.digests import Json
from tradeworthy.errors import InvalidInput
from tradeworthy.lifecycle.events import Attachment, EventBody


@cache
def event_kinds() -> Mapping[str, type[EventBody]]:
    """Return every kind of event by the name under which it is recorded.

    The kinds that move a version stand in ``events``; each that attaches something to one is found
    in whichever file of this folder defines it.

    Examples
    --------
    >>> event_kinds()["VersionTagged"].__module__
    'tradeworthy.lifecycle.tags'
    """
    moves = [kind for kind in get_args(EventBody) if kind is not Attachment]
    attachments = [
        kind
        for module in iter_modules(tradeworthy.lifecycle.__path__, "tradeworthy.lifecycle.")
        for _, kind in inspect.getmembers(import_module(module.name), inspect.isclass)
        if issubclass(kind, Attachment) and kind is not Attachment
    ]
    return MappingProxyType({kind.__name__: kind for kind in (*moves, *attachments)})


def body_to_json(body: EventBody) -> dict[str, Json]:
    """Return the fields of ``body`` as JSON.

    Examples
    --------
    >>> from tradeworthy.lifecycle.events import VersionRetired
    >>> from tradeworthy.lifecycle.stages import Stage
    >>> body_to_json(VersionRetired(3, Stage.STAGING))
    {'version': 3, 'source': 'STAGING', 'verdict_digest': None}
    """
    return {field.name: _to_json(getattr(body, field.name)) for field in dataclasses.fields(body)}


def body_from_json(kind: str, fields: dict[str, Json]) -> EventBody:
    """Rebuild an event's body; the inverse of ``body_to_json``.

    Raises
    ------
    InvalidInput
        For a kind or a field that this release does not know.

    Examples
    --------
    >>> body_from_json("VersionRetired", {"version": 3, "source": "STAGING"})
    VersionRetired(version=3, source=<Stage.STAGING: 'STAGING'>, verdict_digest=None)
    """
    known = event_kinds().get(kind)
    if known is None:
        raise InvalidInput(f"unknown event kind {kind!r}: read it with the release that wrote it")
    try:
        return rebuild(known, fields)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"event {kind} does not fit this release: {error}") from error


def rebuild(kind: type[EventBody], fields: Mapping[str, Json]) -> EventBody:
    """Rebuild an event's body of a known kind.

    Raises
    ------
    TypeError, ValueError
        For fields that the kind does not have, or values that its types do not.
    """
    readers = _readers_of(cast("Hashable", kind))
    values = {
        name: readers[name](value) if name in readers else value for name, value in fields.items()
    }
    return kind(**values)  # type: ignore[arg-type]


Reader = Callable[[Json], object]


@cache
def _readers_of(kind: Hashable) -> Mapping[str, Reader]:
    """Return what makes a field of its JSON; a field that is what its JSON is has none."""
    readers = {name: _reader(declared) for name, declared in get_type_hints(kind).items()}
    return {name: reader for name, reader in readers.items() if reader is not None}


def _to_json(value: object) -> Json:
    match value:
        case datetime():
            return value.isoformat()
        case Enum():
            return str(value.value)
        case tuple():
            return [_to_json(each) for each in value]
        case None | bool() | int() | float() | str():
            return value
    raise TypeError(f"an event cannot hold {value!r}: use texts, numbers, times, enums or tuples")


def _reader(declared: object) -> Reader | None:
    """Return what rebuilds a value of a declared type, None where JSON has it as it is."""
    if declared is datetime:
        return lambda value: datetime.fromisoformat(str(value))
    if isinstance(declared, type) and issubclass(declared, Enum):
        return declared
    inner = next(filter(None, map(_reader, get_args(declared))), None)
    if get_origin(declared) is tuple:
        return partial(_tuple, inner)
    if inner is None or NoneType not in get_args(declared):
        return inner
    return lambda value: None if value is None else inner(value)


def _tuple(reader: Reader | None, value: Json) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise TypeError(f"a list is wanted, not {value!r}")
    return tuple(value if reader is None else map(reader, value))
