"""Models: registering one, listing them, and where one stands."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from tradeworthy.base.text_forms import ONE_LINE
from tradeworthy.wire.bodies import RequestBody, ResponseBody
from tradeworthy.wire.drift import DriftState
from tradeworthy.wire.field_types import Name, RegisteredName
from tradeworthy.wire.versions import VersionDetail


class NewModel(RequestBody):
    """A model to register."""

    name: RegisteredName
    strategy: RegisteredName
    owner: Name
    tier: Annotated[str, Field(min_length=1, max_length=64, pattern=ONE_LINE)] = "standard"


class ListedModel(ResponseBody):
    """A model in a list."""

    name: str
    strategy: str
    owner: str
    tier: str
    created_at: datetime
    created_by: str
    production_version: int | None


class AlignmentState(ResponseBody):
    """Whether running = active = bound."""

    aligned: bool
    bound: str | None
    active: str | None
    running: str | None
    differences: list[str]


class RollbackTarget(ResponseBody):
    """The version that a rollback would bring back."""

    version: int
    ready: bool


class ModelStatus(ResponseBody):
    """Where a model stands."""

    model: str
    strategy: str
    revision: int
    production: VersionDetail | None
    alignment: AlignmentState | None
    epoch: int
    drift: DriftState | None
    quarantined: bool
    rollback: RollbackTarget | None
