"""Promotions: facts gathered, judged by the policy, turned into one change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from tradeworthy.access.roles import Action, Actor
from tradeworthy.errors import PromotionRefused, StaleStage
from tradeworthy.lifecycle.commands import Promote, Retire
from tradeworthy.lifecycle.events import Event
from tradeworthy.lifecycle.stages import Stage, promotion_target
from tradeworthy.lifecycle.state import ModelState, VersionState, version_of
from tradeworthy.model_registry.case import Case
from tradeworthy.model_registry.changes import Change, change_model, check_revision, record_of
from tradeworthy.model_registry.gatherers import gather
from tradeworthy.model_registry.policies import Policies, policy_documents
from tradeworthy.model_registry.promotion_request import PromotionRequest
from tradeworthy.model_registry.sources import Sources
from tradeworthy.promotion.gate_lines import refusal_lines
from tradeworthy.promotion.plan import PromotionPlan, plan_promotion
from tradeworthy.promotion.policy.policy import Policy
from tradeworthy.promotion.verdict import Verdict, judge_promotion
from tradeworthy.store.ports.documents import Document
from tradeworthy.store.ports.models import ModelRecord
from tradeworthy.store.ports.releases import Activation
from tradeworthy.store.ports.trials import LedgerEntry
from tradeworthy.store.unit_of_work import Unit


class Promotions:
    """Plans promotions and makes those that the gates let through.

    Parameters
    ----------
    sources
        Where the facts come from.
    policies
        What each model is held to; read once a promotion.
    clock
        The time now, UTC.
    """

    def __init__(self, sources: Sources, policies: Policies, clock: Callable[[], datetime]) -> None:
        self._sources = sources
        self._policies = policies
        self._clock = clock

    def plan(self, request: PromotionRequest, *, actor: Actor) -> PromotionPlan:
        """Judge a promotion and say what it would do, without doing it.

        Raises
        ------
        PreconditionFailed
            If the model is not at one of the revisions that the request names.
        InvalidTransition
            Unless ``target`` is one step forward, or RETIRED.
        OverrideLoosensPolicy
            If an override would loosen a tighten-only policy.
        Forbidden
            Unless the actor may read models of the strategy.
        """
        record, goal = self._promotable(request, actor)
        policy = self._policies.of(record.state, request.overrides)
        return self._plan(record.state, request, goal, policy)

    def promote(self, request: PromotionRequest, *, actor: Actor) -> PromotionPlan:
        """Move a version one stage forward, or withdraw it, if its gates pass.

        Raises
        ------
        PromotionRefused
            With every gate's figure, if one did not pass.
        StaleStage
            If somebody else moved the version or the champion meanwhile.
        PreconditionFailed
            If the model is not, or no longer, at one of the revisions that the request names.
        Forbidden
            Unless the actor has the role that the step takes.
        InvalidTransition, OverrideLoosensPolicy
            As for ``plan``.
        """
        record, goal = self._promotable(request, actor)
        step = Action.RETIRE if goal is Stage.RETIRED else Action[f"PROMOTE_{goal}"]
        actor.require(step, record.state.strategy)
        policy = self._policies.of(record.state, request.overrides)
        active = self._activation()
        plan = self._plan(record.state, request, goal, policy)

        def prepare(state: ModelState) -> Change:
            nonlocal active, plan
            if state is not record.state:
                active = self._activation()
                plan = self._plan(state, request, goal, policy)
            return self._change(state, plan, policy, active)

        change_model(
            self._sources.store,
            record,
            prepare,
            actor=actor.name,
            now=self._clock(),
            reason=request.reason,
            if_match=request.if_match,
        )
        return plan

    def judge(self, state: ModelState, version: int, target: Stage, policy: Policy) -> Verdict:
        """Ask the gates of ``target`` about a version, wherever it stands."""
        candidate = version_of(state, version)
        case = Case(self._sources, state, candidate, target, policy, self._clock())
        return judge_promotion(target, gather(case), policy)

    def _promotable(self, request: PromotionRequest, actor: Actor) -> tuple[ModelRecord, Stage]:
        actor.require(Action.JUDGE_PROMOTION)
        with self._sources.store.read() as view:
            record = record_of(view, request.model)
        actor.require(Action.JUDGE_PROMOTION, record.state.strategy)
        candidate = version_of(record.state, request.version)
        # Which step this is, and so which role it takes, follows from the state that was seen.
        check_revision(record, request.if_match)
        return record, promotion_target(candidate.stage, request.target)

    def _plan(
        self, state: ModelState, request: PromotionRequest, target: Stage, policy: Policy
    ) -> PromotionPlan:
        candidate = version_of(state, request.version)
        case = Case(self._sources, state, candidate, target, policy, self._clock(), request.reason)
        return plan_promotion(
            state.name,
            request.version,
            candidate.stage,
            gather(case),
            policy,
            target=target,
            champion=state.champion.version if state.champion else None,
        )

    def _activation(self) -> Activation | None:
        with self._sources.store.read() as view:
            return view.releases.activation()

    def _change(
        self, state: ModelState, plan: PromotionPlan, policy: Policy, active: Activation | None
    ) -> Change:
        """Return the change that an allowed plan makes while no other release is activated."""
        verdict = plan.verdict
        if not plan.allowed:
            failed = ", ".join(gate.gate for gate in verdict.failures)
            refused = PromotionRefused(
                f"{plan.model} v{plan.version} is not promoted to {plan.target}: {failed}",
                verdict=verdict.as_dict(),
            )
            refused.lines = tuple(refusal_lines(verdict.gates))
            raise refused
        version = state.versions[plan.version]

        def keep(unit: Unit, events: Sequence[Event]) -> None:
            at = events[0].at
            if plan.target is Stage.PRODUCTION and unit.releases.hold() != active:
                raise StaleStage("another release became active meanwhile: try again")
            kept = Document(verdict.digest, "verdict", verdict.to_json())
            unit.documents.add(kept, *policy_documents(policy), at=at)
            if plan.target is Stage.TRAINED:
                unit.trials.add(*_pending_trial(state, version, at))

        if plan.target is Stage.RETIRED:
            return Change(Retire(plan.version, verdict.digest), keep)
        command = Promote(
            plan.version,
            plan.source,
            plan.target,
            passed=True,
            verdict_digest=verdict.digest,
            policy_digest=policy.standing_digest,
            required_approvals=policy.required_approvals,
        )
        return Change(command, keep)


def _pending_trial(
    state: ModelState, version: VersionState, now: datetime
) -> tuple[LedgerEntry, ...]:
    """Training is an attempt: it counts from now on, backtested or not."""
    if version.artifact_digest is None:
        return ()
    return (LedgerEntry(state.strategy, state.name, version.version, version.artifact_digest, now),)
