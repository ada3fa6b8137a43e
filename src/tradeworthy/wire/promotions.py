"""Promotions: one step forward, judged by the gates of the policy."""

from __future__ import annotations

from pydantic import JsonValue

from tradeworthy.lifecycle.stages import Stage
from tradeworthy.wire.bodies import RequestBody, ResponseBody
from tradeworthy.wire.field_types import Flag, Line, OptionalReason, TargetStage, VersionNumber
from tradeworthy.wire.verdicts import GivenVerdict


class PromoteVersion(RequestBody):
    """A promotion: one step forward."""

    version: VersionNumber
    target: TargetStage | None = None
    overrides: dict[Line, JsonValue] | None = None
    reason: OptionalReason = ""
    dry_run: Flag = False


class PromotionOutcome(ResponseBody):
    """A promotion, judged: every gate with what it saw."""

    model: str
    version: int
    source: Stage
    target: Stage
    allowed: bool
    applied: bool
    steps: list[str]
    verdict: GivenVerdict
    verdict_digest: str
