"""Events keep their meaning through JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.promotion_commands import NOON
from tradeworthy.base.digests import Json
from tradeworthy.errors import InvalidInput
from tradeworthy.lifecycle.events import (
    Attachment,
    Event,
    ModelRegistered,
    VersionDrafted,
    VersionPromoted,
    VersionRetired,
)
from tradeworthy.lifecycle.recorded_events import (
    body_from_json,
    body_to_json,
    event_kinds,
    rebuild,
)
from tradeworthy.lifecycle.stages import Stage

KINDS = list(event_kinds().values())
TIMES = st.datetimes(timezones=st.just(UTC))


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_body_survives_json(kind: type[Any], data: st.DataObject) -> None:
    body = data.draw(st.builds(kind))
    text = json.dumps(body_to_json(body), sort_keys=True)
    assert body_from_json(kind.__name__, json.loads(text)) == body


class Size(StrEnum):
    """An enum of a capability's own."""

    SMALL = "small"


@dataclass(frozen=True, slots=True)
class VersionExcused(Attachment):
    """What the events of capabilities to come hold: times, enums, options, and any names."""

    source: str
    until: datetime
    since: datetime | None
    size: Size
    stages: tuple[Stage, ...]


@given(body=st.builds(VersionExcused, until=TIMES, since=st.none() | TIMES))
def test_any_field_of_an_event_survives_json(body: VersionExcused) -> None:
    fields = json.loads(json.dumps(body_to_json(body)))
    assert rebuild(VersionExcused, fields) == body


def test_the_kinds_that_are_stored_never_change() -> None:
    assert {kind.__name__ for kind in KINDS} == {
        "ModelRegistered",
        "VersionDrafted",
        "ManifestRecorded",
        "VersionPromoted",
        "VersionSuperseded",
        "VersionRetired",
        "ApprovalGranted",
        "VersionQuarantined",
        "QuarantineLifted",
        "VersionTagged",
    }


def test_what_a_promotion_looks_like_in_the_store() -> None:
    body = VersionPromoted(3, Stage.STAGING, Stage.PRODUCTION, "v", "p", ("bob", "eve"))
    assert json.dumps(body_to_json(body)) == (
        '{"version": 3, "source": "STAGING", "target": "PRODUCTION", '
        '"verdict_digest": "v", "policy_digest": "p", "approvers": ["bob", "eve"]}'
    )


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("VersionTeleported", {"version": 1}),
        ("VersionDrafted", {"version": 1, "colour": "red"}),
        ("VersionDrafted", {}),
        ("VersionRetired", {"version": 1, "source": "LIMBO"}),
        ("VersionRetired", {"version": 1, "source": None}),
    ],
)
def test_an_event_of_another_release_is_refused(kind: str, fields: dict[str, Json]) -> None:
    with pytest.raises(InvalidInput):
        body_from_json(kind, fields)


def test_an_event_names_its_kind_and_its_version() -> None:
    drafted = Event("m", VersionDrafted(4), "ana", NOON)
    assert (drafted.kind, drafted.version) == ("VersionDrafted", 4)
    registered = Event("m", ModelRegistered("s", "o", "t"), "ana", NOON)
    assert (registered.kind, registered.version) == ("ModelRegistered", None)
    assert Event("m", VersionRetired(2, Stage.DRAFT), "ana", NOON).version == 2
