"""The backtest was made as the policy asks, and charged its costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tradeworthy.promotion.advice import BACKTEST
from tradeworthy.promotion.findings import Finding, at_least, failed, passed
from tradeworthy.promotion.gate import EVIDENCE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy

_COSTS_IN_POLICY = (
    "set evaluation.commission_bps or evaluation.slippage_bps above 0 in the policy file, then "
    f"{BACKTEST}"
)


@dataclass(frozen=True, slots=True)
class EvaluationFacts:
    """How the backtest was made.

    Attributes
    ----------
    evaluation_differences
        What in it, costs aside, is not what the policy asks for now.
    cost_bps
        Commission and slippage that it charged, in bps of traded value.
    """

    evaluation_differences: tuple[str, ...] | None = None
    cost_bps: float | None = None


def _evaluation(facts: EvaluationFacts, _: Policy) -> Finding:
    differences = facts.evaluation_differences
    if differences is None:
        return failed(None, 0, "there is no backtest")
    if differences:
        listed = "; ".join(differences)
        return failed(len(differences), 0, f"the backtest was made otherwise: {listed}")
    return passed(0, 0, "the backtest was made as the policy asks")


def _backtest_costs(facts: EvaluationFacts, policy: Policy) -> Finding:
    required = policy.evaluation.cost_bps
    charged = facts.cost_bps
    if charged is not None and charged <= 0:
        advice = _COSTS_IN_POLICY if required <= 0 else None
        return failed(charged, required, "the backtest charged no costs", advice)
    # Bps are sums of decimals, so that a last digit of difference is no difference.
    if charged is not None and math.isclose(charged, required, rel_tol=1e-9):
        charged = required
    return at_least("cost in bps", charged, required)


CONCERN = Concern(
    EvaluationFacts,
    (
        Gate("evaluation", EVIDENCE, _evaluation, f"the policy has changed since: {BACKTEST}"),
        Gate("backtest_costs", EVIDENCE, _backtest_costs, f"{BACKTEST} without cost options"),
    ),
    from_backtest=True,
)
