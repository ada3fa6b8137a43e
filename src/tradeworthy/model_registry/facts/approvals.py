"""Who made a version and who approved it."""

from __future__ import annotations

from tradeworthy.model_registry.case import Case
from tradeworthy.promotion.gates.approvals import ApprovalFacts


def gather(case: Case) -> ApprovalFacts:
    """Return the facts."""
    version = case.version
    approvers = version.approvers(case.target, case.policy.standing_digest)
    return ApprovalFacts(version.author, version.trainer, approvers)
