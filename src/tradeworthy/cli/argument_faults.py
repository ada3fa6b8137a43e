"""What is wrong with an argument, by the option or argument that was typed.

A request's field is the command's parameter of the same name, or of the same name on the command
line: where the two differ, the parameter is called as the field is, and its option as is easy to
type.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

import typer

from tradeworthy.errors import InvalidInput

_SHOWN = 80
_WHERE = frozenset({"body", "path", "query"})


def as_typed(error: InvalidInput, ctx: typer.Context) -> InvalidInput:
    """Return an error of a request's field as one of the option or argument that it came from."""
    labels = {name: label for each in ctx.command.params for name, label in _named(each)}
    places = error.details.get("errors")
    if isinstance(places, list):
        text = "; ".join(_fault(labels, ctx.params, each) for each in places)
    else:
        text = _relabelled(error.message, str(error.details.get("field")), labels)
    return InvalidInput(text, **error.details)


def _named(parameter: Any) -> list[tuple[str, tuple[str, str]]]:
    """Return the names that a field of a parameter may have, each with the parameter's own."""
    option = max(parameter.opts, key=len)
    label = option if option.startswith("-") else (parameter.metavar or parameter.name).upper()
    named = parameter.name, label
    return [(parameter.name, named), (label.lstrip("-").lower().replace("-", "_"), named)]


def _fault(
    labels: dict[str, tuple[str, str]], values: dict[str, Any], fault: dict[str, Any]
) -> str:
    place = [part for part in fault["place"] if part not in _WHERE]
    for at in reversed(range(len(place))):
        if place[at] in labels:
            name, label = labels[place[at]]
            value = values.get(name)
            if isinstance(value, list) and place[at + 1 :] and place[at + 1].isdigit():
                value = value[int(place[at + 1])]
            return f"{label} {fault['message']}{_instead_of(value, fault['message'])}"
    return f"{'.'.join(place)} {fault['message']}"


def _instead_of(value: object, message: str) -> str:
    if not isinstance(value, str | int | float):
        return ""
    text = f"{value}"[:_SHOWN]
    allowed = {word.lower(): word for word in re.findall("'([^']+)'", message)}
    alike = get_close_matches(text.lower(), allowed, 1)
    return f", not {text!r}" + (f": did you mean {allowed[alike[0]]!r}?" if alike else "")


def _relabelled(message: str, field: str, labels: dict[str, tuple[str, str]]) -> str:
    """Put the option's name in front of a message of the registry's own, or in its place."""
    if field not in labels:
        return message
    _, label = labels[field]
    rest = message.removeprefix(f"{field} ")
    return f"{label}: {message}" if rest == message else f"{label} {rest}"
