"""What each command causes, and every refusal with its code."""

from __future__ import annotations

import pytest

from contract.promotion_commands import (
    APPROVER,
    AUTHOR,
    NOON,
    OPERATOR,
    POLICY,
    TRAINER,
    VERDICT,
    Story,
    approve_for,
    content_of,
    digest,
    manifest_for,
    promote_to,
    story,
)
from tradeworthy.errors import (
    AlreadyExists,
    ApprovalRefused,
    InvalidInput,
    InvalidTransition,
    ModelNotFound,
    PromotionRefused,
    StaleStage,
    TradeworthyError,
    VersionNotFound,
)
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
from tradeworthy.lifecycle.events import VersionPromoted, VersionRetired, VersionSuperseded
from tradeworthy.lifecycle.stages import Stage, check_promotion, is_promotion, next_stage
from tradeworthy.lifecycle.state import ModelState, version_of
from tradeworthy.lifecycle.tags import Tag


def refused(history: Story, actor: str, command: Command, reason: str = "") -> TradeworthyError:
    """The refusal of a command; it must leave the story as it was."""
    before = history.state
    with pytest.raises(TradeworthyError) as caught:
        decide(history.state, command, actor=actor, now=NOON, reason=reason)
    assert history.state == before
    return caught.value


ON_A_VERSION = [
    manifest_for(9),
    promote_to(9, Stage.TRAINED),
    Retire(9),
    approve_for(9),
    Quarantine(9),
    LiftQuarantine(9),
    Tag(9, "k", "v"),
]


@pytest.mark.parametrize("command", [DraftVersion(), *ON_A_VERSION])
def test_nothing_is_done_to_an_unknown_model(command: Command) -> None:
    with pytest.raises(ModelNotFound) as caught:
        decide(ModelState("ghost"), command, actor=AUTHOR, now=NOON, reason="why")
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("command", ON_A_VERSION)
def test_nothing_is_done_to_an_unknown_version(command: Command) -> None:
    error = refused(story(Stage.DRAFT), AUTHOR, command, "why")
    assert isinstance(error, VersionNotFound)
    assert error.message.endswith("has no version 9: it has version 1")
    assert "none yet" in refused(story(), AUTHOR, command, "why").message


def test_a_name_is_taken_once() -> None:
    history = story()
    error = refused(history, AUTHOR, RegisterModel("other", "desk", "low"))
    assert isinstance(error, AlreadyExists)
    here = history.state.strategy
    assert f"for strategy {here!r}: give the model of 'other' another name" in error.message
    error = refused(history, AUTHOR, RegisterModel(here, "desk", "low"))
    assert error.message.endswith("train versions of it")


def test_numbers_count_up_and_are_never_reused() -> None:
    history = story(Stage.DRAFT, Stage.DRAFT)
    history.does(OPERATOR, Retire(2), "wrong data")
    history.does(AUTHOR, DraftVersion())
    assert sorted(history.state.versions) == [1, 2, 3]


def test_every_event_says_who_when_and_why() -> None:
    history = story(Stage.PRODUCTION, Stage.STAGING)
    for event in history.does(OPERATOR, promote_to(2, Stage.PRODUCTION), "better"):
        assert (event.model, event.actor, event.at) == ("m", OPERATOR, history.now)
        assert event.reason == "better"


# -- manifests -------------------------------------------------------------------------------


def test_a_draft_gets_its_manifest_and_may_get_better_ones() -> None:
    history = story(Stage.DRAFT)
    history.does(TRAINER, manifest_for(1))
    history.does(TRAINER, RecordManifest(1, digest("m"), digest("a"), digest("c")))
    version = history.state.versions[1]
    assert (version.trainer, version.content_digest) == (TRAINER, digest("c"))
    assert (version.manifest_digest, version.artifact_digest) == (digest("m"), digest("a"))


@pytest.mark.parametrize("stage", [s for s in Stage if s is not Stage.DRAFT])
def test_manifests_are_final_after_the_draft(stage: Stage) -> None:
    history = at_stage(stage)
    assert isinstance(refused(history, TRAINER, manifest_for(1)), InvalidTransition)


def test_a_second_recorder_cannot_free_the_trainer_to_approve() -> None:
    history = story(Stage.DRAFT)
    history.does(TRAINER, manifest_for(1))
    assert isinstance(refused(history, "dave", manifest_for(1)), AlreadyExists)
    assert isinstance(refused(history, TRAINER, approve_for(1)), ApprovalRefused)


# -- promotions ------------------------------------------------------------------------------


def at_stage(stage: Stage) -> Story:
    """A model whose first version stands at ``stage``."""
    if stage is not Stage.RETIRED:
        return story(stage)
    history = story(Stage.VALIDATED)
    history.does(OPERATOR, Retire(1), "withdrawn")
    return history


@pytest.mark.parametrize("target", list(Stage))
@pytest.mark.parametrize("stage", list(Stage))
def test_only_one_step_forward_is_a_promotion(stage: Stage, target: Stage) -> None:
    history = at_stage(stage)
    command = Promote(1, stage, target, True, VERDICT, POLICY)
    if stage is Stage.DRAFT:
        history.does(TRAINER, manifest_for(1))
    if is_promotion(stage, target):
        assert len(history.does(OPERATOR, command)) == 1
        assert history.stages() == {1: target}
    else:
        assert isinstance(refused(history, OPERATOR, command), InvalidTransition)


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("expected", list(Stage))
def test_a_promotion_from_another_stage_than_expected_is_stale(
    stage: Stage, expected: Stage
) -> None:
    if expected is stage:
        return
    target = next_stage(expected) or Stage.RETIRED
    error = refused(at_stage(stage), OPERATOR, Promote(1, expected, target, True, VERDICT, POLICY))
    assert isinstance(error, StaleStage)
    assert error.details == {"expected": expected, "actual": stage}


@pytest.mark.parametrize("target", [Stage.TRAINED, Stage.VALIDATED, Stage.STAGING])
def test_failed_gates_refuse(target: Stage) -> None:
    history = story(Stage(list(Stage)[list(Stage).index(target) - 1]))
    error = refused(history, OPERATOR, promote_to(1, target, passed=False))
    assert isinstance(error, PromotionRefused)


def test_failed_gates_refuse_production_in_spite_of_approvals() -> None:
    error = refused(story(Stage.STAGING), OPERATOR, promote_to(1, Stage.PRODUCTION, passed=False))
    assert isinstance(error, PromotionRefused)


def test_a_draft_without_a_manifest_is_not_trained_whatever_the_verdict() -> None:
    error = refused(story(Stage.DRAFT), AUTHOR, promote_to(1, Stage.TRAINED))
    assert isinstance(error, PromotionRefused)


def test_a_promotion_records_its_verdict_and_who_approved() -> None:
    history = story(Stage.STAGING)
    history.does("walt", approve_for(1))
    (event,) = history.does(OPERATOR, promote_to(1, Stage.PRODUCTION, required=2))
    assert event.body == VersionPromoted(
        1, Stage.STAGING, Stage.PRODUCTION, VERDICT, POLICY, (APPROVER, "walt")
    )


def test_a_new_champion_supersedes_the_old_one_in_the_same_decision() -> None:
    history = story(Stage.PRODUCTION, Stage.STAGING)
    bodies = [e.body for e in history.does(OPERATOR, promote_to(2, Stage.PRODUCTION))]
    assert bodies[0] == VersionSuperseded(1, 2)
    assert isinstance(bodies[1], VersionPromoted)
    assert history.stages() == {1: Stage.STAGING, 2: Stage.PRODUCTION}
    assert history.state.standby is not None
    assert history.state.standby.version == 1


def test_check_promotion_tells_the_way() -> None:
    with pytest.raises(InvalidTransition, match="promoted to TRAINED"):
        check_promotion(Stage.DRAFT, Stage.PRODUCTION)
    with pytest.raises(InvalidTransition, match="retire it"):
        check_promotion(Stage.PRODUCTION, Stage.RETIRED)
    with pytest.raises(InvalidTransition, match="it is final"):
        check_promotion(Stage.RETIRED, Stage.DRAFT)


# -- approvals -------------------------------------------------------------------------------


def unapproved() -> Story:
    """A version in STAGING that nobody approved."""
    history = story(Stage.DRAFT)
    history.does(TRAINER, manifest_for(1))
    for target in (Stage.TRAINED, Stage.VALIDATED, Stage.STAGING):
        history.does(OPERATOR, promote_to(1, target))
    return history


@pytest.mark.parametrize("required", [-1, 0, 1])
def test_no_policy_can_do_without_a_second_person(required: int) -> None:
    error = refused(unapproved(), OPERATOR, promote_to(1, Stage.PRODUCTION, required=required))
    assert isinstance(error, PromotionRefused)


def test_a_policy_may_ask_for_more_people() -> None:
    history = story(Stage.STAGING)
    error = refused(history, OPERATOR, promote_to(1, Stage.PRODUCTION, required=2))
    assert isinstance(error, PromotionRefused)
    assert "1 of 2" in error.message


@pytest.mark.parametrize("actor", [AUTHOR, TRAINER])
def test_author_and_trainer_do_not_approve_their_own_work(actor: str) -> None:
    error = refused(unapproved(), actor, approve_for(1))
    assert isinstance(error, ApprovalRefused)


def test_an_approval_before_one_turned_trainer_does_not_count() -> None:
    """The draft's author hands over: whoever approved first and trained later is not two people."""
    history = story(Stage.DRAFT)
    history.does(TRAINER, manifest_for(1))
    history.does(APPROVER, approve_for(1))
    assert history.state.versions[1].approvers(Stage.PRODUCTION, POLICY) == (APPROVER,)
    assert isinstance(refused(history, APPROVER, manifest_for(1)), AlreadyExists)


@pytest.mark.parametrize(
    "approval",
    [
        Approve(1, Stage.PRODUCTION, content_of(1), digest("another policy")),
        Approve(1, Stage.STAGING, content_of(1), POLICY),
    ],
)
def test_an_approval_counts_for_its_policy_and_its_stage_alone(approval: Approve) -> None:
    history = unapproved()
    history.does(APPROVER, approval)
    error = refused(history, OPERATOR, promote_to(1, Stage.PRODUCTION))
    assert isinstance(error, PromotionRefused)


def test_an_approval_of_other_content_is_refused() -> None:
    other = Approve(1, Stage.PRODUCTION, digest("other content"), POLICY)
    error = refused(unapproved(), APPROVER, other)
    assert isinstance(error, ApprovalRefused)
    assert error.details == {"approved": digest("other content"), "current": content_of(1)}


def test_nothing_is_approved_before_there_is_content() -> None:
    assert isinstance(refused(story(Stage.DRAFT), APPROVER, approve_for(1)), ApprovalRefused)


def test_new_content_voids_the_approval() -> None:
    history = story(Stage.DRAFT)
    history.does(TRAINER, manifest_for(1))
    history.does(APPROVER, approve_for(1))
    history.does(TRAINER, RecordManifest(1, digest("m"), digest("a"), digest("new content")))
    for target in (Stage.TRAINED, Stage.VALIDATED, Stage.STAGING):
        history.does(OPERATOR, promote_to(1, target))
    error = refused(history, OPERATOR, promote_to(1, Stage.PRODUCTION))
    assert isinstance(error, PromotionRefused)


def test_one_person_approves_once_but_again_under_another_policy() -> None:
    history = story(Stage.STAGING)
    assert isinstance(refused(history, APPROVER, approve_for(1)), AlreadyExists)
    history.does(APPROVER, approve_for(1, digest("another policy")))
    assert len(history.state.versions[1].approvals) == 2


def test_approvals_stand_when_a_superseded_version_comes_back() -> None:
    history = story(Stage.PRODUCTION, Stage.PRODUCTION)
    assert history.stages() == {1: Stage.STAGING, 2: Stage.PRODUCTION}
    history.does(OPERATOR, promote_to(1, Stage.PRODUCTION))
    assert history.stages() == {1: Stage.PRODUCTION, 2: Stage.STAGING}


# -- retirement ------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [s for s in Stage if s is not Stage.RETIRED])
def test_every_stage_can_be_retired_for_a_reason(stage: Stage) -> None:
    history = at_stage(stage)
    for empty in ("", "  \n", "\u200b"):
        error = refused(history, OPERATOR, Retire(1), empty)
        assert isinstance(error, InvalidInput)
        assert error.details == {"field": "reason"}
    (event,) = history.does(OPERATOR, Retire(1), "withdrawn")
    assert event.body == VersionRetired(1, stage)
    assert history.stages() == {1: Stage.RETIRED}
    left = history.state.versions[1].left_production_at
    assert (left == history.now) if stage is Stage.PRODUCTION else (left is None)


@pytest.mark.parametrize(
    "command", [Retire(1), approve_for(1), Quarantine(1), manifest_for(1), LiftQuarantine(1)]
)
def test_retired_is_final(command: Command) -> None:
    error = refused(at_stage(Stage.RETIRED), "walt", command, "why")
    assert isinstance(error, InvalidTransition)


# -- quarantine and tags ---------------------------------------------------------------------


def test_a_quarantine_takes_a_reason_and_keeps_the_stage() -> None:
    history = story(Stage.PRODUCTION)
    assert isinstance(refused(history, OPERATOR, Quarantine(1), " "), InvalidInput)
    history.does(OPERATOR, Quarantine(1), "wild orders")
    assert history.stages() == {1: Stage.PRODUCTION}
    assert history.state.versions[1].quarantined
    stopped = history.state.versions[1]
    assert stopped.quarantine_reason == "wild orders"
    assert (stopped.quarantined_by, stopped.quarantined_at) == (OPERATOR, history.now)
    again = refused(history, OPERATOR, Quarantine(1), "again")
    assert isinstance(again, AlreadyExists)
    when = history.now.isoformat(timespec="seconds")
    assert f"quarantined by {OPERATOR} at {when} (wild orders)" in str(again)
    history.does(OPERATOR, LiftQuarantine(1), "limits set")
    free = history.state.versions[1]
    assert (free.quarantined, free.quarantined_by, free.quarantined_at) == (False, None, None)


def test_a_quarantined_version_does_not_enter_production() -> None:
    history = story(Stage.STAGING)
    history.does(OPERATOR, Quarantine(1), "wild orders")
    error = refused(history, OPERATOR, promote_to(1, Stage.PRODUCTION))
    assert isinstance(error, PromotionRefused)
    assert "wild orders" in error.message
    history.does(OPERATOR, LiftQuarantine(1), "limits set")
    history.does(OPERATOR, promote_to(1, Stage.PRODUCTION))
    assert history.stages() == {1: Stage.PRODUCTION}


def test_lifting_takes_a_quarantine_and_a_reason() -> None:
    history = story(Stage.STAGING)
    assert isinstance(refused(history, OPERATOR, LiftQuarantine(1), "why"), InvalidTransition)
    history.does(OPERATOR, Quarantine(1), "wild orders")
    assert isinstance(refused(history, OPERATOR, LiftQuarantine(1)), InvalidInput)
    history.does(OPERATOR, Retire(1), "no use")
    never = refused(history, OPERATOR, LiftQuarantine(1), "limits set")
    assert "RETIRED; it does not predict" in never.message


def test_a_tag_changes_nothing_that_a_promotion_reads() -> None:
    history = story(Stage.STAGING)
    before = history.state
    history.does(AUTHOR, Tag(1, "desk", "rates"))
    assert history.state == before


def test_version_of_finds_it() -> None:
    history = story(Stage.DRAFT)
    assert version_of(history.state, 1) is history.state.versions[1]
