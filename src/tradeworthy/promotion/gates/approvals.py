"""Somebody who neither drafted nor trained the version approved it."""

from __future__ import annotations

from dataclasses import dataclass

from tradeworthy.promotion.advice import TRAIN
from tradeworthy.promotion.findings import Finding, failed, passed
from tradeworthy.promotion.gate import LIVE, Concern, Gate
from tradeworthy.promotion.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class ApprovalFacts:
    """Who made the version and who approved it.

    Attributes
    ----------
    author, trainer
        Who drafted the version and who recorded its manifest; neither counts as an approver.
    approvers
        Who approved this very content under this very policy.
    """

    author: str | None = None
    trainer: str | None = None
    approvers: tuple[str, ...] = ()


def _approvals(facts: ApprovalFacts, policy: Policy) -> Finding:
    needed = policy.required_approvals
    if facts.author is None or facts.trainer is None:
        return failed(
            None,
            needed,
            "unknown who drafted or trained it, so nobody is independent",
            f"train a new version: {TRAIN}",
        )
    independent = sorted(set(facts.approvers) - {facts.author, facts.trainer})
    names = ", ".join(independent) or "nobody"
    reason = f"approved by {names}, not counting author and trainer; {needed} needed"
    if len(independent) >= needed:
        return passed(len(independent), needed, reason)
    return failed(len(independent), needed, reason)


CONCERN = Concern(
    ApprovalFacts,
    (
        Gate(
            "approvals",
            LIVE,
            _approvals,
            "ask somebody who neither drafted nor trained it, with the role validator, to run "
            "`tradeworthy approve MODEL VERSION`",
            before_rollback=True,
        ),
    ),
)
