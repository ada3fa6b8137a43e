"""Whatever is wrong with a request, its answer says so by a stable code, and nothing changes."""

from __future__ import annotations

import json
import re
import socket

import pytest
from typer.testing import CliRunner

from api.served_home import ServedHome, reported, row
from tradeworthy.cli.app import app

PREDICT = "/api/v1/models/m/predict"
HASH = "GRAPH-HASH"


def rows(*given: object) -> dict[str, object]:
    return {"rows": list(given), "feature_graph_hash": HASH}


def text(value: str) -> str:
    return json.dumps(rows(row())).replace("0.01", value)


BODIES = {
    "missing feature": (json.dumps(rows({"day_return": 1})), "week_return"),
    "extra feature": (json.dumps(rows({**row(), "close": 1})), "close"),
    "null": (text("null"), "day_return"),
    "NaN": (text("NaN"), "day_return"),
    "infinity": (text("1e999"), "day_return"),
    "minus infinity": (text("-1e999"), "day_return"),
    "string": (text('"0.01"'), "day_return"),
    "boolean": (text("true"), "day_return"),
    "wrong width": (json.dumps(rows([0.01])), None),
    "no object": (json.dumps(rows(1)), None),
    "empty batch": (json.dumps(rows()), "rows"),
    "broken JSON": (json.dumps(rows(row()))[:-1], None),
    "empty body": ("", None),
    "no hash": (json.dumps({"rows": [row()]}), "feature_graph_hash"),
    "empty hash": (json.dumps({"rows": [row()], "feature_graph_hash": ""}), "feature_graph_hash"),
    "hash is null": (json.dumps({"rows": [row()], "feature_graph_hash": None}), None),
    "entities": (json.dumps({"entities": ["AAA"]}), "entities"),
    "a time without offset": (
        json.dumps({**rows(row()), "event_time": "2026-01-05T12:00:00"}),
        "event_time",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_rows_that_cannot_be_predicted(served: ServedHome, name: str) -> None:
    body, field = BODIES[name]
    content = body.replace(HASH, served.graph_hash())
    headers = {"content-type": "application/json"}
    response = served.client("vera").post(PREDICT, content=content, headers=headers)
    assert reported(response) == (422, "invalid_input")
    if field is not None:
        assert response.json()["details"]["field"] == field
    assert served.predict().status_code == 200


def test_absent_hash_is_answered_with_the_way_to_get_it(served: ServedHome) -> None:
    response = served.predict(feature_graph_hash=None)
    assert reported(response) == (422, "invalid_input")
    (command,) = re.findall("`tradeworthy ([^`]*)`", response.json()["detail"])
    words = command.replace("FILE", str(served.home.features)).split()
    printed = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)["hash"]
    assert printed == served.get("vera", "/api/v1/models/m/status").json()["alignment"]["bound"]
    assert served.predict(feature_graph_hash=printed).status_code == 200


GETS = {
    "/api/v1/models/none/status": (404, "model_not_found"),
    "/api/v1/models/none/versions": (404, "model_not_found"),
    "/api/v1/ml/none/history": (404, "model_not_found"),
    "/api/v1/ml/none/policy": (404, "model_not_found"),
    "/api/v1/ml/none/drift/reports": (404, "model_not_found"),
    "/api/v1/ml/m/versions/99": (404, "version_not_found"),
    "/api/v1/ml/m/versions/2147483647": (404, "version_not_found"),
    "/api/v1/ml/m/versions/2147483648": (422, "invalid_input"),
    "/api/v1/ml/m/versions/99/manifest": (404, "version_not_found"),
    "/api/v1/ml/m/versions/5/manifest": (404, "not_found"),
    "/api/v1/ml/m/versions/0": (422, "invalid_input"),
    "/api/v1/ml/m/versions/-1": (422, "invalid_input"),
    "/api/v1/ml/m/versions/1.5": (422, "invalid_input"),
    "/api/v1/ml/m/versions/" + "9" * 30: (422, "invalid_input"),
    "/api/v1/ml/m/versions/" + "9" * 5000: (422, "invalid_input"),
    "/api/v1/ml/m/versions/one": (422, "invalid_input"),
    "/api/v1/models/%00/status": (404, "model_not_found"),
    "/api/v1/models/m%00/status": (404, "model_not_found"),
    "/api/v1/models/%ED%A0%80/status": (404, "model_not_found"),
    "/api/v1/models/%FF/status": (404, "model_not_found"),
    "/api/v1/models/m%C3%B6del/status": (404, "model_not_found"),
    "/api/v1/models/" + "m" * 3000 + "/status": (404, "model_not_found"),
    "/api/v1/models/a%2Fb/status": (404, "route_not_found"),
    "/api/v1/models/..%2Fm/status": (404, "route_not_found"),
    "/api/v1/nothing": (404, "route_not_found"),
    "/api/v1/models?limit=0": (422, "invalid_input"),
    "/api/v1/models?limit=100000": (422, "invalid_input"),
    "/api/v1/models?limit=1&limit=2": (422, "invalid_input"),
    "/api/v1/models?limt=1": (422, "invalid_input"),
    "/api/v1/models/": (404, "route_not_found"),
    "/api/v1/models/m/status/": (404, "route_not_found"),
    "/api/v1/ml/versions?stage=STAGING&stage=PRODUCTION": (422, "invalid_input"),
    "/api/v1/ml/versions?tag=%01%3Db": (422, "invalid_input"),
    "/api/v1/ml/versions?" + "&".join(["tag=a%3Db"] * 1000): (422, "invalid_input"),
    "/api/v1/models?after=%00": (422, "invalid_input"),
    "/api/v1/ml/versions?after_model=%00": (422, "invalid_input"),
    "/api/v1/ml/versions?strategy=a%00b": (422, "invalid_input"),
    "/api/v1/ml/versions?stage=LIVE": (422, "invalid_input"),
    "/api/v1/ml/versions?tag=plain": (422, "invalid_input"),
    "/api/v1/ml/versions?tag=a%00%3Db": (422, "invalid_input"),
    "/api/v1/ml/versions?tag=a%3Db%00": (422, "invalid_input"),
    "/api/v1/ml/versions?tag=a%3Db&tag=a%3Dc": (422, "invalid_input"),
    "/api/v1/ml/versions?" + "&".join(f"tag=k{n}%3Dv" for n in range(51)): (422, "invalid_input"),
    "/api/v1/ml/m/history?at=noon": (422, "invalid_input"),
    "/api/v1/ml/m/history?at=2026-01-05T12:00:00": (422, "invalid_input"),
    "/api/v1/ml/m/history?at=0001-01-01T00:00:00%2B14:00": (422, "invalid_input"),
    "/api/v1/ml/m/history?at=9999-12-31T23:59:59-14:00": (422, "invalid_input"),
    "/api/v1/ml/m/drift/reports?version=0": (422, "invalid_input"),
}


@pytest.mark.parametrize("path", GETS, ids=lambda path: path[:60])
def test_reads_that_find_nothing(served: ServedHome, path: str) -> None:
    assert reported(served.client("all").get(path)) == GETS[path]


LONG = "x" * 5000
DEEP = "[" * 100_000
POSTS = {
    "register: no name": ("models", {}, (422, "invalid_input")),
    "register: slash": ("models", {"name": "a/b"}, (422, "invalid_input")),
    "register: space": ("models", {"name": "a b"}, (422, "invalid_input")),
    "register: reserved": ("models", {"name": "tokens"}, (422, "invalid_input")),
    "register: long": ("models", {"name": LONG}, (422, "invalid_input")),
    "register: taken": ("models", {"name": "m"}, (409, "already_exists")),
    "register: NUL owner": ("models", {"name": "x", "owner": "a\0"}, (422, "invalid_input")),
    "register: mistyped tier": (
        "models",
        {"name": "x", "strategy": "s", "owner": "desk", "tier": "hihg"},
        (422, "invalid_input"),
    ),
    "register: NUL tier": ("models", {"name": "x", "tier": "a\0"}, (422, "invalid_input")),
    "register: long tier": ("models", {"name": "x", "tier": "t" * 65}, (422, "invalid_input")),
    "register: surrogate": ("models", {"name": "x", "owner": "\ud800"}, (422, "invalid_input")),
    "register: unknown field": ("models", {"name": "x", "stage": 1}, (422, "invalid_input")),
    "register: number": ("models", {"name": 7}, (422, "invalid_input")),
    "draft: a number": ("m/versions", {"version": 7}, (422, "invalid_input")),
    "draft: no model": ("none/versions", {}, (404, "model_not_found")),
    "backtest: no version": ("m/backtest", {"version": 99}, (404, "version_not_found")),
    "backtest: draft": ("m/backtest", {"version": 5}, (409, "invalid_transition")),
    "backtest: no data": (
        "m/backtest",
        {"version": 4, "dataset_hash": "0" * 64},
        (422, "dataset_invalid"),
    ),
    "backtest: free": (
        "m/backtest",
        {"version": 4, "costs": {"commission_bps": -1, "slippage_bps": 1}},
        (422, "invalid_input"),
    ),
    "backtest: huge": ("m/backtest", {"version": 10**30}, (422, "invalid_input")),
    "promote: no version": ("m/promote", {"version": 99}, (404, "version_not_found")),
    "promote: no model": ("none/promote", {"version": 1}, (404, "model_not_found")),
    "promote: no body": ("m/promote", {}, (422, "invalid_input")),
    "promote: boolean": ("m/promote", {"version": True}, (422, "invalid_input")),
    "promote: text": ("m/promote", {"version": "one"}, (422, "invalid_input")),
    "promote: unknown stage": (
        "m/promote",
        {"version": 4, "target": "LIVE"},
        (422, "invalid_input"),
    ),
    "promote: two steps": (
        "m/promote",
        {"version": 4, "target": "PRODUCTION"},
        (409, "invalid_transition"),
    ),
    "promote: back": ("m/promote", {"version": 2, "target": "DRAFT"}, (409, "invalid_transition")),
    "promote: unknown key": (
        "m/promote",
        {"version": 4, "overrides": {"min_sharp": 1}},
        (422, "invalid_input"),
    ),
    "promote: mistyped": (
        "m/promote",
        {"version": 4, "overrides": {"min_sharpe": "1"}},
        (422, "invalid_input"),
    ),
    "promote: null": (
        "m/promote",
        {"version": 4, "overrides": {"min_sharpe": None}},
        (422, "invalid_input"),
    ),
    "promote: nested": (
        "m/promote",
        {"version": 4, "overrides": {"drift": {"every": "1s"}}},
        (422, "invalid_input"),
    ),
    "promote: huge": (
        "m/promote",
        {"version": 4, "overrides": {"min_sharpe": 10**400}},
        (422, "invalid_input"),
    ),
    "promote: surrogate": (
        "m/promote",
        {"version": 4, "overrides": {"\ud800": 1}},
        (422, "invalid_input"),
    ),
    "promote: approvals": (
        "m/promote",
        {"version": 4, "overrides": {"required_approvals": 0}},
        (422, "invalid_input"),
    ),
    "approve: other content": (
        "m/versions/3/approve",
        {"content_digest": "0" * 64},
        (422, "approval_refused"),
    ),
    "approve: no digest": (
        "m/versions/3/approve",
        {"content_digest": "0" * 63},
        (422, "invalid_input"),
    ),
    "retire: no reason": ("m/versions/3/retire", {"reason": ""}, (422, "invalid_input")),
    "retire: blank": ("m/versions/3/retire", {"reason": " "}, (422, "invalid_input")),
    "retire: NUL": ("m/versions/3/retire", {"reason": "a\0"}, (422, "invalid_input")),
    "retire: long": ("m/versions/3/retire", {"reason": LONG}, (422, "invalid_input")),
    "lift: none": (
        "m/versions/3/lift-quarantine",
        {"reason": "x"},
        (409, "invalid_transition"),
    ),
    "tag: NUL": ("m/versions/3/tags", {"key": "a", "value": "\0"}, (422, "invalid_input")),
    "tag: no key": ("m/versions/3/tags", {"key": "", "value": "x"}, (422, "invalid_input")),
    "tag: equals": ("m/versions/3/tags", {"key": "a=b", "value": "x"}, (422, "invalid_input")),
    "release: empty": ("releases", {"snapshots": []}, (422, "invalid_input")),
    "release: no graph": ("releases", {"snapshots": [{}]}, (422, "feature_graph_invalid")),
    "activate: unknown": ("releases/activate", {"release": "0" * 64}, (404, "not_found")),
    "scan: local time": (
        "drift/scans",
        {"as_of": "2026-01-05T12:00:00+01:00"},
        (422, "invalid_input"),
    ),
    "scan: no zone": ("drift/scans", {"as_of": "2026-01-05T12:00:00"}, (422, "invalid_input")),
    "scan: long ago": ("drift/scans", {"as_of": "0001-01-01T00:00:00Z"}, (422, "invalid_input")),
    "scan: future": ("drift/scans", {"as_of": "9999-01-05T12:00:00Z"}, (422, "invalid_input")),
    "scan: no model": ("drift/scans", {"model": "none"}, (404, "model_not_found")),
    "scan: NUL": ("drift/scans", {"model": "\0"}, (422, "invalid_input")),
    "token: name": ("tokens", {"actor": "a b", "roles": ["viewer"]}, (422, "invalid_input")),
    "token: no role": ("tokens", {"actor": "a", "roles": []}, (422, "invalid_input")),
    "token: unknown role": ("tokens", {"actor": "a", "roles": ["root"]}, (422, "invalid_input")),
    "token: not there": ("tokens/" + "0" * 16 + "/revoke", {}, (404, "not_found")),
    "token: no id": ("tokens/x/rotate", {}, (422, "invalid_input")),
}
MODEL = {"strategy": "trend", "owner": "desk"}


@pytest.mark.parametrize("name", POSTS)
def test_changes_that_are_refused(served: ServedHome, name: str) -> None:
    path, body, expected = POSTS[name]
    before = state(served)
    requested = MODEL | body if path == "models" and body else body
    content = json.dumps(requested).encode()
    headers = {"content-type": "application/json"}
    response = served.client("all").post(f"/api/v1/ml/{path}", content=content, headers=headers)
    assert reported(response) == expected
    assert state(served) == before


def state(served: ServedHome) -> list[object]:
    """Everything that can be read of the registry."""
    paths = ("models", "models/m/versions", "models/far/versions", "models/m/status")
    management = ("m/history", "versions", "tokens", "datasets", "releases/active")
    found = [served.get("all", f"/api/v1/{path}").json() for path in paths]
    found += [served.get("all", f"/api/v1/ml/{path}").json() for path in management]
    for each in found:
        if isinstance(each, dict):
            each.pop("at", None)
    return found


RAW = {
    "broken": b'{"version": 4',
    "empty": b"",
    "array": b"[]",
    "null": b"null",
    "not UTF-8": b'{"version": 4, "reason": "\xff"}',
    "deep": DEEP.encode(),
    "deep override": b'{"version": 4, "overrides": {"min_sharpe": ' + DEEP.encode() + b"}}",
    "deep and closed": b'{"version": 4, "overrides": {"min_sharpe": '
    + b"[" * 400
    + b"]" * 400
    + b"}}",
    "too deep": b'{"version": 4, "overrides": {"min_sharpe": ' + b"[" * 99 + b"]" * 99 + b"}}",
    "UTF-16": '{"version": 4}'.encode("utf-16"),
    "UTF-16 without a mark": '{"version": 4}'.encode("utf-16-le"),
    "UTF-32": '{"version": 4}'.encode("utf-32"),
    "byte order mark": b'\xef\xbb\xbf{"version": 4}',
    "key twice": b'{"version": 3, "version": 4}',
    "key twice within": b'{"version": 4, "overrides": {"min_sharpe": 9, "min_sharpe": 0.6}}',
    "half a pair": b'{"version": 4, "reason": "\\ud800"}',
    "NaN": b'{"version": 4, "overrides": {"min_sharpe": NaN}}',
    "infinity": b'{"version": 4, "overrides": {"min_sharpe": 1e999}}',
    "huge integer": b'{"version": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("name", RAW)
def test_bodies_that_are_no_promotion(served: ServedHome, name: str) -> None:
    headers = {"content-type": "application/json"}
    path = "/api/v1/ml/m/promote"
    response = served.client("all").post(path, content=RAW[name], headers=headers)
    status, code = reported(response)
    assert status == 422
    assert code in {"invalid_input", "policy_invalid"}
    assert served.stage(4) == "TRAINED"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("models", {"x" * 10**6: 1}),
        ("models", {"name": "x" * 10**6}),
        ("m/promote", {"version": 4, "overrides": {"x" * 10**6: 1}}),
        ("m/promote", {"version": 4, "target": "x" * 10**6}),
        ("m/versions/3/tags", {"key": "x" * 10**6, "value": "x"}),
        ("releases", {"snapshots": [1] * 10**4}),
        ("tokens", {"actor": "x" * 10**6, "roles": ["viewer"]}),
        ("tokens", {"actor": "x", "roles": ["x" * 1000] * 1000}),
    ],
)
def test_answers_stay_short_whatever_is_sent(served: ServedHome, path: str, body: object) -> None:
    response = served.post("all", f"/api/v1/ml/{path}", body)
    assert reported(response)[0] == 422
    assert len(response.content) < 20_000


def test_a_number_may_be_written_in_any_way_that_json_has(served: ServedHome) -> None:
    headers = {"content-type": "application/json"}
    for text in ("4", "4.0", "4e0", "0.4E+1"):
        body = f'{{"version": {text}, "dry_run": true, "reason": "\\ud83d\\ude00"}}'
        response = served.client("vic").post(
            "/api/v1/ml/m/promote", content=body.encode(), headers=headers
        )
        assert (response.status_code, response.json()["version"]) == (200, 4)


@pytest.mark.parametrize("tag", ["3", '"1', "", "**", '"3" "4"', 'w/"3"', "null"])
def test_if_match_that_is_no_tag(served: ServedHome, tag: str) -> None:
    response = served.promote("vic", 4, headers={"if-match": tag})
    assert reported(response) == (422, "invalid_input")


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_if_match_where_nothing_would_look_at_it(served: ServedHome, method: str) -> None:
    path = {"POST": "/api/v1/ml/m/versions", "PUT": "/api/v1/ml/m/versions/5/manifest"}[method]
    headers = {"if-match": '"1"', "content-type": "application/json"}
    response = served.client("ana").request(method, path, headers=headers)
    assert reported(response) == (422, "invalid_input")
    assert len(served.get("vera", "/api/v1/models/m/versions").json()) == 5


@pytest.mark.parametrize("key", ["", "a b", "é", "k" * 129])
def test_keys_that_are_none(served: ServedHome, key: str) -> None:
    headers = {"idempotency-key": key.encode()}
    response = served.client("ana").post("/api/v1/ml/m/versions", headers=headers)
    assert reported(response) == (422, "invalid_input")
    assert len(served.get("vera", "/api/v1/models/m/versions").json()) == 5


METHODS = {
    "/api/v1/models": "GET",
    "/api/v1/ml/tokens": "GET, POST",
    "/api/v1/ml/datasets": "GET, POST",
    "/api/v1/ml/m/versions/3/manifest": "GET, PUT",
    "/api/v1/models/m/predict": "POST",
}


@pytest.mark.parametrize("path", METHODS)
def test_errors_come_from_the_method_too(served: ServedHome, path: str) -> None:
    for method in ("DELETE", "OPTIONS", "HEAD"):
        response = served.client("all").request(method, path)
        assert (response.status_code, response.headers["allow"]) == (405, METHODS[path])
        if method != "HEAD":
            assert reported(response) == (405, "method_not_allowed")


def test_a_client_that_leaves_is_no_failure_of_the_service(
    served: ServedHome, caplog: pytest.LogCaptureFixture
) -> None:
    token = served.home.token("ana")
    lines = (
        "POST /api/v1/ml/m/promote HTTP/1.1",
        "host: here",
        f"authorization: Bearer {token}",
        "content-type: application/json",
        "content-length: 100",
    )
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall("\r\n".join((*lines, "", '{"version"')).encode())
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    # The event loop that closed the connection woke the request before it serves this one.
    assert served.get("vera", "/api/v1/models").status_code == 200
    assert "unexpected" not in caplog.text
