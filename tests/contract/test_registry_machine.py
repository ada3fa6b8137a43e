"""Random commands against a naive model: the store, its events and the model always agree.

The naive model is written from the design's sentences, with plain dictionaries, and shares no code
with the one it watches.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contract.one_call import commit, position, view
from contract.promotion_commands import NOON, VERDICT, digest
from tradeworthy.errors import StaleStage, TradeworthyError
from tradeworthy.lifecycle.commands import (
    Approve,
    Command,
    DraftVersion,
    LiftQuarantine,
    Promote,
    Quarantine,
    RecordManifest,
    RegisterModel,
    Retire,
)
from tradeworthy.lifecycle.decide import decide
from tradeworthy.lifecycle.events import Event, VersionDrafted
from tradeworthy.lifecycle.evolve import fold
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import ModelState
from tradeworthy.lifecycle.tags import Tag
from tradeworthy.store.ports.models import ModelRecord
from tradeworthy.store.ports.versions import VersionQuery
from tradeworthy.store.sql_store import SqlStore

LADDER = ["DRAFT", "TRAINED", "VALIDATED", "STAGING", "PRODUCTION"]
PEOPLE = st.sampled_from(["ana", "tom", "vera", "walt"])
POLICIES = st.sampled_from(["p1", "p1", "p1", "p2"])
CONTENTS = st.sampled_from(["x", "y"])
REASONS = st.sampled_from(["why", "why", "why", "", "  "])
NUMBERS = st.integers(1, 4)


@dataclass
class NaiveVersion:
    """A version as the design tells of it."""

    author: str
    stage: str = "DRAFT"
    trainer: str | None = None
    content: str | None = None
    quarantined: bool = False
    approvals: list[tuple[str, str, str]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def approvers(self, policy: str) -> set[str]:
        """Second persons who approved what the version is now for PRODUCTION."""
        given = {
            who for who, what, under in self.approvals if (what, under) == (self.content, policy)
        }
        return given - {self.author, self.trainer}


class RegistryMachine(RuleBasedStateMachine):
    """One model on SQLite beside a naive one."""

    template: Path

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tradeworthy-machine-"))
        self.url = f"sqlite:///{self.folder / 'tradeworthy.sqlite'}"
        shutil.copy(self.template, self.folder / "tradeworthy.sqlite")
        self.store = SqlStore.open(self.url)
        self.now = NOON
        self.registered = False
        self.versions: dict[int, NaiveVersion] = {}
        self.drafted: list[int] = []
        self.committed = 0

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    def ask(self, actor: str, command: Command, refusal: str | None, reason: str = "why") -> None:
        """Decide and commit as the registry does; the naive model has announced the answer."""
        self.now += timedelta(seconds=1)
        record = view(self.store).models.get("m") or ModelRecord(ModelState("m"), 0)
        try:
            events = decide(record.state, command, actor=actor, now=self.now, reason=reason)
            self.committed = commit(self.store, "m", record.revision, events)
        except TradeworthyError as error:
            assert error.code == refusal, error.message
        else:
            assert refusal is None

    def missing(self, number: int) -> str | None:
        """The refusal that every command on a version shares."""
        if not self.registered:
            return "model_not_found"
        return None if number in self.versions else "version_not_found"

    @rule(actor=PEOPLE)
    def register(self, actor: str) -> None:
        self.ask(actor, RegisterModel("s", "o", "t"), "already_exists" if self.registered else None)
        self.registered = True

    @rule(actor=PEOPLE)
    def draft(self, actor: str) -> None:
        if len(self.versions) == 4:
            return
        self.ask(actor, DraftVersion(), None if self.registered else "model_not_found")
        if self.registered:
            number = len(self.versions) + 1
            self.versions[number] = NaiveVersion(actor)
            self.drafted.append(number)

    @rule(actor=PEOPLE, number=NUMBERS, content=CONTENTS)
    def record(self, actor: str, number: int, content: str) -> None:
        refusal = self.missing(number)
        if refusal is None:
            version = self.versions[number]
            if version.stage != "DRAFT":
                refusal = "invalid_transition"
            elif version.trainer not in (None, actor):
                refusal = "already_exists"
        command = RecordManifest(number, digest("m"), digest("a"), digest(content))
        self.ask(actor, command, refusal)
        if refusal is None:
            version.trainer, version.content = actor, content

    @rule(actor=PEOPLE, number=NUMBERS, content=CONTENTS, policy=POLICIES, current=st.booleans())
    def approve(self, actor: str, number: int, content: str, policy: str, current: bool) -> None:
        refusal = self.missing(number)
        if refusal is None:
            version = self.versions[number]
            content = version.content if current and version.content else content
            if version.content != content or actor in (version.author, version.trainer):
                refusal = "approval_refused"
            elif version.stage == "RETIRED":
                refusal = "invalid_transition"
            elif actor in version.approvers(policy):
                refusal = "already_exists"
        self.ask(actor, Approve(number, Stage.PRODUCTION, digest(content), policy), refusal)
        if refusal is None:
            version.approvals.append((actor, content, policy))

    @rule(
        actor=PEOPLE,
        number=NUMBERS,
        policy=POLICIES,
        passed=st.sampled_from([True, True, True, False]),
        required=st.integers(0, 2),
    )
    def step(self, actor: str, number: int, policy: str, passed: bool, required: int) -> None:
        stage = self.versions[number].stage if number in self.versions else "DRAFT"
        place = LADDER.index(stage) if stage in LADDER else 9
        target = LADDER[place + 1] if place < 4 else "RETIRED"
        self.promote(actor, number, stage, target, policy, passed, required)

    @rule(
        actor=PEOPLE,
        number=NUMBERS,
        expected=st.sampled_from(list(Stage)),
        onward=st.sampled_from(list(Stage)),
    )
    def leap(self, actor: str, number: int, expected: Stage, onward: Stage) -> None:
        self.promote(actor, number, str(expected), str(onward), "p1", True, 1)

    @rule(number=NUMBERS, trainer=PEOPLE, approver=PEOPLE, steps=st.integers(1, 4))
    def climb(self, number: int, trainer: str, approver: str, steps: int) -> None:
        """Chance alone would seldom get a version this far."""
        self.register("ana")
        self.draft("ana")
        self.record(trainer, number, "x")
        self.approve(approver, number, "x", "p1", True)
        for _ in range(steps):
            self.step("walt", number, "p1", True, 1)

    def promote(
        self,
        actor: str,
        number: int,
        expected: str,
        target: str,
        policy: str,
        passed: bool,
        required: int,
    ) -> None:
        refusal = self.missing(number) or self.refused(
            self.versions[number], expected, target, policy, passed, required
        )
        command = Promote(number, Stage(expected), Stage(target), passed, VERDICT, policy, required)
        self.ask(actor, command, refusal)
        if refusal is None:
            if target == "PRODUCTION":
                for version in self.versions.values():
                    if version.stage == "PRODUCTION":
                        version.stage = "STAGING"
            self.versions[number].stage = target

    def refused(
        self,
        version: NaiveVersion,
        expected: str,
        target: str,
        policy: str,
        passed: bool,
        required: int,
    ) -> str | None:
        """The design's answer to a promotion of a version that exists."""
        if version.stage != expected:
            return "stale_stage"
        if (expected, target) not in pairwise(LADDER):
            return "invalid_transition"
        if not passed or version.content is None:
            return "promotion_refused"
        enough = len(version.approvers(policy)) >= max(required, 1)
        if target == "PRODUCTION" and (version.quarantined or not enough):
            return "promotion_refused"
        return None

    @rule(actor=PEOPLE, number=NUMBERS, reason=REASONS)
    def retire(self, actor: str, number: int, reason: str) -> None:
        refusal = self.missing(number)
        if refusal is None and self.versions[number].stage == "RETIRED":
            refusal = "invalid_transition"
        refusal = refusal or (None if reason.strip() else "invalid_input")
        self.ask(actor, Retire(number), refusal, reason)
        if refusal is None:
            self.versions[number].stage = "RETIRED"

    @rule(actor=PEOPLE, number=NUMBERS, reason=REASONS)
    def quarantine(self, actor: str, number: int, reason: str) -> None:
        refusal = self.missing(number) or (None if reason.strip() else "invalid_input")
        if refusal is None and self.versions[number].stage == "RETIRED":
            refusal = "invalid_transition"
        if refusal is None and self.versions[number].quarantined:
            refusal = "already_exists"
        self.ask(actor, Quarantine(number), refusal, reason)
        if refusal is None:
            self.versions[number].quarantined = True

    @rule(actor=PEOPLE, number=NUMBERS, reason=REASONS)
    def lift(self, actor: str, number: int, reason: str) -> None:
        refusal = self.missing(number) or (None if reason.strip() else "invalid_input")
        if refusal is None and not self.versions[number].quarantined:
            refusal = "invalid_transition"
        self.ask(actor, LiftQuarantine(number), refusal, reason)
        if refusal is None:
            self.versions[number].quarantined = False

    @rule(actor=PEOPLE, number=NUMBERS, key=CONTENTS, value=CONTENTS)
    def tag(self, actor: str, number: int, key: str, value: str) -> None:
        refusal = self.missing(number)
        self.ask(actor, Tag(number, key, value), refusal)
        if refusal is None:
            self.versions[number].tags[key] = value

    @precondition(lambda self: self.registered)
    @rule(behind=st.integers(-2, 3).filter(bool))
    def commit_at_another_revision(self, behind: int) -> None:
        body = VersionDrafted(len(self.versions) + 1)
        with pytest.raises(StaleStage):
            commit(self.store, "m", self.committed - behind, [Event("m", body, "ana", self.now)])

    @precondition(lambda self: self.registered)
    @rule()
    def commit_what_cannot_follow(self) -> None:
        number = len(self.versions) + 1
        events = [Event("m", VersionDrafted(n), "ana", self.now) for n in (number, number)]
        with pytest.raises(TradeworthyError):
            commit(self.store, "m", self.committed, events)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = SqlStore.open(self.url)

    # -- what holds after every step ---------------------------------------------------------

    @invariant()
    def store_events_and_naive_model_agree(self) -> None:
        record = view(self.store).models.get("m")
        events = [r.event for r in view(self.store).events.of_model("m")]
        assert (record is not None) == self.registered
        if record is None:
            assert events == []
            return
        assert record.revision == len(events) == self.committed == position(self.store)[0]
        assert record.state == fold("m", events)
        naive = {
            number: (v.stage, v.author, v.trainer, v.content and digest(v.content), v.quarantined)
            for number, v in self.versions.items()
        }
        real = {
            number: (str(v.stage), v.author, v.trainer, v.content_digest, v.quarantined)
            for number, v in record.state.versions.items()
        }
        assert real == naive
        approvals = {number: len(v.approvals) for number, v in record.state.versions.items()}
        assert approvals == {number: len(v.approvals) for number, v in self.versions.items()}
        assert view(self.store).versions.tags("m") == {
            n: v.tags for n, v in self.versions.items() if v.tags
        }

    @invariant()
    def lists_and_the_model_agree(self) -> None:
        rows = view(self.store).versions.search(VersionQuery(stage=Stage.PRODUCTION))
        standing = [n for n, v in self.versions.items() if v.stage == "PRODUCTION"]
        assert len(standing) <= 1
        assert [row.version.version for row in rows] == standing
        assert len(view(self.store).models.production()) == len(standing)
        listed = [summary.production_version for summary in view(self.store).models.page()]
        assert listed == ([standing[0] if standing else None] if self.registered else [])

    @invariant()
    def numbers_are_never_reused(self) -> None:
        drafted = [
            r.event.version
            for r in view(self.store).events.of_model("m")
            if r.event.kind == "VersionDrafted"
        ]
        assert drafted == self.drafted == list(range(1, len(drafted) + 1))

    @invariant()
    def every_champion_had_its_second_person(self) -> None:
        own: dict[int, set[str]] = {}
        content: dict[int, str] = {}
        granted: set[tuple[int, str, str]] = set()
        for event in (r.event for r in view(self.store).events.of_model("m")):
            body, number = event.body, event.version or 0
            if event.kind in ("VersionDrafted", "ManifestRecorded"):
                own.setdefault(number, set()).add(event.actor)
                content[number] = getattr(body, "content_digest", "")
            elif event.kind == "ApprovalGranted":
                granted.add((number, event.actor, getattr(body, "content_digest", "")))
            elif getattr(body, "target", None) == "PRODUCTION":
                seconds = {w for n, w, what in granted if (n, what) == (number, content[number])}
                assert seconds - own[number]


@pytest.fixture(scope="module", autouse=True)
def template(sqlite_template: Path) -> None:
    """Give every machine its empty database."""
    RegistryMachine.template = sqlite_template


@pytest.mark.slow
class TestRegistryMachine(RegistryMachine.TestCase):  # type: ignore[misc, name-defined]
    """The short form."""

    settings = settings(max_examples=20, stateful_step_count=40, deadline=None)


@pytest.mark.acceptance
class TestRegistryMachineAtLength(RegistryMachine.TestCase):  # type: ignore[misc, name-defined]
    """The long form."""

    settings = settings(max_examples=400, stateful_step_count=80, deadline=None)
