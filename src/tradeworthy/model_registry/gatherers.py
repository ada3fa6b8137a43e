"""Gathering what the gates read: from evidence that the registry computed, never from claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.concerns import CONCERNS
from tradeworthy.promotion.facts import Basis, Facts

# A concern's facts are gathered by the file of its name.
GATHERERS: Mapping[str, Callable[[Case], object]] = MappingProxyType(
    {name: import_module(f"tradeworthy.model_registry.facts.{name}").gather for name in CONCERNS}
)


def gather(case: Case) -> Facts:
    """Return what is known for the gates that the case's target asks for."""
    known = (
        GATHERERS[name](case)
        for name, concern in CONCERNS.items()
        if any(case.target in gate.targets for gate in concern.gates)
    )
    return Facts(
        *known,
        ledger_position=case.ledger.position if case.ledger else None,
        basis=_basis(case),
        candidate=(case.state.name, case.version.version),
    )


def _basis(case: Case) -> Basis | None:
    evidence = case.evidence
    if evidence is None:
        return None
    return Basis(
        artifact_digest=case.version.artifact_digest,
        manifest_digest=case.version.manifest_digest,
        dataset_hash=evidence.dataset_hash,
        evidence_digest=evidence.digest,
        result_digest=evidence.result_digest,
        training_data_rebuilt=evidence.training_data_rebuilt,
        sharpe_per_period=evidence.metrics.get("sharpe_per_period"),
        periods_per_year=evidence.settings.periods_per_year,
        formulas="performance/v1, significance/v1 (variance of the Sharpe ratio: 2012)",
    )
