"""Approvals of a version's content."""

from __future__ import annotations

from datetime import datetime

from tradeworthy.lifecycle.stages import Stage
from tradeworthy.wire.bodies import RequestBody, ResponseBody
from tradeworthy.wire.field_types import Digest, OptionalReason


class ApproveVersion(RequestBody):
    """An approval of the content that the approver has read."""

    content_digest: Digest
    target: Stage = Stage.PRODUCTION
    reason: OptionalReason = ""


class GivenApproval(ResponseBody):
    """An approval."""

    approver: str
    target: Stage
    content_digest: str
    policy_digest: str
    at: datetime
