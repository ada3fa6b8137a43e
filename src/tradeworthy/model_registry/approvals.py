"""Approvals: a second person says that a version may go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from tradeworthy.access.roles import Action, Actor
from tradeworthy.lifecycle.commands import Approve
from tradeworthy.lifecycle.events import Event
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.model_registry.changes import Change, change_model, record_of
from tradeworthy.model_registry.policies import Policies, policy_documents
from tradeworthy.store.unit_of_work import Store, Unit


class Approvals:
    """Approves the content of versions under the policy in force.

    Parameters
    ----------
    store
        Where events and states are kept.
    policies
        What each model is held to.
    clock
        The time now, UTC.
    """

    def __init__(self, store: Store, policies: Policies, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._policies = policies
        self._clock = clock

    def approve(
        self,
        model: str,
        version: int,
        target: Stage,
        content_digest: str,
        *,
        reason: str = "",
        actor: Actor,
    ) -> None:
        """Approve the content of a version for a stage.

        Raises
        ------
        ApprovalRefused
            If the content is another one, or the actor is its author or trainer.
        Forbidden
            Unless the actor is a validator for the strategy.
        """
        actor.require(Action.APPROVE)
        with self._store.read() as view:
            record = record_of(view, model)
        actor.require(Action.APPROVE, record.state.strategy)
        policy = self._policies.of(record.state)
        command = Approve(version, target, content_digest, policy.digest)

        def keep(unit: Unit, events: Sequence[Event]) -> None:
            unit.documents.add(*policy_documents(policy), at=events[0].at)

        change_model(
            self._store,
            record,
            lambda _: Change(command, keep),
            actor=actor.name,
            now=self._clock(),
            reason=reason,
        )
