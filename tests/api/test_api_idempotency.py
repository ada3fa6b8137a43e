"""An Idempotency-Key: one request, one effect, one answer."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from api.served_home import ServedHome, reported

DRAFT = "/api/v1/ml/m/versions"
KEY = {"idempotency-key": "one"}


def count(service: ServedHome) -> int:
    return len(service.get("vera", "/api/v1/models/m/versions").json())


def replayed(response: httpx.Response) -> bool:
    return response.headers.get("idempotency-replayed") == "true"


def test_the_same_request_is_answered_once(own: ServedHome) -> None:
    first, again = (own.post("ana", DRAFT, headers=KEY) for _ in range(2))
    assert (first.status_code, replayed(first)) == (201, False)
    assert (again.status_code, replayed(again)) == (201, True)
    assert again.json() == first.json()
    assert again.headers["content-type"] == first.headers["content-type"]
    assert count(own) == 6
    # Somebody else's key is another one.
    assert own.post("bob", DRAFT, headers=KEY).json()["version"] == 7


def test_another_request_under_the_key_is_refused(own: ServedHome) -> None:
    tag = {"key": "note", "value": "x"}
    path = "/api/v1/ml/m/versions/3/tags"
    assert own.post("ana", path, tag, headers=KEY).status_code == 200
    for other in (
        own.post("ana", path, tag | {"value": "y"}, headers=KEY),
        own.post("ana", "/api/v1/ml/m/versions/4/tags", tag, headers=KEY),
        own.post("ana", DRAFT, headers=KEY),
    ):
        assert reported(other) == (409, "idempotency_conflict")
    found = own.get("vera", "/api/v1/models/m/versions").json()
    assert [each["tags"] for each in found][2:4] == [{"note": "x"}, {}]
    assert count(own) == 5


def test_a_body_that_is_not_understood_comes_before_its_key(own: ServedHome) -> None:
    path = "/api/v1/ml/m/versions/3/tags"
    assert own.post("ana", path, {"key": "note", "value": "x"}, headers=KEY).status_code == 200
    for body in ({"key": "note"}, {"key": "a=b", "value": "x"}, {"key": "note", "value": 1}):
        assert reported(own.post("ana", path, body, headers=KEY)) == (422, "invalid_input")
    other = own.post("ana", path, {"key": "note", "value": "y"}, headers=KEY)
    assert reported(other) == (409, "idempotency_conflict")


def test_a_key_is_not_for_a_token_with_other_rights(own: ServedHome) -> None:
    requested = {"actor": "ana", "roles": ["researcher"], "strategies": ["trend"]}
    token = own.post("all", "/api/v1/ml/tokens", requested).json()["token"]
    assert own.post("ana", DRAFT, headers=KEY).status_code == 201
    narrow = own.client(None).post(
        DRAFT, json={}, headers=KEY | {"authorization": f"Bearer {token}"}
    )
    assert reported(narrow) == (409, "idempotency_conflict")
    assert count(own) == 6


def test_a_refusal_gives_the_key_back(own: ServedHome) -> None:
    refused = own.promote("olga", 2, headers=KEY, overrides={"min_sharpe": 99})
    assert reported(refused) == (422, "promotion_refused")
    assert reported(own.promote("vic", 4, headers=KEY)) == (422, "promotion_refused")
    assert own.speaker("ana").post("/api/v1/ml/m/backtest", {"version": 4})
    done = own.promote("vic", 4, headers=KEY)
    assert (done.status_code, replayed(done)) == (200, False)
    assert replayed(own.promote("vic", 4, headers=KEY))
    assert own.stage(4) == "VALIDATED"


@pytest.mark.parametrize(
    ("who", "path", "expected"),
    [
        (None, DRAFT, (401, "unauthenticated")),
        ("vera", DRAFT, (403, "forbidden")),
        ("ana", "/api/v1/ml/none/versions", (404, "model_not_found")),
    ],
)
def test_who_asks_is_checked_before_the_key(
    served: ServedHome, who: str | None, path: str, expected: tuple[int, str]
) -> None:
    for key in ("one", "no key"):
        response = served.post(who, path, headers={"idempotency-key": key})
        assert reported(response) == expected


def test_a_replay_is_for_who_may_still_ask(own: ServedHome) -> None:
    assert own.post("ana", DRAFT, headers=KEY).status_code == 201
    tokens = own.get("all", "/api/v1/ml/tokens").json()
    (mine,) = [each["token_id"] for each in tokens if each["actor"] == "ana"]
    assert own.post("all", f"/api/v1/ml/tokens/{mine}/revoke").status_code == 204
    assert reported(own.post("ana", DRAFT, headers=KEY)) == (401, "unauthenticated")


def test_tokens_are_shown_once_and_never_kept(own: ServedHome) -> None:
    requested = {"actor": "new", "roles": ["viewer"]}
    first = own.post("all", "/api/v1/ml/tokens", requested, headers=KEY)
    assert first.status_code == 201
    again = own.post("all", "/api/v1/ml/tokens", requested, headers=KEY)
    assert reported(again) == (409, "idempotency_conflict")
    issued = first.json()
    rotate = f"/api/v1/ml/tokens/{issued['record']['token_id']}/rotate"
    other = {"idempotency-key": "two"}
    rotated = own.post("all", rotate, headers=other).json()
    assert reported(own.post("all", rotate, headers=other)) == (409, "idempotency_conflict")
    found = own.get("all", "/api/v1/ml/tokens").json()
    assert len([each for each in found if each["actor"] == "new"]) == 2
    kept = b"".join(file.read_bytes() for file in own.home.folder.glob("tradeworthy.sqlite*"))
    assert b"tokens" in kept
    for token in (issued["token"], rotated["token"]):
        assert token.encode() not in kept
        assert token.removeprefix("tw_").encode() not in kept


def test_an_answer_without_a_body_is_replayed_too(own: ServedHome) -> None:
    tokens = own.get("all", "/api/v1/ml/tokens").json()
    (mine,) = [each["token_id"] for each in tokens if each["actor"] == "bob"]
    path = f"/api/v1/ml/tokens/{mine}/revoke"
    first, again = (own.post("all", path, headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code, replayed(again)) == (204, 204, True)
    assert reported(own.post("all", path)) == (404, "not_found")


def test_requests_at_once_have_one_effect(own: ServedHome) -> None:
    racers = 16
    start = threading.Barrier(racers)
    own.client("ana")

    def race(_: int) -> int:
        start.wait()
        return own.post("ana", DRAFT, headers=KEY).status_code

    with ThreadPoolExecutor(racers) as pool:
        outcome = Counter(pool.map(race, range(racers)))
    assert outcome[201] >= 1
    assert set(outcome) <= {201, 409}
    assert count(own) == 6
