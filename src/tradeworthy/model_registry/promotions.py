"""Planning promotions: facts gathered, judged by the policy, turned into one change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tradeworthy.errors import InvalidInput, PromotionRefused
from tradeworthy.lifecycle.commands import Promote, Retire
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import ModelState, version_of
from tradeworthy.model_registry.facts.fact_gathering import FactGatherer
from tradeworthy.model_registry.writing import Change
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.promotion.promotion_plan import PromotionPlan, plan_promotion
from tradeworthy.promotion.promotion_policy import get_policy_for_model, read_policy_file
from tradeworthy.promotion.verdict import Verdict, judge_promotion
from tradeworthy.store.records import Document, LedgerEntry

USUAL_TIER = "standard"
"""The tier of a model that is in none of those that the policy file names."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, the state it rests on, and the policy without the request's overrides."""

    state: ModelState
    plan: PromotionPlan
    policy: Policy


class Promotions:
    """Turns a wish to promote into a plan, and an allowed plan into a change.

    Parameters
    ----------
    facts
        Where facts come from.
    policy_file
        The policy file in force; read at every decision.
    clock
        The time now, UTC.
    """

    def __init__(
        self, facts: FactGatherer, policy_file: Path, clock: Callable[[], datetime]
    ) -> None:
        self._facts = facts
        self._policy_file = policy_file
        self._clock = clock

    def policy(self, state: ModelState, overrides: Mapping[str, object] | None = None) -> Policy:
        """Return the policy that a model is held to.

        Raises
        ------
        PolicyInvalid
            If the policy file cannot be used.
        OverrideLoosensPolicy
            If an override loosens a tighten-only policy.
        """
        return get_policy_for_model(
            state.name, state.strategy, overrides, self._policy_file, tier=state.tier
        )

    def check_tier(self, tier: str) -> None:
        """Raise ``InvalidInput`` unless the policy file knows a risk tier, or it is the usual one.

        A tier that was mistyped would be held to less than it should be, and nobody would know.
        """
        known = sorted({USUAL_TIER, *read_policy_file(self._policy_file).tiers})
        if tier not in known:
            raise InvalidInput(
                f"the policy file has no tier {tier!r}: use {', '.join(known)}", field="tier"
            )

    def plan(
        self,
        state: ModelState,
        version: int,
        target: Stage,
        overrides: Mapping[str, object] | None = None,
        reason: str = "",
    ) -> Planned:
        """Judge a promotion; nothing is changed.

        Raises
        ------
        VersionNotFound
            If there is no such version.
        OverrideLoosensPolicy
            If an override loosens a tighten-only policy.
        """
        candidate = version_of(state, version)
        base = self.policy(state)
        effective = self.policy(state, overrides) if overrides else base
        facts = self._facts.gather(state, candidate, effective, self._clock())
        approvers = candidate.approvers(target, base.digest)
        plan = plan_promotion(
            state.name,
            version,
            candidate.stage,
            replace(facts, approvers=approvers, reason=reason),
            effective,
            target=target,
        )
        return Planned(state, plan, base)

    def judge(self, state: ModelState, version: int, target: Stage) -> Verdict:
        """Ask the gates of ``target`` about a version, wherever it stands."""
        policy = self.policy(state)
        candidate = version_of(state, version)
        facts = self._facts.gather(state, candidate, policy, self._clock())
        return judge_promotion(target, facts, policy)

    def change(self, planned: Planned, expected: Stage, now: datetime) -> Change:
        """Return the change that an allowed plan makes.

        Raises
        ------
        PromotionRefused
            With every gate, if one did not let it through.
        """
        plan = planned.plan
        if not plan.allowed:
            failed = ", ".join(gate.gate for gate in plan.verdict.failures)
            raise PromotionRefused(
                f"{plan.model} v{plan.version} is not promoted to {plan.target}: {failed}",
                verdict=plan.verdict.as_dict(),
            )
        verdict = plan.verdict
        document = Document(verdict.digest, "verdict", verdict.to_json())
        if plan.target is Stage.RETIRED:
            return Change(Retire(plan.version), documents=(document,))
        command = Promote(
            plan.version,
            expected,
            plan.target,
            passed=True,
            verdict_digest=verdict.digest,
            policy_digest=planned.policy.digest,
            required_approvals=planned.policy.required_approvals,
        )
        ledger = _pending_trial(planned, now) if plan.target is Stage.TRAINED else ()
        return Change(command, documents=(document,), ledger=ledger)


def _pending_trial(planned: Planned, now: datetime) -> tuple[LedgerEntry, ...]:
    """Training is an attempt: it counts from now on, backtested or not."""
    version = planned.state.versions[planned.plan.version]
    if version.artifact_digest is None:
        return ()
    return (
        LedgerEntry(
            planned.state.strategy,
            planned.state.name,
            version.version,
            version.artifact_digest,
            now,
        ),
    )
