"""Turning what the registry knows into the bodies of answers."""

from __future__ import annotations

from collections.abc import Mapping

from tradeworthy.lifecycle.recorded_events import body_to_json
from tradeworthy.lifecycle.state import VersionState
from tradeworthy.promotion.plan import PromotionPlan
from tradeworthy.store.ports.backtests import BacktestRecord
from tradeworthy.store.ports.datasets import DatasetRecord
from tradeworthy.store.ports.drift_reports import DriftReportRecord
from tradeworthy.store.ports.events import RecordedEvent
from tradeworthy.store.ports.releases import Activation
from tradeworthy.store.unit_of_work import Store
from tradeworthy.wire import schemas


def version_out(
    model: str,
    version: VersionState,
    tags: Mapping[str, str],
    backtest: BacktestRecord | None = None,
) -> schemas.VersionOut:
    """Present a version, with the figures of its latest backtest."""
    return schemas.VersionOut(
        model=model,
        version=version.version,
        stage=version.stage,
        author=version.author,
        trainer=version.trainer,
        created_at=version.created_at,
        stage_since=version.stage_since,
        manifest_digest=version.manifest_digest,
        artifact_digest=version.artifact_digest,
        content_digest=version.content_digest,
        quarantined=version.quarantined,
        quarantine_reason=version.quarantine_reason,
        approvals=[
            schemas.ApprovalOut(
                approver=a.approver,
                target=a.target,
                content_digest=a.content_digest,
                policy_digest=a.policy_digest,
                at=a.at,
            )
            for a in version.approvals
        ],
        tags=dict(tags),
        metrics=dict(backtest.metrics) if backtest else None,  # type: ignore[arg-type]
    )


def plan_out(plan: PromotionPlan, *, applied: bool) -> schemas.PlanOut:
    """Present a promotion."""
    return schemas.PlanOut(
        model=plan.model,
        version=plan.version,
        source=plan.source,
        target=plan.target,
        allowed=plan.allowed,
        applied=applied,
        steps=[str(step) for step in plan.steps],
        verdict=plan.verdict.as_dict(),
        verdict_digest=plan.verdict.digest,
    )


def activation_out(activation: Activation) -> schemas.ActivationOut:
    """Present an activation."""
    return schemas.ActivationOut(
        epoch=activation.epoch,
        release=activation.release_digest,
        at=activation.at,
        actor=activation.actor,
        reason=activation.reason,
    )


def dataset_out(record: DatasetRecord) -> schemas.DatasetOut:
    """Present a dataset."""
    return schemas.DatasetOut(
        dataset_hash=record.dataset_hash,
        name=record.name,
        file_sha256=record.file_sha256,
        rows=record.rows,
        symbols=list(record.symbols),
        first=record.first,
        last=record.last,
        created_at=record.created_at,
        created_by=record.created_by,
    )


def drift_report_out(record: DriftReportRecord) -> schemas.DriftReportOut:
    """Present a drift report."""
    return schemas.DriftReportOut(
        model=record.model,
        version=record.version,
        slot=record.slot,
        status=record.status,
        severity=record.severity,
        digest=record.digest,
        created_at=record.created_at,
        report=dict(record.report),
    )


def event_out(recorded: RecordedEvent) -> schemas.EventOut:
    """Present an event."""
    event = recorded.event
    return schemas.EventOut(
        sequence=recorded.sequence,
        kind=event.kind,
        version=event.version,
        actor=event.actor,
        at=event.at,
        reason=event.reason,
        body=body_to_json(event.body),
    )


def full_version_out(store: Store, model: str, version: VersionState) -> schemas.VersionOut:
    """Present a version with its tags and the figures of its latest backtest."""
    with store.read() as view:
        backtests = view.backtests.of_version(model, version.version)
        tags = view.versions.tags(model).get(version.version, {})
    return version_out(model, version, tags, backtests[-1] if backtests else None)
