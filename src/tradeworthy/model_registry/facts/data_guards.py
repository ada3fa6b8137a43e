"""Which data guards failed in the evaluation."""

from __future__ import annotations

from tradeworthy.evidence.evidence import Evidence
from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.data_guards import DataGuardFacts


def gather(case: Case) -> DataGuardFacts:
    """Return the facts."""
    evidence = case.evidence
    if evidence is None:
        return DataGuardFacts()
    return DataGuardFacts(tuple(_line(evidence, each) for each in evidence.data_guard_failures))


def _line(evidence: Evidence, guard: str) -> str:
    """Say where a guard failed first, and how often besides."""
    first, *others = (
        each for each in evidence.data_findings if (each.guard, each.severity) == (guard, "fail")
    )
    more = f" (and {len(others)} more)" if others else ""
    return f"{guard} at {first.symbol} on {first.date}: {first.message}{more}"
