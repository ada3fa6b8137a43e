"""Artifacts and manifests: what differs from its manifest is neither promoted nor loaded."""

from __future__ import annotations

import dataclasses
import json
import pickle
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import httpx
import lightgbm
import numpy as np
import pytest

from api.served_home import Serve, ServedHome, reported
from api.small_home import SmallHome, approve, speaking
from tradeworthy.base.clock import utc_now
from tradeworthy.base.digests import sha256_hex
from tradeworthy.client import Client
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.manifest.consistency import inconsistencies
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.manifest.manifest_fields import compact_json, parse_manifest
from tradeworthy.model_registry.case import Case
from tradeworthy.model_registry.changes import record_of
from tradeworthy.model_registry.gatherers import gather
from tradeworthy.model_registry.running_code import RunningCode
from tradeworthy.model_registry.sources import Sources
from tradeworthy.promotion.files.policy_file import read_policy_file
from tradeworthy.promotion.policy.policy import resolve_policy
from tradeworthy.promotion.verdict import judge_promotion
from tradeworthy.store.blobs import BlobFolder
from tradeworthy.store.sql_store import SqlStore
from waiting import until


def artifact_of(service: ServedHome, version: int) -> Path:
    found = service.get("vera", f"/api/v1/ml/m/versions/{version}/manifest").json()
    sha256 = found["files"][0]["sha256"]
    return service.settings.blobs_folder / sha256[:2] / sha256


def spoil(path: Path, how: str) -> None:
    if how == "deleted":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:-1])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)


SPOILT = ["deleted", "truncated", "empty", "one bit"]


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_artifact_does_not_predict_after_a_restart(
    home: SmallHome, serve: Serve, how: str
) -> None:
    first = serve(home)
    path = artifact_of(first, 1)
    good = path.read_bytes()
    first.close()
    spoil(path, how)
    service = serve(home)
    assert reported(service.predict()) == (503, "artifact_invalid")
    assert service.get(None, "/readyz").status_code == 200
    status = service.get("vera", "/api/v1/models/m/status").json()
    assert status["production"]["version"] == 1
    # Sent again, it predicts again, without a restart.
    answer = service.client("ana").put(
        f"/api/v1/ml/blobs/{path.name}",
        content=good,
        headers={"content-type": "application/octet-stream"},
    )
    assert answer.status_code == 200
    assert until(lambda: service.predict().status_code == 200)


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_artifact_is_not_promoted(own: ServedHome, how: str) -> None:
    spoil(artifact_of(own, 2), how)
    response = own.promote("olga", 2)
    assert reported(response) == (422, "promotion_refused")
    gates = response.json()["details"]["verdict"]["gates"]
    assert {g["gate"] for g in gates if g["status"] == "FAILED"} >= {"artifact_digests"}
    assert own.stage(2) == "STAGING"
    assert own.predict().json()["version"] == 1


class Tripwire:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.trace,))


def recorded(service: ServedHome, manifest: dict[str, Any] | bytes, version: int = 5) -> Any:
    text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    return service.client("ana").put(
        f"/api/v1/ml/m/versions/{version}/manifest",
        content=text,
        headers={"content-type": "application/json"},
    )


def uploaded(service: ServedHome, data: bytes) -> httpx.Response:
    return service.client("ana").put(
        f"/api/v1/ml/blobs/{sha256_hex(data)}",
        content=data,
        headers={"content-type": "application/octet-stream"},
    )


def manifest_body(service: ServedHome, **changes: Any) -> dict[str, Any]:
    """The manifest of version 4, as one of version 5 by the same author."""
    found = service.get("vera", "/api/v1/ml/m/versions/4/manifest").json()
    return found | {"version": 5} | changes


@pytest.mark.parametrize("called", ["onnx", "lightgbm", "pickle", "joblib", "skops"])
def test_a_pickle_is_never_loaded_and_never_goes_live(
    own: ServedHome, tmp_path: Path, called: str
) -> None:
    trace = tmp_path / "trace"
    data = pickle.dumps(Tripwire(trace))
    assert uploaded(own, data).status_code == 200
    file = {"name": "model.bin", "format": called, "size": len(data), "sha256": sha256_hex(data)}
    answer = recorded(own, manifest_body(own, files=[file]))
    if answer.status_code == 200:
        assert own.promote("ana", 5).status_code in {200, 422}
        tested = own.post("ana", "/api/v1/ml/m/backtest", {"version": 5})
        assert tested.status_code in {409, 422, 503}
        assert reported(own.promote("vic", 5))[0] in {403, 422}
    else:
        assert reported(answer) == (422, "manifest_invalid")
    assert own.stage(5) in {"DRAFT", "TRAINED"}
    assert not trace.exists()


def deployment_findings(home: SmallHome) -> dict[str, Any]:
    """What the gates on the artifact of version 5 would say before STAGING."""
    settings = home.settings()
    store = SqlStore.open(f"sqlite:///{home.database}")
    sources = Sources(
        store, BlobFolder(settings.blobs_folder), RunningCode(settings.strategies_folder)
    )
    with store.read() as view:
        state = record_of(view, "m").state
    policy = resolve_policy(read_policy_file(home.policy), "m", "trend")
    case = Case(sources, state, state.versions[5], Stage.STAGING, policy, utc_now())
    verdict = judge_promotion(Stage.STAGING, gather(case), policy)
    store.close()
    return {each.gate: each for each in verdict.gates}


def test_a_library_that_this_environment_lacks_is_named_and_no_training_advised(
    home: SmallHome, own: ServedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = manifest_body(own)
    rows = np.random.default_rng(1).normal(size=(200, len(body["inputs"])))
    booster = lightgbm.train(
        {"verbosity": -1, "num_threads": 1}, lightgbm.Dataset(rows, rows[:, 0]), 2
    )
    data = booster.model_to_string().encode()
    assert uploaded(own, data).status_code == 200
    file = {"name": "m.txt", "format": "lightgbm", "size": len(data), "sha256": sha256_hex(data)}
    assert recorded(own, body | {"files": [file]}).status_code == 200
    there = deployment_findings(home)
    assert there["artifact_loads"].status == "PASSED"
    assert "nothing to compare" not in there["parity"].reason
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    away = deployment_findings(home)
    assert away["artifact_loads"].reason == "it cannot be loaded in this environment"
    assert "install the lightgbm package" in str(away["artifact_loads"].advice)
    assert "does not load" in away["parity"].reason
    assert "`artifact_loads`" in str(away["parity"].advice)
    assert not any("train" in str(away[gate].advice) for gate in ("artifact_loads", "parity"))


def test_an_artifact_that_no_library_loads_says_why(home: SmallHome, own: ServedHome) -> None:
    data = b"neither"
    assert uploaded(own, data).status_code == 200
    file = {"name": "m.onnx", "format": "onnx", "size": len(data), "sha256": sha256_hex(data)}
    assert recorded(own, manifest_body(own, files=[file])).status_code == 200
    found = deployment_findings(home)["artifact_loads"]
    assert re.fullmatch("it does not load: .+", found.reason)
    assert "tradeworthy train" in str(found.advice)


def test_of_a_draft_without_a_manifest_that_is_said(home: SmallHome, own: ServedHome) -> None:
    assert own.stage(5) == "DRAFT"
    assert deployment_findings(home)["artifact_loads"].status == "FAILED"
    plan = own.promote("ana", 5, dry_run=True).json()
    reasons = {gate["gate"]: gate["reason"] for gate in plan["verdict"]["gates"]}
    assert reasons["manifest_complete"] == "there is no manifest"


BROKEN = {
    "truncated": lambda text: text[: len(text) // 2],
    "empty": lambda _: b"",
    "no object": lambda _: b"[]",
    "not UTF-8": lambda text: text + b"\xff",
    "NaN": lambda text: text.replace(b'"label_horizon": 1', b'"label_horizon": NaN'),
    "deep": lambda _: b"[" * 100_000,
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_manifest_is_refused(served: ServedHome, how: str) -> None:
    good = json.dumps(manifest_body(served)).encode()
    spoilt = BROKEN[how](good)
    assert spoilt != good
    assert reported(recorded(served, spoilt)) == (422, "manifest_invalid")
    assert served.stage(5) == "DRAFT"


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 4},
        {"version": 6},
        {"model": "far"},
        {"strategy": "elsewhere"},
        {"feature_graph_hash": "0" * 64},
        {"manifest_version": "9"},
        {"surprise": 1},
        {"files": [{"name": "m.onnx", "format": "onnx", "size": 3, "sha256": "1" * 64}]},
        {"files": [{"name": "../m.onnx", "format": "onnx", "size": 3, "sha256": "1" * 64}]},
        {"files": [{"name": "m.onnx", "format": "onnx", "size": 3, "sha256": "../../x"}]},
    ],
)
def test_a_manifest_of_something_else_is_refused(
    served: ServedHome, changes: dict[str, Any]
) -> None:
    assert reported(recorded(served, manifest_body(served, **changes))) == (422, "manifest_invalid")
    assert served.stage(5) == "DRAFT"


def test_a_manifest_with_the_wrong_size_is_refused(served: ServedHome) -> None:
    (file,) = manifest_body(served)["files"]
    changed = manifest_body(served, files=[file | {"size": file["size"] + 1}])
    assert reported(recorded(served, changed)) == (422, "manifest_invalid")


def test_a_recorded_manifest_is_final(served: ServedHome) -> None:
    again = manifest_body(served, version=4)
    assert reported(recorded(served, again, version=4)) == (409, "invalid_transition")


def test_an_approval_is_of_one_content(own: ServedHome) -> None:
    """A draft may get another manifest, and then what was approved is something else."""
    first = recorded(own, manifest_body(own)).json()
    path = "/api/v1/ml/m/versions/5"
    assert approve(own.speaker("vic"), "m", 5)["approvals"]
    second = recorded(own, manifest_body(own, config={"ridge": 1.0, "gain": 2.0}))
    if second.status_code == 200:
        assert second.json()["content_digest"] != first["content_digest"]
    stale = {"content_digest": "f" * 64}
    assert reported(own.post("vic", f"{path}/approve", stale)) == (422, "approval_refused")


def test_bytes_that_are_not_what_they_are_named_are_refused(served: ServedHome) -> None:
    path = f"/api/v1/ml/blobs/{'0' * 64}"
    headers = {"content-type": "application/octet-stream"}
    response = served.client("ana").put(path, content=b"x", headers=headers)
    assert reported(response) == (422, "invalid_input")
    assert not (served.settings.blobs_folder / "00" / ("0" * 64)).exists()


@pytest.mark.parametrize("data", [b"", b"date\n", b"\0" * 100, b"PAR1" + b"\0" * 50])
def test_market_data_that_cannot_be_read_is_refused(served: ServedHome, data: bytes) -> None:
    headers = {"content-type": "application/octet-stream"}
    path = "/api/v1/ml/datasets?name=x"
    response = served.client("ana").post(path, content=data, headers=headers)
    assert reported(response) == (422, "dataset_invalid")


@contextmanager
def counting(*functions: FunctionType) -> Iterator[Counter[str]]:
    """Count the calls of functions in this thread and in those that start meanwhile."""
    calls: Counter[str] = Counter()
    names = {each.__code__: each.__name__ for each in functions}

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in names:
            calls[names[frame.f_code]] += 1

    threading.setprofile(count)
    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def test_recording_a_manifest_parses_and_digests_it_once(home: SmallHome) -> None:
    with speaking(home, "ana") as speaker:
        client = Client.over(speaker)
        text = dataclasses.replace(client.manifest("m", 4), version=5).to_json().encode()
        once = (parse_manifest, compact_json, inconsistencies)
        with counting(*once) as calls:
            recorded = client.record_manifest("m", 5, text)
        assert calls == {each.__name__: 1 for each in once}
        assert client.manifest("m", 5).digest == recorded.manifest_digest
        assert client.manifest("m", 5) == Manifest.from_json(text)
