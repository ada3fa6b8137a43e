"""Registering models, drafting versions, recording their manifests, promoting and retiring them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fastapi import APIRouter

from tradeworthy.access.roles import Action
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, RawBody, Serving, governed
from tradeworthy.api.http.parameters import Version
from tradeworthy.api.http.preconditions import IfMatch, conditional
from tradeworthy.api.version_detail import full_version_detail
from tradeworthy.errors import RecordNotFound
from tradeworthy.lifecycle.state import version_of
from tradeworthy.model_registry.changes import read_model
from tradeworthy.model_registry.manifests import TRAIN_ANEW, manifest_of
from tradeworthy.model_registry.promotion_request import PromotionRequest
from tradeworthy.wire.models import NewModel, RegisteredModel
from tradeworthy.wire.promotions import PromoteVersion, PromotionOutcome
from tradeworthy.wire.verdicts import GivenVerdict
from tradeworthy.wire.versions import (
    DraftedVersion,
    RecordedManifest,
    StatedReason,
    VersionDetail,
)

if TYPE_CHECKING:
    from tradeworthy.promotion.plan import PromotionPlan

router = APIRouter(prefix="/api/v1/ml", tags=["management"], route_class=GovernedRoute)


@router.post("/models", status_code=201, **governed(Action.REGISTER_MODEL))
def register_model(body: NewModel, service: Serving, caller: Caller) -> RegisteredModel:
    """Give a model its name."""
    with service.store.read() as view:
        strategies = view.models.strategies()
    state = service.registry.register_model(
        body.name, strategy=body.strategy, owner=body.owner, tier=body.tier, actor=caller
    )
    assert state.created_at is not None  # noqa: S101 - it was just registered
    return RegisteredModel(
        name=state.name,
        strategy=state.strategy,
        owner=state.owner,
        tier=state.tier,
        created_at=state.created_at,
        created_by=state.created_by,
        production_version=None,
        new_strategy=state.strategy not in strategies,
    )


@router.post("/{model}/versions", status_code=201, **governed(Action.DRAFT_VERSION))
def draft_version(model: str, service: Serving, caller: Caller) -> DraftedVersion:
    """Open the next version of a model."""
    return DraftedVersion(model=model, version=service.registry.draft_version(model, actor=caller))


@router.put(
    "/{model}/versions/{version}/manifest",
    **governed(Action.RECORD_MANIFEST, raw="application/json"),
)
def record_manifest(
    model: str, version: Version, text: RawBody, service: Serving, caller: Caller
) -> RecordedManifest:
    """Attach its manifest to a draft; its artifact files have to be there."""
    recorded = service.registry.record_manifest(model, version, text, actor=caller)
    return RecordedManifest.model_validate(recorded)


@router.get("/{model}/versions/{version}", **governed(Action.READ))
def read_version(model: str, version: Version, service: Serving) -> VersionDetail:
    """Return one version."""
    state = read_model(service.store, model).state
    return full_version_detail(service.store, model, version_of(state, version))


@router.get("/{model}/versions/{version}/manifest", **governed(Action.READ))
def read_manifest(model: str, version: Version, service: Serving) -> dict[str, object]:
    """Return the manifest of a version."""
    state = read_model(service.store, model).state
    found = version_of(state, version)
    if found.manifest_digest is None:
        raise RecordNotFound(f"version {version} has no manifest yet: {TRAIN_ANEW}")
    with service.store.read() as view:
        manifest = manifest_of(view, found)
    return dict(json.loads(manifest.to_json()))


@router.post("/{model}/promote", **conditional(governed(Action.JUDGE_PROMOTION)))
def promote(
    model: str, body: PromoteVersion, service: Serving, caller: Caller, if_match: IfMatch
) -> PromotionOutcome:
    """Move a version one stage forward or to RETIRED; ``dry_run`` says what its gates would."""
    request = PromotionRequest(
        model, body.version, body.target, body.overrides, body.reason, if_match
    )
    judge = service.registry.plan_promotion if body.dry_run else service.registry.promote
    return _promotion_response(judge(request, actor=caller), applied=not body.dry_run)


def _promotion_response(plan: PromotionPlan, *, applied: bool) -> PromotionOutcome:
    return PromotionOutcome(
        model=plan.model,
        version=plan.version,
        source=plan.source,
        target=plan.target,
        allowed=plan.allowed,
        applied=applied,
        steps=[str(step) for step in plan.steps],
        verdict=GivenVerdict.model_validate(plan.verdict.as_dict()),
        verdict_digest=plan.verdict.digest,
    )


@router.post("/{model}/versions/{version}/retire", **governed(Action.RETIRE))
def retire(
    model: str, version: Version, body: StatedReason, service: Serving, caller: Caller
) -> VersionDetail:
    """Withdraw a version for good."""
    retired = service.registry.retire(model, version, reason=body.reason, actor=caller)
    return full_version_detail(service.store, model, retired)
