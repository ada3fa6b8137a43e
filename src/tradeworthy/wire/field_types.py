"""The types of fields and parameters: what a text, a number or a time may be."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticKnownError

from tradeworthy.access.tokens import ACTOR
from tradeworthy.base.text_forms import ONE_LINE, REASON, REASON_OR_NONE, SHA256, TO_READ, UNSEEN
from tradeworthy.lifecycle.names import NAME
from tradeworthy.lifecycle.stages import TRANSITIONS, Stage

TAG = f"^[^={UNSEEN}]+=[^\\x00]*$"
Line = Annotated[str, Field(max_length=128, pattern=ONE_LINE)]
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=TO_READ)]
Reason = Annotated[str, Field(min_length=1, max_length=2000, pattern=REASON)]
OptionalReason = Annotated[str, Field(max_length=2000, pattern=REASON_OR_NONE)]
Digest = Annotated[str, Field(pattern=SHA256)]
# The registry checks these names, and says what they may be; here they are only documented.
RegisteredName = Annotated[Name, WithJsonSchema({"type": "string", "pattern": f"^{NAME}$"})]
ActorName = Annotated[Name, WithJsonSchema({"type": "string", "pattern": f"^{ACTOR}$"})]
BasisPoints = Annotated[float, Field(ge=0, le=1000, strict=True)]
# The route says what is wrong with one; here the form is only documented.
TagText = Annotated[str, Field(max_length=641, json_schema_extra={"pattern": TAG})]
# Each is a condition of the query; a database takes only so many.
TagTexts = Annotated[list[TagText], Field(max_length=32)]


def _written(value: object) -> object:
    """Refuse numbers, which could count seconds or milliseconds since whenever."""
    if not isinstance(value, str) or _DATE.match(value) is None:
        raise ValueError("write a time as in 2026-01-05T12:00:00Z")
    return value


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
Moment = Annotated[datetime, BeforeValidator(_written)]


def _whole(value: object) -> object:
    """Take 4.0 as 4: to JSON they are one number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_TARGETS = [str(stage) for stage in Stage if any(stage in ways for ways in TRANSITIONS.values())]


def _target(value: object) -> object:
    """Offer the stages that a move leads to; that none leads to DRAFT is left to the lifecycle."""
    if value not in list(Stage):
        *most, last = map(repr, _TARGETS)
        raise PydanticKnownError("enum", {"expected": f"{', '.join(most)} or {last}"})
    return value


TargetStage = Annotated[
    Stage, BeforeValidator(_target), WithJsonSchema({"type": "string", "enum": _TARGETS})
]
MAX_VERSION = 2**31 - 1
VersionNumber = Annotated[int, Field(ge=1, le=MAX_VERSION, strict=True), BeforeValidator(_whole)]
Epoch = Annotated[int, Field(ge=0, le=2**31 - 1, strict=True), BeforeValidator(_whole)]
Flag = Annotated[bool, Field(strict=True)]
