"""A promotion as a value: judged and spelled out first, applied by the registry afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tradeworthy.lifecycle.stages import Stage, promotion_target
from tradeworthy.promotion.facts import Facts
from tradeworthy.promotion.findings import GateStatus
from tradeworthy.promotion.gate_lines import gate_lines
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.promotion.verdict import Verdict, judge_promotion


@dataclass(frozen=True, slots=True)
class Step:
    """One move that applying the plan makes."""

    version: int
    source: Stage
    target: Stage
    note: str

    def __str__(self) -> str:
        return f"version {self.version}: {self.source} -> {self.target} ({self.note})"


@dataclass(frozen=True, slots=True)
class PromotionPlan:
    """What a promotion would do and whether its verdict allows it; ``steps`` in their order."""

    model: str
    version: int
    source: Stage
    target: Stage
    verdict: Verdict
    steps: tuple[Step, ...]

    @property
    def allowed(self) -> bool:
        """Whether the verdict lets the steps be taken."""
        return self.verdict.passed

    def explain(self) -> tuple[str, ...]:
        """Return the plan as lines of text, for a dry run or a terminal."""
        outcome = "allowed" if self.allowed else "refused"
        head = f"{self.model} v{self.version}: {self.source} -> {self.target}: {outcome}"
        gates = (line for status in GateStatus for line in self._gate_lines(status))
        steps = (f"  would move {step}" for step in self.steps) if self.allowed else ()
        return (head, *gates, *steps)

    def _gate_lines(self, status: GateStatus) -> Iterator[str]:
        results = (each for each in self.verdict.gates if each.status is status)
        return gate_lines(status, ((each.gate, each.reason, each.advice) for each in results))


def plan_promotion(
    model: str,
    version: int,
    source: Stage,
    facts: Facts,
    policy: Policy,
    *,
    target: Stage | None = None,
    champion: int | None = None,
) -> PromotionPlan:
    """Judge a promotion and spell out what it would do; nothing is changed.

    Parameters
    ----------
    model, version, source
        Which version, and the stage it stands in.
    facts, policy
        What is known about it, and what it is held to.
    target
        The next stage by default; RETIRED has to be named.
    champion
        The version in PRODUCTION now, None when there is none.

    Raises
    ------
    InvalidTransition
        For a target that is not one step forward and not RETIRED.

    Examples
    --------
    >>> from tradeworthy.promotion.promotion_policy import get_policy_for_model
    >>> policy = get_policy_for_model("spx")
    >>> plan = plan_promotion("spx", 1, Stage.DRAFT, Facts(), policy)
    >>> plan.target, plan.allowed, plan.explain()[0]
    (<Stage.TRAINED: 'TRAINED'>, False, 'spx v1: DRAFT -> TRAINED: refused')
    """
    goal = promotion_target(source, target)
    verdict = judge_promotion(goal, facts, policy)
    steps = _steps(version, source, goal, champion, policy)
    return PromotionPlan(model, version, source, goal, verdict, steps)


def _steps(
    version: int, source: Stage, target: Stage, champion: int | None, policy: Policy
) -> tuple[Step, ...]:
    notes = {Stage.RETIRED: "for good", Stage.PRODUCTION: "the champion from now on"}
    move = Step(version, source, target, notes.get(target, "one step forward"))
    if target is not Stage.PRODUCTION or champion is None:
        return (move,)
    note = f"superseded; stands by for a rollback for {policy.standby_days} days"
    return (Step(champion, Stage.PRODUCTION, Stage.STAGING, note), move)
