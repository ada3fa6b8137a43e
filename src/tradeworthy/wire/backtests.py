"""Backtests: what to test, and what it found."""

from __future__ import annotations

from tradeworthy.wire.bodies import RequestBody, ResponseBody
from tradeworthy.wire.evidence import FoundEvidence
from tradeworthy.wire.field_types import BasisPoints, Digest, VersionNumber
from tradeworthy.wire.verdicts import GivenVerdict


class BacktestCosts(RequestBody):
    """BacktestCosts in basis points of traded value."""

    commission_bps: BasisPoints
    slippage_bps: BasisPoints


class RunBacktest(RequestBody):
    """A backtest."""

    version: VersionNumber
    costs: BacktestCosts | None = None
    dataset_hash: Digest | None = None


class JudgedBacktest(ResponseBody):
    """What a backtest found and what the policy says of it."""

    model: str
    version: int
    result_digest: str
    evidence_digest: str
    metrics: dict[str, float | None]
    artifact_metrics: dict[str, float | None] | None
    evidence: FoundEvidence
    verdict: GivenVerdict
