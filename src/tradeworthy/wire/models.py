"""Models: registering one, listing them, and where one stands."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

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


class RegisteredModel(ListedModel):
    """A model that was registered, and whether no other belongs to its strategy."""

    new_strategy: bool


class DifferingFeature(ResponseBody):
    """A feature that is not what the version is bound to, in the ``place`` that says otherwise.

    ``kind`` is ``added``, ``removed``, ``changed``, or ``reached`` if only an ancestor changed;
    ``reaches`` names the model's inputs that depend on it.
    """

    place: Literal["active", "running"]
    feature: str
    version: int
    kind: str
    reaches: list[str]


class AlignmentState(ResponseBody):
    """Whether running = active = bound; ``differences`` in lines for a person, ``nodes`` all."""

    aligned: bool
    bound: str | None
    active: str | None
    running: str | None
    differences: list[str]
    nodes: list[DifferingFeature]


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
