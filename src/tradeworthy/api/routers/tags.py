"""Tags of versions, and the search by them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, Serving, governed
from tradeworthy.api.http.pages import visible_page
from tradeworthy.api.http.parameters import Limit, Version
from tradeworthy.api.version_detail import full_version_detail, version_detail
from tradeworthy.errors import InvalidInput
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import version_of
from tradeworthy.model_registry.changes import read_model
from tradeworthy.store.ports.versions import VersionQuery, VersionRow
from tradeworthy.wire.field_types import TAG, Line, TagTexts
from tradeworthy.wire.versions import SetTag, VersionDetail

router = APIRouter(prefix="/api/v1/ml", tags=["management"], route_class=GovernedRoute)

_TAG = re.compile(TAG)


@router.get("/versions", **governed(Action.READ))
def search_versions(
    service: Serving,
    caller: Caller,
    strategy: Annotated[Line | None, Query()] = None,
    stage: Stage | None = None,
    tag: Annotated[TagTexts | None, Query(description="key=value; all have to hold")] = None,
    after_model: Annotated[Line, Query()] = "",
    after_version: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Limit = 100,
) -> list[VersionDetail]:
    """Search versions by strategy, stage and tags, a page at a time."""
    query = VersionQuery(strategy=strategy, stage=stage, tags=_tags(tag or ()))

    def fetch(last: VersionRow | None) -> Sequence[VersionRow]:
        after = (last.model, last.version.version) if last else (after_model, after_version)
        with service.store.read() as view:
            return view.versions.search(query, after=after, limit=limit)

    return [
        version_detail(row.model, row.version, row.tags)
        for row in visible_page(fetch, caller, limit)
    ]


def _tags(texts: Sequence[str]) -> dict[str, str]:
    pairs = {_pair(text) for text in texts}
    tags = dict(pairs)
    if len(tags) < len(pairs):
        key = next(key for key, value in pairs if tags[key] != value)
        raise InvalidInput(f"tag {key!r} cannot have two values at once", field="tag")
    return tags


def _pair(text: str) -> tuple[str, str]:
    if not _TAG.fullmatch(text):
        raise InvalidInput(f"tag {text[:80]!r} is not of the form key=value", field="tag")
    key, _, value = text.partition("=")
    return key, value


@router.post("/{model}/versions/{version}/tags", **governed(Action.DRAFT_VERSION))
def tag_version(
    model: str, version: Version, body: SetTag, service: Serving, caller: Caller
) -> VersionDetail:
    """Put a tag on a version."""
    service.registry.tag(model, version, body.key, body.value, actor=caller)
    state = read_model(service.store, model).state
    return full_version_detail(service.store, model, version_of(state, version))
