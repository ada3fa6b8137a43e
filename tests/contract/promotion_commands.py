"""Short histories for tests: who does what, up to a wanted stage."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from contract.one_call import commit
from tradeworthy.lifecycle.commands import (
    Approve,
    Command,
    DraftVersion,
    Promote,
    RecordManifest,
    RegisterModel,
)
from tradeworthy.lifecycle.decide import decide
from tradeworthy.lifecycle.events import Event
from tradeworthy.lifecycle.evolve import evolve
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import ModelState
from tradeworthy.store.unit_of_work import Store

FORWARD = tuple(Stage)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
AUTHOR, TRAINER, APPROVER, OPERATOR = "ana", "tom", "vera", "olga"


def digest(text: str) -> str:
    """Some digest, another for another text."""
    return hashlib.sha256(text.encode()).hexdigest()


POLICY = digest("policy")
VERDICT = digest("verdict")


def content_of(version: int) -> str:
    """The content digest that ``manifest_for`` records."""
    return digest(f"content {version}")


def manifest_for(version: int) -> RecordManifest:
    """The manifest of a version."""
    return RecordManifest(
        version, digest(f"manifest {version}"), digest(f"artifact {version}"), content_of(version)
    )


def approve_for(version: int, policy: str = POLICY) -> Approve:
    """An approval of a version's own content for PRODUCTION."""
    return Approve(version, Stage.PRODUCTION, content_of(version), policy)


def promote_to(version: int, target: Stage, *, passed: bool = True, required: int = 1) -> Promote:
    """The promotion to ``target`` from the stage just before it."""
    expected = FORWARD[FORWARD.index(target) - 1]
    return Promote(version, expected, target, passed, VERDICT, POLICY, required)


@dataclass
class Story:
    """A model, its state and all that was decided about it, a minute a decision."""

    name: str = "m"
    strategy: str = "trend"
    events: list[Event] = field(default_factory=list)
    state: ModelState = field(init=False)
    now: datetime = NOON

    def __post_init__(self) -> None:
        self.state = ModelState(self.name)

    def does(self, actor: str, command: Command, reason: str = "") -> tuple[Event, ...]:
        """Decide and keep what follows."""
        self.now += timedelta(minutes=1)
        decided = decide(self.state, command, actor=actor, now=self.now, reason=reason)
        for event in decided:
            self.state = evolve(self.state, event)
        self.events.extend(decided)
        return decided

    def registered(self) -> Story:
        """Give the model its name."""
        self.does(AUTHOR, RegisterModel(self.strategy, "desk", "high"))
        return self

    def with_version(self, stage: Stage) -> Story:
        """Add a version and bring it up to ``stage``, approved once it has a manifest."""
        self.does(AUTHOR, DraftVersion())
        version = max(self.state.versions)
        if stage is Stage.DRAFT:
            return self
        self.does(TRAINER, manifest_for(version))
        self.does(APPROVER, approve_for(version))
        for target in FORWARD[1 : FORWARD.index(stage) + 1]:
            self.does(OPERATOR, promote_to(version, target))
        return self

    def stages(self) -> dict[int, Stage]:
        """Where every version stands."""
        return {number: version.stage for number, version in self.state.versions.items()}


def story(
    *stages: Stage, name: str = "m", strategy: str = "trend", since: datetime = NOON
) -> Story:
    """A registered model with one version for each stage given, from a time on."""
    history = Story(name, strategy, now=since).registered()
    for stage in stages:
        history.with_version(stage)
    return history


def keep(store: Store, *stories: Story) -> None:
    """Commit whole stories to a store."""
    for history in stories:
        commit(store, history.name, 0, history.events)


def recorded(events: Iterable[Event], first: int = 1) -> list[tuple[int, Event]]:
    """Number events as an empty store does."""
    return list(enumerate(events, first))
