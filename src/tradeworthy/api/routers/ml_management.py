"""Registering, training's papers, backtests, promotions, approvals and stops."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import (
    Caller,
    GovernedRoute,
    RawBody,
    Serving,
    governed,
)
from tradeworthy.api.http.paging import visible_page
from tradeworthy.api.http.preconditions import IfMatch, conditional
from tradeworthy.api.http.respond_async import PrefersAsync, accepted, or_a_job
from tradeworthy.api.presenting import event_out, full_version_out, plan_out, version_out
from tradeworthy.errors import InvalidInput, RecordNotFound
from tradeworthy.lifecycle.evolve import fold
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import version_of
from tradeworthy.model_registry.backtests import CostsAsked
from tradeworthy.model_registry.changes import check_revision
from tradeworthy.model_registry.jobs import outcome_to_json
from tradeworthy.model_registry.manifests import manifest_of
from tradeworthy.store.ports.versions import VersionQuery, VersionRow
from tradeworthy.wire import field_types, schemas

router = APIRouter(prefix="/api/v1/ml", tags=["management"], route_class=GovernedRoute)

Version = Annotated[int, Path(ge=1, le=field_types.MAX_VERSION)]
_TAG = re.compile(field_types.TAG)
Limit = Annotated[int, Query(ge=1, le=1000)]


@router.post("/models", status_code=201, **governed(Action.REGISTER_MODEL))
def register_model(asked: schemas.ModelAsked, service: Serving, caller: Caller) -> schemas.ModelOut:
    """Give a model its name."""
    state = service.registry.register_model(
        asked.name, strategy=asked.strategy, owner=asked.owner, tier=asked.tier, actor=caller
    )
    assert state.created_at is not None  # noqa: S101 - it was just registered
    return schemas.ModelOut(
        name=state.name,
        strategy=state.strategy,
        owner=state.owner,
        tier=state.tier,
        created_at=state.created_at,
        created_by=state.created_by,
        production_version=None,
    )


@router.get("/versions", **governed(Action.READ))
def search_versions(
    service: Serving,
    caller: Caller,
    strategy: Annotated[field_types.Line | None, Query()] = None,
    stage: Stage | None = None,
    tag: Annotated[
        field_types.TagTexts | None, Query(description="key=value; all have to hold")
    ] = None,
    after_model: Annotated[field_types.Line, Query()] = "",
    after_version: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Limit = 100,
) -> list[schemas.VersionOut]:
    """Search versions by strategy, stage and tags, a page at a time."""
    query = VersionQuery(strategy=strategy, stage=stage, tags=_tags(tag or ()))

    def fetch(last: VersionRow | None) -> Sequence[VersionRow]:
        after = (last.model, last.version.version) if last else (after_model, after_version)
        with service.store.read() as view:
            return view.versions.search(query, after=after, limit=limit)

    return [
        version_out(row.model, row.version, row.tags) for row in visible_page(fetch, caller, limit)
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


@router.post("/{model}/versions", status_code=201, **governed(Action.DRAFT_VERSION))
def draft_version(model: str, service: Serving, caller: Caller) -> schemas.DraftOut:
    """Open the next version of a model."""
    number = service.registry.draft_version(model, actor=caller)
    return schemas.DraftOut(model=model, version=number)


@router.put(
    "/{model}/versions/{version}/manifest",
    **governed(Action.RECORD_MANIFEST, raw="application/json"),
)
def record_manifest(
    model: str, version: Version, text: RawBody, service: Serving, caller: Caller
) -> schemas.ManifestOut:
    """Attach its manifest to a draft; its artifact files have to be there."""
    recorded = service.registry.record_manifest(model, version, text, actor=caller)
    return schemas.ManifestOut(
        manifest_digest=str(recorded.manifest_digest), content_digest=str(recorded.content_digest)
    )


@router.get("/{model}/versions/{version}", **governed(Action.READ))
def read_version(model: str, version: Version, service: Serving) -> schemas.VersionOut:
    """Return one version."""
    state = service.registry.model(model).state
    return full_version_out(service.store, model, version_of(state, version))


@router.get("/{model}/versions/{version}/manifest", **governed(Action.READ))
def read_manifest(model: str, version: Version, service: Serving) -> dict[str, object]:
    """Return the manifest of a version."""
    state = service.registry.model(model).state
    found = version_of(state, version)
    if found.manifest_digest is None:
        raise RecordNotFound(f"version {version} has no manifest yet: train it and record one")
    with service.store.read() as view:
        manifest = manifest_of(view, found)
    return dict(json.loads(manifest.to_json()))


@router.post(
    "/{model}/backtest",
    response_model=schemas.BacktestOut,
    **or_a_job(governed(Action.BACKTEST)),
)
def backtest(
    model: str,
    asked: schemas.BacktestAsked,
    service: Serving,
    caller: Caller,
    prefers_job: PrefersAsync,
) -> schemas.BacktestOut | Response:
    """Evaluate a version: walk-forward refits, its artifact after its train end, data, features."""
    fees = asked.costs
    costs = None if fees is None else CostsAsked(fees.commission_bps, fees.slippage_bps)
    if prefers_job:
        job = service.jobs.submit_backtest(
            model, asked.version, dataset_hash=asked.dataset_hash, costs=costs, actor=caller
        )
        return accepted(job)
    outcome = service.backtests.backtest(
        model, asked.version, dataset_hash=asked.dataset_hash, costs=costs, actor=caller
    )
    return schemas.BacktestOut.model_validate(outcome_to_json(model, asked.version, outcome))


@router.post("/{model}/promote", **conditional(governed(Action.PROMOTE)))
def promote(
    model: str,
    asked: schemas.PromotionAsked,
    service: Serving,
    caller: Caller,
    if_match: IfMatch,
) -> schemas.PlanOut:
    """Move a version one stage forward or to RETIRED; ``dry_run`` says what its gates would."""
    if asked.dry_run:
        check_revision(service.registry.model(model), if_match)
        plan = service.registry.plan_promotion(
            model,
            asked.version,
            asked.target,
            overrides=asked.overrides,
            reason=asked.reason,
            actor=caller,
        )
        return plan_out(plan, applied=False)
    plan = service.registry.promote(
        model,
        asked.version,
        asked.target,
        overrides=asked.overrides,
        reason=asked.reason,
        if_match=if_match,
        actor=caller,
    )
    return plan_out(plan, applied=True)


@router.post("/{model}/versions/{version}/approve", **governed(Action.APPROVE))
def approve(
    model: str, version: Version, asked: schemas.ApprovalAsked, service: Serving, caller: Caller
) -> schemas.VersionOut:
    """Approve the content of a version for a stage."""
    approved = service.registry.approve(
        model, version, asked.target, asked.content_digest, reason=asked.reason, actor=caller
    )
    return full_version_out(service.store, model, approved)


@router.post("/{model}/versions/{version}/retire", **governed(Action.RETIRE))
def retire(
    model: str, version: Version, asked: schemas.ReasonAsked, service: Serving, caller: Caller
) -> schemas.VersionOut:
    """Withdraw a version for good."""
    retired = service.registry.retire(model, version, reason=asked.reason, actor=caller)
    return full_version_out(service.store, model, retired)


@router.post("/{model}/versions/{version}/quarantine", **governed(Action.QUARANTINE))
def quarantine(
    model: str, version: Version, asked: schemas.ReasonAsked, service: Serving, caller: Caller
) -> schemas.VersionOut:
    """Stop a version: it keeps its stage and does not predict."""
    stopped = service.registry.quarantine(model, version, reason=asked.reason, actor=caller)
    return full_version_out(service.store, model, stopped)


@router.post("/{model}/versions/{version}/lift-quarantine", **governed(Action.QUARANTINE))
def lift_quarantine(
    model: str, version: Version, asked: schemas.ReasonAsked, service: Serving, caller: Caller
) -> schemas.VersionOut:
    """Let a stopped version predict again."""
    lifted = service.registry.lift_quarantine(model, version, reason=asked.reason, actor=caller)
    return full_version_out(service.store, model, lifted)


@router.post("/{model}/versions/{version}/tags", **governed(Action.DRAFT_VERSION))
def tag_version(
    model: str, version: Version, asked: schemas.TagAsked, service: Serving, caller: Caller
) -> schemas.VersionOut:
    """Put a tag on a version."""
    service.registry.tag(model, version, asked.key, asked.value, actor=caller)
    state = service.registry.model(model).state
    return full_version_out(service.store, model, version_of(state, version))


@router.get("/{model}/history", **governed(Action.READ))
def history(
    model: str, service: Serving, at: Annotated[field_types.Moment | None, Query()] = None
) -> schemas.HistoryOut:
    """Return a model as it stood at a time, folded from its events."""
    moment = service.clock() if at is None else _utc(at)
    with service.store.read() as view:
        events = view.events.of_model(model, until=moment)
    state = fold(model, [recorded.event for recorded in events])
    return schemas.HistoryOut(
        model=model,
        at=moment,
        production_version=state.champion.version if state.champion else None,
        stages={number: version.stage for number, version in state.versions.items()},
        events=[event_out(recorded) for recorded in events],
    )


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise InvalidInput("at needs its offset from UTC, as in 2026-01-05T12:00:00Z", field="at")
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput("at lies outside of the years 1 to 9999", field="at") from error


@router.get("/{model}/policy", **governed(Action.READ))
def policy(model: str, service: Serving) -> schemas.PolicyOut:
    """Return the policy that a model is held to."""
    effective = service.promotions.policy(service.registry.model(model).state)
    return schemas.PolicyOut(
        digest=effective.digest,
        values=dict(effective.values),
        origins=dict(effective.origins),
    )
