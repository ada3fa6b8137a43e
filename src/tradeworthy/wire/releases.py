"""Releases of features and which one is active."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, JsonValue

from tradeworthy.wire.bodies import RequestBody, ResponseBody
from tradeworthy.wire.field_types import Digest, Epoch, Flag, OptionalReason


class NewRelease(RequestBody):
    """Feature graph snapshots that make a release."""

    snapshots: Annotated[list[dict[str, JsonValue]], Field(min_length=1, max_length=1000)]


class ListedRelease(ResponseBody):
    """A release of features."""

    release: str
    features: dict[str, str]


class ActivateRelease(RequestBody):
    """A release to activate."""

    release: Digest
    expected_epoch: Epoch | None = None
    reason: OptionalReason = ""
    force: Flag = False


class ActivatedRelease(ResponseBody):
    """An activation."""

    epoch: int
    release: str
    at: datetime
    actor: str
    reason: str
