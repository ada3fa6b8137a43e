"""Versions of models: drafting, stopping and tagging them, and what is known of one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from tradeworthy.base.text_forms import NO_NUL, TAG_KEY
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.wire.approvals import GivenApproval
from tradeworthy.wire.bodies import RequestBody, ResponseBody
from tradeworthy.wire.field_types import Reason


class StatedReason(RequestBody):
    """Why a version is stopped, let go again or withdrawn."""

    reason: Reason


class SetTag(RequestBody):
    """A tag of a version."""

    key: Annotated[str, Field(max_length=128, pattern=TAG_KEY)]
    value: Annotated[str, Field(max_length=512, pattern=NO_NUL)]


class DraftedVersion(ResponseBody):
    """A version's number."""

    model: str
    version: int


class RecordedManifest(ResponseBody):
    """What a manifest is kept under, and what an approval of it names."""

    manifest_digest: str
    content_digest: str


class VersionDetail(ResponseBody):
    """A version with its stage, digests, figures, and who did what when."""

    model: str
    version: int
    stage: Stage
    author: str
    trainer: str | None
    created_at: datetime
    stage_since: datetime
    manifest_digest: str | None
    artifact_digest: str | None
    content_digest: str | None
    quarantined: bool
    quarantine_reason: str | None
    quarantined_by: str | None
    quarantined_at: datetime | None
    approvals: list[GivenApproval]
    tags: dict[str, str]
    metrics: dict[str, float | None] | None = None
