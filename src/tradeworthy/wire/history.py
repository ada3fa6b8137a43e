"""What happened to a model, and how it stood at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tradeworthy.lifecycle.stages import Stage
from tradeworthy.wire.bodies import ResponseBody


class HistoryEvent(ResponseBody):
    """Something that happened to a model."""

    sequence: int
    kind: str
    version: int | None
    actor: str
    at: datetime
    reason: str
    body: dict[str, Any]


class ModelHistory(ResponseBody):
    """A model as it stood at a time, and how it came there."""

    model: str
    at: datetime
    production_version: int | None
    stages: dict[int, Stage]
    events: list[HistoryEvent]
