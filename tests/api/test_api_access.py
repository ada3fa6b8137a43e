"""Who may do what over HTTP, and in which order a request is checked."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from api.served_home import ServedHome, reported, row
from waiting import until

PREDICT = "/api/v1/models/m/predict"
JSON = "application/json"


def send(
    service: ServedHome,
    path: str,
    *,
    who: str | None = "all",
    content: bytes = b"{}",
    kind: str = JSON,
    **headers: str,
) -> httpx.Response:
    given = {"content-type": kind, **headers}
    return service.client(who).post(path, content=content, headers=given)


def faults(who: str | None, model: str, size: int, kind: str, content: str) -> dict[str, object]:
    body = content.encode().ljust(size)
    return {"who": who, "model": model, "content": body, "kind": kind}


LARGE = 3 * 2**20
# Each line mends the first fault of the line before.
ORDER = [
    (faults(None, "none", LARGE, "text/csv", "{"), (401, "unauthenticated")),
    (faults("vera", "none", LARGE, "text/csv", "{"), (404, "model_not_found")),
    (faults("vera", "m", LARGE, "text/csv", "{"), (413, "payload_too_large")),
    (faults("vera", "m", 1, "text/csv", "{"), (415, "unsupported_media_type")),
    (faults("vera", "m", 1, JSON, "{"), (422, "invalid_input")),
]


@pytest.mark.parametrize("line", range(len(ORDER)))
def test_predict_checks_in_order(served: ServedHome, line: int) -> None:
    fault, expected = ORDER[line]
    given = {name: value for name, value in fault.items() if name != "model"}
    assert reported(send(served, f"/api/v1/models/{fault['model']}/predict", **given)) == expected


def test_predict_checks_the_scope_before_the_body(served: ServedHome) -> None:
    response = send(served, PREDICT, who="out", content=b"{" * LARGE, kind="text/csv")
    assert reported(response) == (403, "forbidden")
    response = send(served, "/api/v1/models/far/predict", who="sam", content=b"{" * LARGE)
    assert reported(response) == (403, "forbidden")
    assert reported(send(served, "/api/v1/models/far/predict", who="out")) == (
        404,
        "no_production_version",
    )


def test_predict_is_blocked_in_order(own: ServedHome) -> None:
    """Quarantined, of another graph and with a broken artifact: 422, 423, 409, 503."""
    stop = {"reason": "odd"}
    path = "/api/v1/ml/m/versions/1"
    assert own.post("olga", f"{path}/quarantine", stop).status_code == 200
    until(lambda: own.predict().status_code == 423)
    for blob in own.settings.blobs_folder.rglob("*"):
        if blob.is_file():
            blob.write_bytes(b"gone")
    other = "0" * 64
    assert reported(own.predict(feature_graph_hash=other, rows=[])) == (422, "invalid_input")
    assert reported(own.predict(feature_graph_hash=other)) == (423, "model_quarantined")
    assert own.post("olga", f"{path}/lift-quarantine", stop).status_code == 200
    until(lambda: own.predict().status_code == 503)
    assert reported(own.predict(feature_graph_hash=other)) == (409, "feature_graph_mismatch")
    assert reported(own.predict()) == (503, "artifact_invalid")
    assert own.predict().headers["retry-after"] == "1"


def test_a_management_route_checks_in_order(served: ServedHome) -> None:
    path = "/api/v1/ml/{}/promote"
    large = b"{".ljust(9 * 2**20)
    bad = {"content": large, "kind": "text/csv"}
    key = {"idempotency-key": "no key"}
    for who, model, expected in [
        (None, "none", (401, "unauthenticated")),
        ("vera", "none", (404, "model_not_found")),
        ("out", "m", (403, "forbidden")),
        ("vic", "m", (413, "payload_too_large")),
    ]:
        assert reported(send(served, path.format(model), who=who, **bad, **key)) == expected
    last = {"who": "vic", "content": b"{"}
    assert reported(send(served, path.format("m"), **last, kind="text/csv")) == (
        415,
        "unsupported_media_type",
    )
    assert reported(send(served, path.format("m"), **last)) == (422, "invalid_input")
    for who in ("vera", "vic"):
        assert reported(send(served, path.format("m"), who=who, content=b'{"version": 3}')) == (
            403,
            "forbidden",
        )
    body = b'{"version": 4, "target": "STAGING"}'
    assert reported(send(served, path.format("m"), who="all", content=body)) == (
        409,
        "invalid_transition",
    )


VERSIONED = ("approve", "retire", "quarantine", "lift-quarantine", "tags", "manifest")


@pytest.mark.parametrize("name", VERSIONED)
def test_a_version_is_looked_up_before_the_body(served: ServedHome, name: str) -> None:
    method = "PUT" if name == "manifest" else "POST"
    for kind, content in (("text/csv", b"{"), (JSON, b"{"), (JSON, b"{".ljust(9 * 2**20))):
        found = []
        for version in (99, 3):
            path = f"/api/v1/ml/m/versions/{version}/{name}"
            headers = {"content-type": kind}
            response = served.client("all").request(method, path, content=content, headers=headers)
            found.append(reported(response)[0])
        assert found[0] == 404
        assert found[1] in {413, 415, 422}


def test_a_body_that_no_route_reads(served: ServedHome) -> None:
    """A GET ignores one, however large; a POST without fields refuses one."""
    large = b" " * 9 * 2**20
    assert served.client("vera").request("GET", "/api/v1/models", content=large).status_code == 200
    path = "/api/v1/ml/m/versions"
    assert reported(served.client("ana").post(path, content=large)) == (413, "payload_too_large")
    assert reported(served.client("ana").post(path, content=b"[]")) == (422, "invalid_input")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/json; charset=latin-1"])
def test_bodies_of_other_types(served: ServedHome, kind: str) -> None:
    for path in ("m/promote", "models", "tokens", "m/versions/3/tags", "releases", "drift/scans"):
        response = send(served, f"/api/v1/ml/{path}", kind=kind)
        assert reported(response) == (415, "unsupported_media_type")
    response = send(served, "/api/v1/ml/datasets?name=x", kind=kind)
    assert reported(response) == (415, "unsupported_media_type")
    manifest = "/api/v1/ml/m/versions/5/manifest"
    response = served.client("ana").put(manifest, content=b"{}", headers={"content-type": kind})
    assert reported(response) == (415, "unsupported_media_type")


def test_compressed_bodies_are_not_read(served: ServedHome) -> None:
    for path in (PREDICT, "/api/v1/ml/m/promote"):
        response = send(served, path, **{"content-encoding": "gzip"})
        assert reported(response) == (415, "unsupported_media_type")


def test_a_body_without_a_length_is_bounded_too(served: ServedHome) -> None:
    def chunks() -> object:
        for _ in range(9):
            yield b" " * 2**20

    headers = {"content-type": JSON}
    for headed in (headers, headers | {"idempotency-key": "chunks"}):
        response = served.client("vic").post(
            "/api/v1/ml/m/promote", content=chunks(), headers=headed
        )
        assert reported(response) == (413, "payload_too_large")


READS = ["models/m/status", "models/m/versions", "ml/m/history", "ml/m/policy", "ml/m/versions/1"]


@pytest.mark.parametrize("path", READS)
def test_a_scoped_token_sees_its_strategies_only(served: ServedHome, path: str) -> None:
    assert served.get("sam", f"/api/v1/{path}").status_code == 200
    assert reported(served.get("out", f"/api/v1/{path}")) == (403, "forbidden")
    assert reported(served.get(None, f"/api/v1/{path}")) == (401, "unauthenticated")


def test_lists_leave_out_what_is_out_of_scope_without_ending_early(served: ServedHome) -> None:
    def names(who: str, **parameters: object) -> list[str]:
        return [each["name"] for each in served.get(who, "/api/v1/models", **parameters).json()]

    assert names("all") == ["empty", "far", "m"]
    assert names("sam", limit=1) == ["empty"]
    assert names("sam", limit=1, after="empty") == ["m"]
    assert names("out", limit=1) == ["far"]
    found = served.get("out", "/api/v1/ml/versions", limit=1)
    assert found.json() == []
    found = served.get("sam", "/api/v1/ml/versions", limit=2, after_model="m", after_version=1)
    assert [each["version"] for each in found.json()] == [2, 3]


def test_all_tags_that_are_requested_have_to_hold(own: ServedHome) -> None:
    path = "/api/v1/ml/m/versions/{}/tags"
    for version, key in ((2, "a"), (3, "a"), (3, "b")):
        tag = {"key": key, "value": "x=y"}
        assert own.post("ana", path.format(version), tag).status_code == 200
    for tags, expected in ((["a=x=y"], [2, 3]), (["a=x=y", "b=x=y"], [3]), (["b=x"], [])):
        found = own.get("vera", "/api/v1/ml/versions", tag=tags)
        assert [each["version"] for each in found.json()] == expected


def test_a_scoped_token_does_not_touch_what_is_everybodys(served: ServedHome) -> None:
    for path, body in (
        ("tokens", {"actor": "x", "roles": ["viewer"]}),
        ("releases/activate", {"release": "0" * 64}),
        ("drift/scans", {}),
        ("drift/scans", {"model": "far"}),
        ("models", {"name": "x", "strategy": "elsewhere", "owner": "x"}),
        ("far/versions", {}),
    ):
        assert reported(served.post("sam", f"/api/v1/ml/{path}", body)) == (403, "forbidden")


def test_tokens_that_are_none(served: ServedHome) -> None:
    good = served.home.token("vera")
    for header in ("", "Bearer", f"Basic {good}", good, f"Bearer {good}x", "Bearer é"):
        for method, path in (("GET", "/api/v1/models"), ("POST", PREDICT)):
            headers = {"authorization": header.encode("latin-1")}
            response = served.client(None).request(method, path, headers=headers)
            assert reported(response) == (401, "unauthenticated")
            assert response.headers["www-authenticate"] == "Bearer"


def test_of_two_tokens_none_is_taken(served: ServedHome) -> None:
    tokens = [("authorization", f"Bearer {served.home.token(who)}") for who in ("vera", "all")]
    for headers in (tokens, tokens[::-1]):
        for method, path in (("GET", "/api/v1/models"), ("POST", PREDICT)):
            response = served.client(None).request(method, path, headers=headers)
            assert reported(response) == (401, "unauthenticated")


def test_a_revoked_token_stops_predicting_and_a_new_one_starts(own: ServedHome) -> None:
    assert own.predict("vera").status_code == 200
    tokens = {each["actor"]: each for each in own.get("all", "/api/v1/ml/tokens").json()}
    path = f"/api/v1/ml/tokens/{tokens['vera']['token_id']}"
    rotated = own.post("all", f"{path}/rotate").json()
    assert rotated["record"]["roles"] == ["viewer"]
    until(lambda: own.predict("vera").status_code == 401)
    assert reported(own.get("vera", "/api/v1/models")) == (401, "unauthenticated")
    headers = {"authorization": f"Bearer {rotated['token']}"}
    body = {"rows": [row()], "feature_graph_hash": own.graph_hash()}
    client = own.client(None)
    assert until(lambda: client.post(PREDICT, json=body, headers=headers).status_code == 200)
    assert reported(own.post("all", f"{path}/rotate")) == (404, "not_found")
    assert reported(own.post("all", f"{path}/revoke")) == (404, "not_found")


def test_a_token_for_a_strategy_that_no_model_has_says_so(own: ServedHome) -> None:
    tokens = "/api/v1/ml/tokens"
    body = {"actor": "eve", "roles": ["viewer"], "strategies": ["trend", "trnd", "carry"]}
    issued = own.post("all", tokens, body).json()
    assert issued["unknown_strategies"] == ["carry", "trnd"]
    again = own.post("all", f"{tokens}/{issued['record']['token_id']}/rotate").json()
    assert again["unknown_strategies"] == ["carry", "trnd"]
    known = {"actor": "eve", "roles": ["viewer"], "strategies": ["trend", "elsewhere"]}
    for all_known in (known, known | {"strategies": None}):
        assert own.post("all", tokens, all_known).json()["unknown_strategies"] == []
    # It may be issued before the first model, and then is for it.
    model = {"name": "c", "strategy": "carry", "owner": "research"}
    assert own.post("all", "/api/v1/ml/models", model).json()["new_strategy"] is True
    second = own.post("all", "/api/v1/ml/models", model | {"name": "c2"}).json()
    assert second["new_strategy"] is False
    bearer = {"authorization": f"Bearer {again['token']}"}
    seen = own.client(None).get("/api/v1/models", headers=bearer).json()
    assert {"c", "c2"} <= {each["name"] for each in seen}


def test_the_last_admin_is_rotated_and_not_revoked(own: ServedHome) -> None:
    tokens = {each["actor"]: each for each in own.get("all", "/api/v1/ml/tokens").json()}
    root, everybody = (f"/api/v1/ml/tokens/{tokens[who]['token_id']}" for who in ("root", "all"))
    assert own.post("all", f"{root}/revoke").status_code == 204
    assert reported(own.post("all", f"{everybody}/revoke")) == (409, "last_admin")
    assert own.get("all", "/api/v1/ml/tokens").status_code == 200
    assert own.post("all", f"{everybody}/rotate").status_code == 200


def test_of_many_rotations_one_token_comes_out(own: ServedHome) -> None:
    racers = 8
    start = threading.Barrier(racers)
    tokens = own.get("all", "/api/v1/ml/tokens").json()
    (token_id,) = [each["token_id"] for each in tokens if each["actor"] == "vera"]

    def race(_: int) -> int:
        start.wait()
        return own.post("all", f"/api/v1/ml/tokens/{token_id}/rotate").status_code

    with ThreadPoolExecutor(racers) as pool:
        outcome = Counter(pool.map(race, range(racers)))
    assert outcome == {200: 1, 404: racers - 1}
    tokens = own.get("all", "/api/v1/ml/tokens").json()
    live = [each for each in tokens if each["actor"] == "vera" and each["revoked_at"] is None]
    assert len(live) == 1
