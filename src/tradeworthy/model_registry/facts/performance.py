"""Figures of the out-of-sample returns."""

from __future__ import annotations

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.performance import PerformanceFacts


def gather(case: Case) -> PerformanceFacts:
    """Return the facts."""
    if case.evidence is None:
        return PerformanceFacts()
    metrics, artifact = case.evidence.metrics, case.evidence.artifact_metrics
    return PerformanceFacts(
        sharpe=metrics.get("sharpe"),
        sortino=metrics.get("sortino"),
        calmar=metrics.get("calmar"),
        max_drawdown=metrics.get("max_drawdown"),
        cvar=metrics.get("cvar"),
        hit_rate=metrics.get("hit_rate"),
        turnover=metrics.get("turnover"),
        n_trades=metrics.get("n_trades"),
        break_even_cost_bps=metrics.get("break_even_cost_bps"),
        artifact_sharpe=artifact.get("sharpe") if artifact else None,
        bars_after_train_end=artifact is not None,
        fold_sharpes=case.evidence.fold_sharpes,
    )
