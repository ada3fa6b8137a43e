"""What is wrong with a field of data from outside, in words for whoever sent it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from tradeworthy.base.text_forms import IN_WORDS
from tradeworthy.errors import InvalidInput

_SHOWN: Final = 80
_MOST_FAULTS: Final = 100

# By the type of pydantic's error; a place in braces is filled from its context.
_TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bool_parsing": "must be true or false",
        "bool_type": "must be true or false",
        "dataclass_exact_type": "must be an object",
        "dataclass_type": "must be an object",
        "datetime_from_date_parsing": "must be a time as in 2026-01-05T12:00:00Z",
        "datetime_object_invalid": "must be a time as in 2026-01-05T12:00:00Z",
        "datetime_parsing": "must be a time as in 2026-01-05T12:00:00Z",
        "datetime_type": "must be a time as in 2026-01-05T12:00:00Z",
        "dict_type": "must be an object",
        "enum": "must be {expected}",
        "extra_forbidden": "is unknown here: take it out, or correct its name",
        "finite_number": "must be a finite number",
        "float_parsing": "must be a number",
        "float_type": "must be a number",
        "greater_than": "must be above {gt}",
        "greater_than_equal": "must be at least {ge}",
        "int_from_float": "must be a whole number",
        "int_parsing": "must be a whole number",
        "int_parsing_size": "is too large a number",
        "int_type": "must be a whole number",
        "less_than": "must be below {lt}",
        "less_than_equal": "must be at most {le}",
        "list_type": "must be a list",
        "literal_error": "must be {expected}",
        "missing": "is missing",
        "model_attributes_type": "must be an object",
        "model_type": "must be an object",
        "string_too_long": "must have at most {max_length} characters",
        "string_too_short": "must have at least {min_length} characters",
        "none_required": "must be null",
        "path_type": "must be a path",
        "string_type": "must be text",
        "string_unicode": "must be text in UTF-8",
        "too_long": "must have at most {max_length} entries",
        "too_short": "must have at least {min_length} entries",
        "tuple_type": "must be a list",
        "unexpected_keyword_argument": "is unknown here: take it out, or correct its name",
        "value_error": "is refused: {error}",
    }
)


@dataclass(frozen=True, slots=True)
class FieldFault:
    """A field and what is wrong with it.

    Attributes
    ----------
    place
        Names and positions that lead to the field, from the outside; empty for the whole.
    text
        Goes on where the field's name ends: ``must be text``.
    """

    place: tuple[str, ...]
    text: str

    @property
    def path(self) -> str:
        """The place as one text, ``(whole)`` for the whole."""
        return ".".join(self.place) or "(whole)"

    def __str__(self) -> str:
        return f"{self.path} {self.text}"


def field_fault(detail: Mapping[str, Any]) -> FieldFault:
    """Return what one entry of pydantic's ``errors()`` says.

    Examples
    --------
    >>> entry = {"type": "greater_than_equal", "loc": ("body", "version"), "ctx": {"ge": 1}}
    >>> str(field_fault({**entry, "msg": "Input should be greater than or equal to 1"}))
    'body.version must be at least 1'
    """
    template = _TEXTS.get(detail["type"])
    text = f"is refused: {detail['msg']}"
    if template is not None:
        text = template.format_map(detail.get("ctx", {}))
    elif detail["type"] == "string_pattern_mismatch":
        text = f"must be {IN_WORDS[detail['ctx']['pattern']]}"
    return FieldFault(tuple(str(part)[:_SHOWN] for part in detail["loc"]), text)


def invalid_fields(details: Sequence[Mapping[str, Any]]) -> InvalidInput:
    """Return the error that the entries of pydantic's ``errors()`` are, each with its place."""
    # An answer stays short whatever was sent.
    faults = [field_fault(detail) for detail in details[:_MOST_FAULTS]]
    places = [{"place": [*each.place], "message": each.text} for each in faults]
    return InvalidInput(str(faults[0]), errors=places)


def first_fault(error: ValidationError) -> FieldFault:
    """Return the first of the faults that a validation found; it quotes no value."""
    return field_fault(error.errors(include_url=False, include_input=False)[0])
