"""How the policy in force has a version tested, and whether evidence was made so."""

from __future__ import annotations

from dataclasses import asdict

from tradeworthy.evidence.evidence import EvaluationSettings
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.promotion.policy.policy import Policy

# Costs have a gate of their own, since more than the policy asks for is as good.
_COSTS = ("commission_bps", "slippage_bps")


def evaluation_settings(policy: Policy, manifest: Manifest) -> EvaluationSettings:
    """Return how a version is tested: by its policy, its label's horizon as the least purge."""
    asked = policy.evaluation
    return EvaluationSettings(
        commission_bps=asked.commission_bps,
        slippage_bps=asked.slippage_bps,
        execution=asked.execution,
        folds=asked.folds,
        min_train=asked.min_train,
        purge=max(asked.purge, manifest.dataset.label_horizon or 0),
        embargo=asked.embargo,
        periods_per_year=asked.periods_per_year,
        current_sessions=policy.drift.current_sessions,
        reference_sessions=policy.drift.reference_sessions,
    )


def settings_differences(
    made: EvaluationSettings, policy: Policy, manifest: Manifest
) -> tuple[str, ...]:
    """Tell in which settings, costs aside, evidence was made otherwise than the policy asks now."""
    asked = asdict(evaluation_settings(policy, manifest))
    return tuple(
        f"{name} was {value}, {asked[name]} is asked for"
        for name, value in asdict(made).items()
        if name not in _COSTS and value != asked[name]
    )
