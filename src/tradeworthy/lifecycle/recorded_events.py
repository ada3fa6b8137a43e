"""Events as they are recorded: a kind by its name, and its fields as JSON."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import get_args

import tradeworthy.lifecycle
from tradeworthy.base.digests import Json
from tradeworthy.errors import InvalidInput
from tradeworthy.lifecycle.events import Attachment, EventBody
from tradeworthy.lifecycle.stages import Stage


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
    >>> body_to_json(VersionRetired(3, Stage.STAGING))
    {'version': 3, 'source': 'STAGING'}
    """
    fields: dict[str, Json] = {}
    for field in dataclasses.fields(body):
        value = getattr(body, field.name)
        if isinstance(value, tuple):
            value = list(value)
        fields[field.name] = str(value) if isinstance(value, Stage) else value
    return fields


def body_from_json(kind: str, fields: dict[str, Json]) -> EventBody:
    """Rebuild an event's body; the inverse of ``body_to_json``.

    Raises
    ------
    InvalidInput
        For a kind or a field that this release does not know.

    Examples
    --------
    >>> body_from_json("VersionRetired", {"version": 3, "source": "STAGING"})
    VersionRetired(version=3, source=<Stage.STAGING: 'STAGING'>)
    """
    known = event_kinds().get(kind)
    if known is None:
        raise InvalidInput(f"unknown event kind {kind!r}: read it with the release that wrote it")
    try:
        values = {name: _from_json(name, value) for name, value in fields.items()}
        return known(**values)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"event {kind} does not fit this release: {error}") from error


def _from_json(name: str, value: Json) -> object:
    if name in {"source", "target"}:
        return Stage(str(value))
    return tuple(value) if isinstance(value, list) else value
