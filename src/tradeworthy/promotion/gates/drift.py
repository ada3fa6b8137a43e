"""What the version reads now looks like what it was trained on."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.findings import Finding, failed, passed
from tradeworthy.promotion.gate import LIVE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.promotion.policy.policy_schema import SEVERITIES


@dataclass(frozen=True, slots=True)
class DriftFacts:
    """Severity of the training profile against current values, by name."""

    drift_severity: str | None = None


def _drift(facts: DriftFacts, policy: Policy) -> Finding:
    allowed = policy.text("max_drift_severity")
    severity = facts.drift_severity
    if severity not in SEVERITIES or allowed not in SEVERITIES:
        return failed(None, allowed, "drift has no verdict: too few rows, no profile, or no scan")
    reason = f"drift is {severity}, at most {allowed} is allowed"
    if SEVERITIES.index(severity) <= SEVERITIES.index(allowed):
        return passed(severity, allowed, reason)
    return failed(severity, allowed, reason)


CONCERN = Concern(DriftFacts, (Gate("drift", LIVE, _drift, "retrain on recent data"),))
