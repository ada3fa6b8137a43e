"""Prediction, status and versions of models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response

from tradeworthy.access.roles import Action
from tradeworthy.api.drift_state import drift_state
from tradeworthy.api.http.governed_route import Caller, GovernedRoute, Serving, governed
from tradeworthy.api.http.pages import visible_page
from tradeworthy.api.http.parameters import Limit
from tradeworthy.api.version_detail import full_version_detail, version_detail
from tradeworthy.errors import ReleaseUnconfirmed, TradeworthyError
from tradeworthy.lifecycle.state import ModelState, VersionState
from tradeworthy.model_registry.changes import record_of
from tradeworthy.model_registry.manifests import manifest_of
from tradeworthy.model_registry.releases import rollback_target
from tradeworthy.runtime.service import Service
from tradeworthy.store.ports.models import ModelSummary
from tradeworthy.wire.field_types import Line
from tradeworthy.wire.models import (
    AlignmentState,
    ListedModel,
    ModelStatus,
    RollbackTarget,
)
from tradeworthy.wire.predictions import Predictions, PredictRows
from tradeworthy.wire.versions import VersionDetail

router = APIRouter(prefix="/api/v1/models", tags=["models"], route_class=GovernedRoute)


@router.get("", **governed(Action.READ))
def list_models(
    service: Serving,
    caller: Caller,
    after: Annotated[Line, Query()] = "",
    limit: Limit = 100,
) -> list[ListedModel]:
    """List models by name; ``after`` is the last name of the page before."""

    def fetch(last: ModelSummary | None) -> Sequence[ModelSummary]:
        with service.store.read() as view:
            return view.models.page(after=last.name if last else after, limit=limit)

    return [ListedModel.model_validate(summary) for summary in visible_page(fetch, caller, limit)]


@router.post("/{model}/predict", **governed(Action.PREDICT))
def predict(model: str, body: PredictRows) -> Predictions:
    """Predict with the version in PRODUCTION, if running = active = bound.

    A serving worker answers this route before the framework sees it.
    """
    raise ReleaseUnconfirmed(
        f"a home in this process predicts nothing, nor these {len(body.rows)} rows for {model!r}: "
        "start `tradeworthy serve` and name its URL, as in Client(server=URL)"
    )


@router.get("/{model}/status", **governed(Action.READ, etag=True))
def status(model: str, service: Serving, response: Response) -> ModelStatus:
    """Return where a model stands: production, alignment, drift, rollback target."""
    with service.store.read() as view:
        record = record_of(view, model)
        activation = view.releases.activation()
        drift = drift_state(view, record.state, service.policies.of, service.clock())
    state = record.state
    champion = state.champion
    response.headers["ETag"] = f'"{record.revision}"'
    return ModelStatus(
        model=model,
        strategy=state.strategy,
        revision=record.revision,
        production=full_version_detail(service.store, model, champion) if champion else None,
        alignment=_alignment(service, champion) if champion else None,
        epoch=activation.epoch if activation else 0,
        drift=drift,
        quarantined=bool(champion and champion.quarantined),
        rollback=_rollback(service, state),
    )


@router.get("/{model}/versions", **governed(Action.READ, etag=True))
def versions(model: str, service: Serving, response: Response) -> list[VersionDetail]:
    """List every version of a model, oldest first."""
    with service.store.read() as view:
        record = record_of(view, model)
        tags = view.versions.tags(model)
        latest = view.backtests.latest(model)
    response.headers["ETag"] = f'"{record.revision}"'
    return [
        version_detail(model, version, tags.get(number, {}), latest.get(number))
        for number, version in sorted(record.state.versions.items())
    ]


def _alignment(service: Service, version: VersionState) -> AlignmentState:
    try:
        with service.store.read() as view:
            manifest = manifest_of(view, version)
        alignment = service.sources.alignment(manifest)
    except TradeworthyError as error:
        return AlignmentState(
            aligned=False,
            bound=None,
            active=None,
            running=None,
            differences=[error.message],
            nodes=[],
        )
    return AlignmentState.model_validate(alignment.to_json())


def _rollback(service: Service, state: ModelState) -> RollbackTarget | None:
    target = rollback_target(state)
    if target is None:
        return None
    aligned = _alignment(service, target).aligned
    return RollbackTarget(version=target.version, ready=aligned)
