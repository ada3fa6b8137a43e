"""Laws that hold for every sequence of commands, and for altered histories."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from contract.promotion_commands import (
    NOON,
    OPERATOR,
    POLICY,
    VERDICT,
    Story,
    digest,
    promote_to,
    story,
)
from tradeworthy.errors import InvalidTransition, TradeworthyError
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
from tradeworthy.lifecycle.events import (
    ApprovalGranted,
    Event,
    EventBody,
    ManifestRecorded,
    ModelRegistered,
    VersionDrafted,
    VersionPromoted,
    VersionRetired,
    VersionSuperseded,
)
from tradeworthy.lifecycle.evolve import evolve, fold
from tradeworthy.lifecycle.recorded_events import body_from_json, body_to_json
from tradeworthy.lifecycle.stages import TRANSITIONS, Stage, next_stage
from tradeworthy.lifecycle.state import ModelState
from tradeworthy.lifecycle.tags import Tag, VersionTagged

PEOPLE = ("ana", "tom", "vera", "walt")
POLICIES = (POLICY, digest("another policy"))
CONTENTS = (digest("x"), digest("y"))
KINDS = ("draft", "recorded", "step", "step", "step", "leap", "approve", "approve", "retire")
KINDS += ("stop", "lift", "tag", "register")
DICE = st.tuples(
    st.sampled_from(KINDS), st.sampled_from(PEOPLE), st.integers(0, 5), st.integers(0, 255)
)


def command_of(state: ModelState, kind: str, number: int, dice: int) -> Command:
    """Mostly the sensible next thing, sometimes any other; ``dice`` settles what is left open."""
    version = state.versions.get(number)
    stage = version.stage if version else Stage.DRAFT
    content = (version.content_digest if version else None) or CONTENTS[0]
    policy = POLICIES[dice % 8 == 7]
    match kind:
        case "register":
            return RegisterModel("s", "o", "t")
        case "draft":
            return DraftVersion()
        case "recorded":
            return RecordManifest(number, VERDICT, VERDICT, CONTENTS[dice % 2])
        case "step":
            onward = next_stage(stage) or Stage.RETIRED
            return Promote(number, stage, onward, dice < 240, VERDICT, policy, dice % 3)
        case "leap":
            source, onward = list(Stage)[dice % 6], list(Stage)[dice // 6 % 6]
            return Promote(number, source, onward, True, VERDICT, policy)
        case "approve":
            wanted = Stage.STAGING if dice % 16 == 1 else Stage.PRODUCTION
            return Approve(number, wanted, CONTENTS[1] if dice % 16 == 2 else content, policy)
        case "retire":
            return Retire(number)
        case "stop":
            return Quarantine(number)
        case "lift":
            return LiftQuarantine(number)
        case _:
            return Tag(number, str(dice % 3), str(dice))


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A model, often with versions in STAGING already, after up to 25 commands of four people."""
    stages = st.lists(st.sampled_from([Stage.DRAFT, Stage.STAGING, Stage.PRODUCTION]), max_size=2)
    history = story(*draw(stages))
    for kind, person, number, dice in draw(st.lists(DICE, max_size=25)):
        try:
            history.does(person, command_of(history.state, kind, number, dice), "why" * (dice % 4))
        except TradeworthyError as error:
            assert error.code != "internal_error"
    target(float(len(history.events)))
    return history


@given(stories())
def test_the_state_is_the_fold_of_the_events(history: Story) -> None:
    assert fold("m", history.events) == history.state


@given(stories(), st.data())
def test_a_history_may_be_folded_in_two_parts(history: Story, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(history.events)))
    state = fold("m", history.events[:cut])
    for event in history.events[cut:]:
        state = evolve(state, event)
    assert state == history.state


@given(stories())
def test_a_history_read_back_from_json_folds_to_the_same(history: Story) -> None:
    again = [
        Event(e.model, body_from_json(e.kind, body_to_json(e.body)), e.actor, e.at, e.reason)
        for e in history.events
    ]
    assert again == history.events


@given(stories())
def test_stages_move_only_as_the_table_says(history: Story) -> None:
    state = ModelState("m")
    for event in history.events:
        after = evolve(state, event)
        for number, version in after.versions.items():
            if number not in state.versions:
                assert version.stage is Stage.DRAFT
                continue
            before = state.versions[number].stage
            assert version.stage is before or version.stage in TRANSITIONS[before]
            assert (version.stage_since == event.at) or version.stage is before
        state = after


@given(stories())
def test_between_decisions_there_is_at_most_one_champion(history: Story) -> None:
    state = ModelState("m")
    for event in history.events:
        state = evolve(state, event)
        standing = [v for v in state.versions.values() if v.stage is Stage.PRODUCTION]
        assert len(standing) <= 1
        assert state.champion == (standing[0] if standing else None)


@given(stories())
def test_every_promotion_to_production_has_its_second_person(history: Story) -> None:
    """Read from the plain log, without the code that decides."""
    author: dict[int, str] = {}
    trainers: dict[int, set[str]] = {}
    content: dict[int, str] = {}
    granted: set[tuple[int, str, str, str]] = set()
    for event in history.events:
        body = event.body
        if isinstance(body, VersionDrafted):
            author[body.version] = event.actor
        elif isinstance(body, ManifestRecorded):
            trainers.setdefault(body.version, set()).add(event.actor)
            content[body.version] = body.content_digest
        elif isinstance(body, ApprovalGranted) and body.target is Stage.PRODUCTION:
            granted.add((body.version, event.actor, body.content_digest, body.policy_digest))
        elif isinstance(body, VersionPromoted) and body.target is Stage.PRODUCTION:
            number = body.version
            seconds = {
                who
                for version, who, what, policy in granted
                if (version, what, policy) == (number, content[number], body.policy_digest)
            }
            seconds -= {author[number], *trainers[number]}
            assert seconds
            assert set(body.approvers) == seconds


@given(stories())
def test_the_standby_is_the_one_that_left_production_last(history: Story) -> None:
    left: dict[int, int] = {}
    for place, event in enumerate(history.events):
        if isinstance(event.body, VersionSuperseded):
            left[event.body.version] = place
    waiting = [n for n in left if history.state.versions[n].stage is Stage.STAGING]
    last = max(waiting, key=left.__getitem__, default=None)
    standby = history.state.standby
    assert (standby.version if standby else None) == last


def test_two_that_left_at_one_moment_have_an_order() -> None:
    history = story(Stage.PRODUCTION, Stage.STAGING, Stage.STAGING)
    for number in (2, 3):
        history.now = NOON - timedelta(minutes=1)
        history.does(
            OPERATOR, Promote(number, Stage.STAGING, Stage.PRODUCTION, True, VERDICT, POLICY)
        )
    assert history.state.standby is not None
    assert history.state.standby.version == 2


IMPOSSIBLE = [
    ModelRegistered("s", "o", "t"),
    VersionDrafted(1),
    VersionDrafted(5),
    VersionTagged(9, "k", "v"),
    VersionRetired(9, Stage.DRAFT),
    VersionRetired(1, Stage.STAGING),
    VersionPromoted(2, Stage.STAGING, Stage.PRODUCTION, VERDICT, POLICY),
    VersionPromoted(2, Stage.VALIDATED, Stage.STAGING, VERDICT, POLICY),
    VersionPromoted(1, Stage.PRODUCTION, Stage.VALIDATED, VERDICT, POLICY),
    VersionPromoted(3, Stage.RETIRED, Stage.DRAFT, VERDICT, POLICY),
    VersionSuperseded(2, 1),
]


@pytest.mark.parametrize("body", IMPOSSIBLE)
def test_an_event_that_cannot_follow_is_refused(body: EventBody) -> None:
    history = story(Stage.PRODUCTION, Stage.STAGING, Stage.DRAFT)
    history.does(OPERATOR, Retire(3), "withdrawn")
    with pytest.raises(InvalidTransition):
        evolve(history.state, Event("m", body, OPERATOR, history.now))


@pytest.mark.parametrize("body", [VersionDrafted(1), VersionTagged(1, "k", "v")])
def test_nothing_comes_before_the_registration(body: EventBody) -> None:
    with pytest.raises(InvalidTransition):
        fold("m", [Event("m", body, OPERATOR, NOON)])


def test_an_event_of_another_model_is_refused() -> None:
    with pytest.raises(InvalidTransition):
        fold("m", story(name="other").events)


def test_a_clock_that_goes_backwards_leaves_the_standby_the_last_to_leave() -> None:
    history = story(Stage.PRODUCTION, Stage.STAGING, Stage.STAGING, Stage.STAGING)
    for version in (2, 3, 4):
        history.now -= timedelta(days=30)
        history.does(OPERATOR, promote_to(version, Stage.PRODUCTION))
        assert history.state.standby is not None
        assert history.state.standby.version == version - 1
    assert [event.at for event in history.events if event.at < NOON] != []
    assert fold("m", history.events) == history.state
