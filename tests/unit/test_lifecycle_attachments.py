"""Whatever is attached to a version is decided and folded without the lifecycle knowing it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from contract.promotion_commands import OPERATOR, story
from tradeworthy.errors import InvalidInput, ModelNotFound, VersionNotFound
from tradeworthy.lifecycle.commands import Attach
from tradeworthy.lifecycle.decide import decide
from tradeworthy.lifecycle.events import Attachment
from tradeworthy.lifecycle.evolve import evolve
from tradeworthy.lifecycle.recorded_events import event_kinds
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import ModelState, VersionState
from tradeworthy.lifecycle.tags import VersionTagged


@dataclass(frozen=True, slots=True)
class NoteAdded(Attachment):
    """A kind of event that no file of the product names."""

    text: str


@dataclass(frozen=True, slots=True)
class AddNote(Attach):
    """The command that causes it; it refuses empty notes."""

    text: str

    def decide(self, version: VersionState, *, actor: str, reason: str) -> NoteAdded:
        if not self.text:
            raise InvalidInput("an empty note says nothing")
        return NoteAdded(version.version, f"{actor} on {version.stage}: {self.text} ({reason})")


def test_a_command_of_a_new_kind_decides_for_itself() -> None:
    history = story(Stage.STAGING)
    (event,) = history.does(OPERATOR, AddNote(1, "watch the roll"), "month end")
    assert event.body == NoteAdded(1, "olga on STAGING: watch the roll (month end)")
    assert (event.kind, event.version, event.actor) == ("NoteAdded", 1, OPERATOR)
    with pytest.raises(InvalidInput, match="an empty note"):
        history.does(OPERATOR, AddNote(1, ""))


def test_it_moves_no_stage_and_changes_no_version() -> None:
    history = story(Stage.PRODUCTION, Stage.STAGING)
    before = history.state
    (event,) = history.does(OPERATOR, AddNote(2, "quiet"))
    assert evolve(before, event) == before


def test_it_needs_a_version_to_be_attached_to() -> None:
    history = story(Stage.DRAFT)
    with pytest.raises(VersionNotFound):
        history.does(OPERATOR, AddNote(2, "none"))
    with pytest.raises(ModelNotFound):
        decide(ModelState("m"), AddNote(1, "none"), actor=OPERATOR, now=history.now)


def test_what_is_recorded_is_found_in_the_file_that_defines_it() -> None:
    attached = {name for name, kind in event_kinds().items() if issubclass(kind, Attachment)}
    assert attached == {"VersionTagged"}
    assert event_kinds()["VersionTagged"] is VersionTagged
    assert "Attachment" not in event_kinds()
