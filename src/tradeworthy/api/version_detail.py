"""A version as answers show it: its state, its tags and the figures of its latest backtest."""

from __future__ import annotations

from collections.abc import Mapping

from tradeworthy.lifecycle.state import VersionState
from tradeworthy.store.ports.backtests import BacktestRecord
from tradeworthy.store.unit_of_work import Store
from tradeworthy.wire.versions import VersionDetail


def version_detail(
    model: str,
    version: VersionState,
    tags: Mapping[str, str],
    backtest: BacktestRecord | None = None,
) -> VersionDetail:
    """Put together what is known of a version."""
    return VersionDetail(
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
        quarantined_by=version.quarantined_by,
        quarantined_at=version.quarantined_at,
        approvals=version.approvals,  # type: ignore[arg-type]
        tags=tags,  # type: ignore[arg-type]
        metrics=backtest.metrics if backtest else None,  # type: ignore[arg-type]
    )


def full_version_detail(store: Store, model: str, version: VersionState) -> VersionDetail:
    """Read a version's tags and latest backtest, and put it together."""
    with store.read() as view:
        backtests = view.backtests.of_version(model, version.version)
        tags = view.versions.tags(model).get(version.version, {})
    return version_detail(model, version, tags, backtests[-1] if backtests else None)
