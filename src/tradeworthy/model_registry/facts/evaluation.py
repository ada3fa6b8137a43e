"""How the policy in force has a version tested, and whether its evidence was made so."""

from __future__ import annotations

from dataclasses import asdict, replace

from tradeworthy.evidence.evaluation_settings import EvaluationSettings
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.evaluation import EvaluationFacts
from tradeworthy.promotion.policy.policy import Policy

# Costs have a gate of their own, since more than the policy asks for is as good.
_COSTS = ("commission_bps", "slippage_bps")


def gather(case: Case) -> EvaluationFacts:
    """Return the facts."""
    if case.evidence is None or case.manifest is None:
        return EvaluationFacts()
    settings = case.evidence.settings
    required = evaluation_settings(case.policy, case.manifest)
    return EvaluationFacts(_differences(settings, required), settings.cost_bps)


def evaluation_settings(policy: Policy, manifest: Manifest) -> EvaluationSettings:
    """Return how a version is tested: by its policy, its label's horizon as the least purge."""
    settings = policy.evaluation
    return replace(settings, purge=max(settings.purge, manifest.dataset.label_horizon or 0))


def _differences(settings: EvaluationSettings, required: EvaluationSettings) -> tuple[str, ...]:
    wanted = asdict(required)
    return tuple(
        f"{name} was {value}, {wanted[name]} is required"
        for name, value in asdict(settings).items()
        if name not in _COSTS and value != wanted[name]
    )
