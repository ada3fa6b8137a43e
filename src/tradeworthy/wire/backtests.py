"""Backtests: what to test, and what it found."""

from __future__ import annotations

from typing import Any

from tradeworthy.wire.bodies import RequestBody, ResponseBody
from tradeworthy.wire.field_types import BasisPoints, Digest, VersionNumber


class Costs(RequestBody):
    """Costs in basis points of traded value."""

    commission_bps: BasisPoints
    slippage_bps: BasisPoints


class BacktestRequest(RequestBody):
    """A backtest."""

    version: VersionNumber
    costs: Costs | None = None
    dataset_hash: Digest | None = None


class BacktestResponse(ResponseBody):
    """What a backtest found and what the policy says of it."""

    model: str
    version: int
    result_digest: str
    evidence_digest: str
    metrics: dict[str, float | None]
    artifact_metrics: dict[str, float | None] | None
    evidence: dict[str, Any]
    verdict: dict[str, Any]
