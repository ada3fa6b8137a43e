"""Promotions: facts gathered, judged by the policy, turned into one change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tradeworthy.errors import InvalidInput, PromotionRefused
from tradeworthy.lifecycle.commands import Promote, Retire
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import ModelState, version_of
from tradeworthy.model_registry.case import Case
from tradeworthy.model_registry.changes import Change
from tradeworthy.model_registry.fact_gathering import gather
from tradeworthy.model_registry.sources import Sources
from tradeworthy.promotion.plan import PromotionPlan, plan_promotion
from tradeworthy.promotion.policy.policy import Policy, resolve_policy
from tradeworthy.promotion.policy.policy_yaml import PolicyDocument
from tradeworthy.promotion.verdict import Verdict, judge_promotion
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.ports.trials import LedgerEntry

USUAL_TIER = "standard"
"""The tier of a model that is in none of those that the policy file names."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, the state it rests on, and the policy that judged it."""

    state: ModelState
    plan: PromotionPlan
    policy: Policy


class Promotions:
    """Plans promotions, and turns an allowed plan into a change.

    Parameters
    ----------
    sources
        Where the facts come from.
    read_policy
        Reads the policy file in force; called once a decision.
    clock
        The time now, UTC.
    """

    def __init__(
        self,
        sources: Sources,
        read_policy: Callable[[], PolicyDocument],
        clock: Callable[[], datetime],
    ) -> None:
        self._sources = sources
        self._read_policy = read_policy
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
        return resolve_policy(
            self._read_policy(), state.name, state.strategy, state.tier, overrides
        )

    def check_tier(self, tier: str) -> None:
        """Raise ``InvalidInput`` unless the policy file knows a risk tier, or it is the usual one.

        A tier that was mistyped would be held to less than it should be, and nobody would know.
        """
        known = sorted({USUAL_TIER, *self._read_policy().tiers})
        if tier not in known:
            raise InvalidInput(
                f"the policy file has no tier {tier!r}: use {', '.join(known)}", field="tier"
            )

    def plan(
        self, state: ModelState, version: int, target: Stage, policy: Policy, reason: str = ""
    ) -> Planned:
        """Judge a promotion; nothing is changed.

        Raises
        ------
        VersionNotFound
            If there is no such version.
        """
        candidate = version_of(state, version)
        case = Case(self._sources, state, candidate, target, policy, self._clock(), reason)
        plan = plan_promotion(
            state.name,
            version,
            candidate.stage,
            gather(case),
            policy,
            target=target,
            champion=state.champion.version if state.champion else None,
        )
        return Planned(state, plan, policy)

    def judge(self, state: ModelState, version: int, target: Stage, policy: Policy) -> Verdict:
        """Ask the gates of ``target`` about a version, wherever it stands."""
        candidate = version_of(state, version)
        case = Case(self._sources, state, candidate, target, policy, self._clock())
        return judge_promotion(target, gather(case), policy)

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
            policy_digest=planned.policy.standing_digest,
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
