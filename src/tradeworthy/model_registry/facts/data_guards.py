"""Which data guards failed in the evaluation."""

from __future__ import annotations

from tradeworthy.evidence.findings import GuardFinding
from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.data_guards import DataGuardFacts


def gather(case: Case) -> DataGuardFacts:
    """Return the facts."""
    if case.evidence is None:
        return DataGuardFacts()
    failures = [each for each in case.evidence.data_findings if each.severity == "fail"]
    by_guard: dict[str, list[GuardFinding]] = {}
    for each in failures:
        by_guard.setdefault(each.guard, []).append(each)
    return DataGuardFacts(tuple(_line(found) for _, found in sorted(by_guard.items())))


def _line(found: list[GuardFinding]) -> str:
    first = found[0]
    more = f" (and at {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{first.guard} at {first.symbol} on {first.date}: {first.message}{more}"
