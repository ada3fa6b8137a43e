"""One strict reader of JSON, and every entrance that obeys its laws."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malformed_json import MALFORMED, Document
from tradeworthy.base.strict_json import DEEPEST, read_json
from tradeworthy.client.answers import content_of
from tradeworthy.client.transport import Answer
from tradeworthy.errors import (
    InvalidInput,
    ManifestInvalid,
    ServerUnreachable,
    StoreUnavailable,
    TradeworthyError,
)
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.serving.decoder import make_decoder
from tradeworthy.store.ports import documents

PLAIN = Document('{"number": 1.25, "word": "held"}', "1.25", "held")
MANIFEST = Document(Manifest("m", 1, "s", metrics={"a": 1.25}).to_json(), "1.25", "m")
PREDICT = Document('{"rows": [{"x": 1.25}], "event_time": "2024-01-31"}', "1.25", "2024-01-31")


@dataclass(frozen=True)
class Entrance:
    """Somewhere that JSON comes in."""

    document: Document
    read: Callable[[bytes], Any]
    refusal: type[TradeworthyError]


ENTRANCES = {
    "any text": Entrance(PLAIN, read_json, InvalidInput),
    "an answer": Entrance(PLAIN, lambda b: content_of(Answer(200, b)), ServerUnreachable),
    "a manifest": Entrance(MANIFEST, Manifest.from_json, ManifestInvalid),
    "a kept document": Entrance(
        PLAIN, lambda b: documents.Document("d", "evidence", b).content(), StoreUnavailable
    ),
    "predict": Entrance(PREDICT, make_decoder(("x",), 10, 10**6).decode, InvalidInput),
}


@pytest.mark.parametrize("where", ENTRANCES)
def test_every_entrance_takes_what_is_well_formed(where: str) -> None:
    entrance = ENTRANCES[where]
    assert entrance.read(entrance.document.text.encode()) is not None


@pytest.mark.parametrize("where", ENTRANCES)
@pytest.mark.parametrize("fault", MALFORMED)
def test_every_entrance_refuses_the_same(where: str, fault: str) -> None:
    entrance = ENTRANCES[where]
    with pytest.raises(TradeworthyError) as caught:
        entrance.read(MALFORMED[fault](entrance.document))
    assert type(caught.value) is entrance.refusal
    caught.value.message.encode()
    assert len(caught.value.message) < 400


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**307), 10**307)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_whatever_json_holds_is_read_as_it_is(content: object) -> None:
    text = json.dumps(content)
    assert read_json(text) == read_json(text.encode()) == content


def test_the_depth_is_counted_exactly() -> None:
    assert read_json("[" * DEEPEST + "]" * DEEPEST)
    with pytest.raises(InvalidInput, match=f"more than {DEEPEST} levels"):
        read_json("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))


def test_a_refusal_says_what_and_why() -> None:
    with pytest.raises(ManifestInvalid, match=r"^the manifest has the key 'a' twice$") as caught:
        read_json('{"a": 1, "a": 2}', what="the manifest", refusal=ManifestInvalid)
    assert caught.value.details == {"field": "a"}
    with pytest.raises(InvalidInput, match=r"^the body is not UTF-8 at byte 1$"):
        read_json(b'"\xff"')
    with pytest.raises(InvalidInput, match=r"^the body holds NaN, which is no number"):
        read_json("[NaN]")
