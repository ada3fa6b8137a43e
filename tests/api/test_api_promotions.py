"""The lifecycle over HTTP: one step at a time, by the right people, each step judged."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import psycopg
import pytest

from api.database_copy import copy_database
from api.served_home import Serve, ServedHome, reported
from api.small_home import MARKET, SmallHome, approve, promote, train
from contract.one_call import record_backtest, view
from tradeworthy.access.roles import Actor, Role
from tradeworthy.base.clock import utc_now
from tradeworthy.client import Client
from tradeworthy.errors import (
    InvalidTransition,
    PreconditionFailed,
    PromotionRefused,
    StaleStage,
    TradeworthyError,
)
from tradeworthy.features.feature_graph import FeatureGraph
from tradeworthy.features.source.feature_file import parse_definitions
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.model_registry.approvals import Approvals
from tradeworthy.model_registry.case import Case
from tradeworthy.model_registry.facts import overfitting
from tradeworthy.model_registry.gatherers import gather
from tradeworthy.model_registry.models import ModelRegistry
from tradeworthy.model_registry.policies import Policies
from tradeworthy.model_registry.promotion_request import PromotionRequest
from tradeworthy.model_registry.promotions import Promotions
from tradeworthy.model_registry.releases import Releases
from tradeworthy.model_registry.running_code import RunningCode
from tradeworthy.model_registry.sources import Sources
from tradeworthy.promotion.files.policy_file import read_policy_file
from tradeworthy.promotion.policy.policy import resolve_policy
from tradeworthy.promotion.policy.policy_document import PolicyDocument
from tradeworthy.runtime.service import open_service
from tradeworthy.store.blobs import BlobFolder
from tradeworthy.store.sql_store import SqlStore
from waiting import until

MANY = [16, pytest.param(64, marks=pytest.mark.acceptance)]


def versions(service: ServedHome) -> dict[int, str]:
    found = service.get("vera", "/api/v1/models/m/versions").json()
    return {each["version"]: each["stage"] for each in found}


def revision(service: ServedHome) -> str:
    return service.get("vera", "/api/v1/models/m/status").headers["etag"]


def test_from_draft_to_production(own: ServedHome, tmp_path: Path) -> None:
    speaker = own.speaker
    number = train(own.home, speaker("ana"), "m", tmp_path, ridge=0.5)
    assert versions(own)[number] == "TRAINED"
    found = speaker("ana").post("/api/v1/ml/m/backtest", {"version": number})
    assert found["verdict"]["target"] == "VALIDATED"
    assert promote(speaker("vic"), "m", number)["applied"]
    assert promote(speaker("olga"), "m", number)["target"] == "STAGING"
    approve(speaker("vic"), "m", number)
    plan = promote(speaker("olga"), "m", number, reason="better")
    assert (plan["target"], plan["allowed"], plan["applied"]) == ("PRODUCTION", True, True)
    # The champion before stands by.
    assert versions(own)[1] == "STAGING"
    until(lambda: own.predict().json()["version"] == number)
    status = own.get("vera", "/api/v1/models/m/status").json()
    assert status["production"]["version"] == number
    assert status["rollback"] == {"version": 1, "ready": True}
    again = own.promote("olga", number)
    assert reported(again) == (409, "invalid_transition")


@pytest.mark.parametrize(
    ("who", "version"), [("ana", 4), ("olga", 4), ("vic", 3), ("vic", 2), ("ana", 2), ("vera", 2)]
)
def test_a_step_takes_its_role(served: ServedHome, who: str, version: int) -> None:
    before = versions(served)
    assert reported(served.promote(who, version)) == (403, "forbidden")
    assert versions(served) == before


def test_dry_run_judges_and_changes_nothing(own: ServedHome) -> None:
    before, tag = versions(own), revision(own)
    plan = own.promote("olga", 2, dry_run=True)
    assert plan.status_code == 200
    assert (plan.json()["allowed"], plan.json()["applied"]) == (True, False)
    refused = own.promote("vic", 4, dry_run=True)
    assert refused.status_code == 200
    assert (refused.json()["allowed"], refused.json()["applied"]) == (False, False)
    assert (versions(own), revision(own)) == (before, tag)
    assert own.promote("olga", 2).json()["verdict_digest"] == plan.json()["verdict_digest"]


@pytest.mark.parametrize(
    ("who", "version"), [("ana", 4), ("ana", 2), ("vic", 2), ("olga", 4), ("vera", 3)]
)
def test_whoever_takes_part_or_reads_sees_what_the_gates_of_a_step_would_say(
    served: ServedHome, who: str, version: int
) -> None:
    plan = served.promote(who, version, dry_run=True)
    assert plan.status_code == 200
    assert plan.json()["verdict"]["gates"]
    assert reported(served.promote("out", version, dry_run=True)) == (403, "forbidden")


def test_refusal_lists_every_gate(own: ServedHome) -> None:
    requested = own.promote("vic", 4, dry_run=True).json()["verdict"]
    response = own.promote("vic", 4)
    assert reported(response) == (422, "promotion_refused")
    gates = response.json()["details"]["verdict"]["gates"]
    assert [gate["gate"] for gate in gates] == [gate["gate"] for gate in requested["gates"]]
    failed = {gate["gate"] for gate in gates if gate["status"] == "FAILED"}
    assert {"min_sharpe", "backtest_costs", "look_ahead"} <= failed
    assert all(gate["reason"] for gate in gates)
    assert own.stage(4) == "TRAINED"


def test_the_text_of_a_refusal_says_of_each_failed_gate_what_was_seen_and_what_to_do(
    own: ServedHome, home: SmallHome
) -> None:
    texts = []
    with Client(server=own.url, token=home.token("vic")) as client:
        with pytest.raises(PromotionRefused) as remote:
            client.promote("m", 4)
        texts.append(remote.value)
    store = SqlStore.open(f"sqlite:///{home.database}")
    vic = Actor("vic", frozenset({Role.VALIDATOR}))
    with pytest.raises(PromotionRefused) as in_process:
        registry_on(home, store).promote(PromotionRequest("m", 4), actor=vic)
    store.close()
    texts.append(in_process.value)
    for error in texts:
        first, *lines = str(error).splitlines()
        assert first == error.message
        assert first.startswith("m v4 is not promoted to VALIDATED: ")
        verdict: Any = error.details["verdict"]
        failures = [gate for gate in verdict["gates"] if gate["status"] == "FAILED"]
        assert len(failures) > 2
        for gate in failures[:12]:
            (line,) = (each for each in lines if each.startswith(f"  FAIL  {gate['gate']}: "))
            assert gate["reason"] in line
            assert gate["advice"] in str(error)
    assert str(texts[0]) == str(texts[1])


def test_overrides_tighten_and_never_loosen(own: ServedHome) -> None:
    assert reported(own.promote("olga", 2, overrides={"min_sharpe": 99})) == (
        422,
        "promotion_refused",
    )
    loosened = own.promote("olga", 2, overrides={"min_sharpe": 0.1})
    assert reported(loosened) == (422, "override_loosens_policy")
    assert own.stage(2) == "STAGING"
    assert own.promote("olga", 2, overrides={"min_sharpe": 0.6}).status_code == 200


def test_if_match_names_the_revision_that_was_seen(own: ServedHome) -> None:
    seen = revision(own)
    tag = {"key": "note", "value": "x"}
    assert own.post("ana", "/api/v1/ml/m/versions/3/tags", tag).status_code == 200
    stale = own.promote("olga", 2, headers={"if-match": seen})
    assert reported(stale) == (412, "precondition_failed")
    assert own.stage(2) == "STAGING"
    assert own.promote("olga", 2, headers={"if-match": revision(own)}).status_code == 200


def test_if_match_is_read_as_http_reads_it(own: ServedHome) -> None:
    seen = revision(own)
    for other in (f"W/{seen}", '"x"', '"-1"', f'"0{seen[1:]}', '"1", "2"', f'"{"9" * 50}"', '""'):
        for dry_run in (True, False):
            response = own.promote("olga", 2, headers={"if-match": other}, dry_run=dry_run)
            assert reported(response) == (412, "precondition_failed")
    assert own.stage(2) == "STAGING"
    for good in ("*", seen, f'"x",W/{seen} , {seen}'):
        assert own.promote("olga", 2, headers={"if-match": good}, dry_run=True).status_code == 200
    assert own.promote("olga", 2, headers={"if-match": "*"}).status_code == 200


def test_if_match_holds_in_a_race_too(home: SmallHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the revision and the commit somebody else puts a tag on."""
    service = open_service(home.settings(), randomness=secrets.token_bytes)
    olga = Actor("olga", frozenset({Role.OPERATOR}))
    ana = Actor("ana", frozenset({Role.RESEARCHER}))
    policy_of = service.policies.of

    def policy_while_it_moves(*given: Any) -> Any:
        monkeypatch.undo()
        service.registry.tag("m", 3, "note", "x", actor=ana)
        return policy_of(*given)

    monkeypatch.setattr(service.policies, "of", policy_while_it_moves)
    seen = frozenset({service.registry.model("m").revision})
    with pytest.raises(PreconditionFailed):
        service.registry.promote(PromotionRequest("m", 2, if_match=seen), actor=olga)
    assert service.registry.model("m").state.versions[2].stage == "STAGING"
    service.close()


def test_nobody_approves_what_is_their_own(own: ServedHome, tmp_path: Path) -> None:
    speaker = own.speaker
    number = train(own.home, speaker("all"), "m", tmp_path, ridge=0.7)
    path = f"/api/v1/ml/m/versions/{number}"
    content = speaker("vera").get(path)["content_digest"]
    for _ in range(2):
        refused = own.post("all", f"{path}/approve", {"content_digest": content})
        assert reported(refused) == (422, "approval_refused")
    assert own.post("vic", f"{path}/approve", {"content_digest": content}).status_code == 200


def test_an_approval_holds_for_one_policy(home: SmallHome, own: ServedHome) -> None:
    home.policy.write_text(home.policy.read_text().replace("min_sharpe: 0.5", "min_sharpe: 0.6"))
    response = own.promote("olga", 2)
    assert reported(response) == (422, "promotion_refused")
    gates = response.json()["details"]["verdict"]["gates"]
    assert [g["gate"] for g in gates if g["status"] == "FAILED"] == ["approvals"]
    approve(own.speaker("vic"), "m", 2)
    assert own.promote("olga", 2).status_code == 200


def failed_gates(response: httpx.Response) -> list[str]:
    """Return which gates stand in the way of a refused promotion."""
    assert reported(response) == (422, "promotion_refused")
    gates = response.json()["details"]["verdict"]["gates"]
    return [gate["gate"] for gate in gates if gate["status"] == "FAILED"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("folds: 2", "folds: 3"),
        ("min_train: 300", "min_train: 350"),
        ("min_train: 300", "min_train: 300, execution: next_close"),
        ("min_train: 300", "min_train: 300, periods_per_year: 365"),
        ("min_train: 300", "min_train: 300, purge: 30"),
        ("min_train: 300", "min_train: 300, embargo: 5"),
        ("current_sessions: 20", "current_sessions: 25"),
        ("reference_sessions: 250", "reference_sessions: 260"),
    ],
)
def test_evidence_counts_for_the_way_of_testing_that_the_policy_asks_for_now(
    home: SmallHome, own: ServedHome, before: str, after: str
) -> None:
    home.policy.write_text(home.policy.read_text().replace(before, after))
    approve(own.speaker("vic"), "m", 2)
    refused = own.promote("olga", 2)
    assert failed_gates(refused) == ["evaluation"]
    if after == "folds: 3":
        own.speaker("ana").post("/api/v1/ml/m/backtest", {"version": 2})
        assert own.promote("olga", 2).status_code == 200


def test_evidence_from_other_data_than_it_was_trained_on_does_not_count(own: ServedHome) -> None:
    bars = MARKET.bars.with_columns(pl.col("open", "high", "low", "close") * 2.0)
    data = bars.write_csv().encode()
    headers = {"content-type": "application/octet-stream"}
    sent = own.client("ana").post("/api/v1/ml/datasets?name=other", content=data, headers=headers)
    other = sent.json()["dataset_hash"]
    own.speaker("ana").post("/api/v1/ml/m/backtest", {"version": 2, "dataset_hash": other})
    assert failed_gates(own.promote("olga", 2)) == ["training_data"]
    own.speaker("ana").post("/api/v1/ml/m/backtest", {"version": 2})
    assert own.promote("olga", 2).status_code == 200


@pytest.mark.parametrize(
    "policy",
    [
        "default: [",
        "default: {min_sharp: 1}",
        "default: {min_sharpe: yes}",
        "default: {min_sharpe: .nan}",
        "default: {required_approvals: 0}",
        "- 1",
        "\0",
        "default: {min_sharpe: 1, min_sharpe: 0}",
        "default: &a {min_sharpe: 1}\nmodels: {m: *a",
    ],
)
def test_a_policy_file_that_cannot_be_used_lets_nothing_through(
    home: SmallHome, own: ServedHome, policy: str
) -> None:
    home.policy.write_text(policy)
    before = versions(own)
    assert reported(own.promote("olga", 2)) == (422, "policy_invalid")
    assert reported(own.get("vera", "/api/v1/ml/m/policy")) == (422, "policy_invalid")
    assert versions(own) == before
    assert own.predict().status_code == 200


def test_without_a_policy_file_nothing_is_promoted(home: SmallHome, own: ServedHome) -> None:
    home.policy.unlink()
    assert reported(own.promote("olga", 2)) == (422, "policy_invalid")
    home.policy.write_text("")
    assert reported(own.promote("olga", 2))[0] == 422
    assert own.stage(2) == "STAGING"


def test_a_promotion_to_retired_takes_an_operator_and_a_reason(own: ServedHome) -> None:
    requested = {"target": "RETIRED", "reason": "worn out"}
    assert reported(own.promote("vic", 3, **requested)) == (403, "forbidden")
    assert failed_gates(own.promote("olga", 3, target="RETIRED")) == ["reason"]
    assert own.promote("olga", 3, dry_run=True, **requested).json()["allowed"]
    assert own.stage(3) == "VALIDATED"
    plan = own.promote("olga", 3, **requested).json()
    assert (plan["source"], plan["target"], plan["applied"]) == ("VALIDATED", "RETIRED", True)
    assert own.stage(3) == "RETIRED"
    event = own.get("vera", "/api/v1/ml/m/history").json()["events"][-1]
    assert (event["kind"], event["reason"]) == ("VersionRetired", "worn out")
    assert reported(own.promote("olga", 3, **requested)) == (409, "invalid_transition")
    # Whoever sends the last promotion of a champion again does not end it.
    assert reported(own.promote("olga", 1, reason="again")) == (409, "invalid_transition")
    assert own.stage(1) == "PRODUCTION"


def test_quarantine_stops_a_version_until_it_is_lifted(own: ServedHome) -> None:
    path = "/api/v1/ml/m/versions/1"
    assert own.predict().status_code == 200
    assert own.post("olga", f"{path}/quarantine", {"reason": "odd"}).status_code == 200
    stopped = until(lambda: (answer := own.predict()).status_code != 200 and answer)
    assert reported(stopped) == (423, "model_quarantined")
    status = own.get("vera", "/api/v1/models/m/status").json()
    assert status["quarantined"]
    listed = own.get("vera", "/api/v1/models/m/versions").json()[0]
    searched = own.get("vera", "/api/v1/ml/versions", stage="PRODUCTION").json()[0]
    for each in (status["production"], listed, searched, own.get("vera", path).json()):
        assert (each["quarantine_reason"], each["quarantined_by"]) == ("odd", "olga")
        assert each["quarantined_at"] == status["production"]["quarantined_at"]
    stopped_at = status["production"]["quarantined_at"]
    event = own.get("vera", "/api/v1/ml/m/history").json()["events"][-1]
    assert (event["kind"], event["at"]) == ("VersionQuarantined", stopped_at)
    problem = stopped.json()
    assert "quarantined by olga at " in problem["detail"]
    assert problem["details"]["quarantined_by"] == "olga"
    assert datetime.fromisoformat(problem["details"]["quarantined_at"]) == datetime.fromisoformat(
        stopped_at
    )
    # What is wrong with the request comes first.
    assert reported(own.predict(rows=[])) == (422, "invalid_input")
    assert own.post("olga", f"{path}/lift-quarantine", {"reason": "fine"}).status_code == 200
    assert until(lambda: own.predict().status_code == 200)
    free = own.get("vera", path).json()
    assert (free["quarantine_reason"], free["quarantined_by"], free["quarantined_at"]) == (
        None,
        None,
        None,
    )


def test_a_quarantined_version_is_not_promoted(own: ServedHome) -> None:
    path = "/api/v1/ml/m/versions/2/quarantine"
    assert own.post("olga", path, {"reason": "odd"}).status_code == 200
    refused = own.promote("olga", 2)
    assert reported(refused) == (422, "promotion_refused")
    assert "quarantined by olga at " in str(refused.json()["details"]["verdict"])


@pytest.mark.parametrize("racers", MANY)
def test_of_many_promotions_one_wins(own: ServedHome, racers: int) -> None:
    start = threading.Barrier(racers)
    tag = revision(own)

    def race(racer: int) -> tuple[int, str]:
        start.wait()
        headers = {"if-match": tag} if racer % 2 else None
        response = own.promote("olga", 2, headers=headers)
        return (200, "") if response.status_code == 200 else reported(response)

    own.client("olga")
    with ThreadPoolExecutor(racers) as pool:
        outcome = Counter(pool.map(race, range(racers)))
    assert outcome.pop((200, "")) == 1
    assert set(outcome) <= {
        (409, "stale_stage"),
        (409, "invalid_transition"),
        (412, "precondition_failed"),
    }
    assert Counter(versions(own).values())["PRODUCTION"] == 1
    events = own.get("vera", "/api/v1/ml/m/history").json()["events"]
    promoted = [e for e in events if e["kind"] == "VersionPromoted" and e["version"] == 2]
    assert [e["body"]["target"] for e in promoted].count("PRODUCTION") == 1


def test_history_tells_what_was_in_production_at_a_time(own: ServedHome) -> None:
    def at(moment: str) -> dict[str, Any]:
        found = own.get("vera", "/api/v1/ml/m/history", at=moment).json()
        return {"production": found["production_version"], "stages": found["stages"]}

    before = own.get("vera", "/api/v1/ml/m/history").json()
    assert own.promote("olga", 2).status_code == 200
    after = own.get("vera", "/api/v1/ml/m/history").json()
    first = before["events"][0]["at"]
    assert at(before["at"]) == {"production": 1, "stages": before["stages"]}
    assert at(after["at"])["production"] == 2
    assert at(first) == {"production": None, "stages": {}}
    assert at("1999-12-31T00:00:00Z") == {"production": None, "stages": {}}
    shifted = datetime.fromisoformat(before["at"]).astimezone(None).isoformat()
    assert at(shifted)["production"] == 1
    assert [e["kind"] for e in after["events"][-2:]] == ["VersionSuperseded", "VersionPromoted"]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, home: SmallHome) -> Any:
    """The story home's database, as SQLite and in PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{home.database}"
        return
    with request.getfixturevalue("postgres").database() as url:
        copy_database(f"sqlite:///{home.database}", url)
        yield url


def sources_of(home: SmallHome, store: SqlStore) -> Sources:
    settings = home.settings()
    return Sources(
        store, BlobFolder(settings.blobs_folder), RunningCode(settings.strategies_folder)
    )


def registry_on(
    home: SmallHome,
    store: SqlStore,
    clock: Callable[[], datetime] = utc_now,
    read_policy: Callable[[], PolicyDocument] | None = None,
) -> ModelRegistry:
    sources = sources_of(home, store)
    policies = Policies(read_policy or partial(read_policy_file, home.policy))
    promotions = Promotions(sources, policies, clock)
    approvals = Approvals(store, policies, clock)
    return ModelRegistry(store, sources.blobs, policies, promotions, approvals, clock)


def test_one_decision_reads_the_policy_once(home: SmallHome) -> None:
    """So that no promotion is judged by one policy and recorded under another."""
    store = SqlStore.open(f"sqlite:///{home.database}")
    reads = itertools.count()

    def read_policy() -> PolicyDocument:
        next(reads)
        return read_policy_file(home.policy)

    registry = registry_on(home, store, read_policy=read_policy)
    operator = Actor("olga", frozenset({Role.OPERATOR}))
    tighter = PromotionRequest("m", 2, overrides={"min_sharpe": 0.51})
    registry.plan_promotion(tighter, actor=operator)
    assert next(reads) == 1
    assert registry.promote(tighter, actor=operator).allowed
    assert next(reads) == 3
    content = registry.model("m").state.versions[3].content_digest
    validator = Actor("vic", frozenset({Role.VALIDATOR}))
    registry.approve("m", 3, Stage.PRODUCTION, str(content), actor=validator)
    assert next(reads) == 5
    store.close()


def test_the_verdict_that_is_answered_is_the_one_that_was_kept(home: SmallHome) -> None:
    """Another validator approves after the facts were gathered: they are gathered anew."""
    store = SqlStore.open(f"sqlite:///{home.database}")
    content = registry_on(home, store).model("m").state.versions[2].content_digest
    wera = Actor("wera", frozenset({Role.VALIDATOR}))
    looks = itertools.count()

    def clock() -> datetime:
        if next(looks) == 1:
            meanwhile = registry_on(home, store)
            meanwhile.approve("m", 2, Stage.PRODUCTION, str(content), actor=wera)
        return utc_now()

    olga = Actor("olga", frozenset({Role.OPERATOR}))
    plan = registry_on(home, store, clock).promote(PromotionRequest("m", 2), actor=olga)
    assert "wera" in str(plan.verdict.as_dict())
    assert view(store).documents.get(plan.verdict.digest) is not None
    assert plan.verdict.digest in str(view(store).events.of_model("m")[-1].event)
    store.close()


OLGA = Actor("olga", frozenset({Role.OPERATOR}))
ROOT = Actor("root", frozenset(Role))


def another_release(store: SqlStore) -> str:
    """Register a release that has none of the features of any version."""
    text = "from tradeworthy import feature\n@feature\ndef other(close):\n    return close\n"
    snapshot = FeatureGraph.from_definitions(parse_definitions(text, {})).snapshot().to_json()
    return Releases(store, utc_now).register([snapshot], actor=ROOT).digest


def test_no_version_goes_live_on_a_release_that_is_active_no_more(
    home: SmallHome, database: str
) -> None:
    """Another release is activated after the facts were gathered: they are gathered anew."""
    store = SqlStore.open(database)
    other, looks = another_release(store), itertools.count()

    def clock() -> datetime:
        if next(looks) == 1:
            Releases(store, utc_now).activate(
                other, expected_epoch=None, reason="x", force=True, actor=ROOT
            )
        return utc_now()

    with pytest.raises(PromotionRefused, match="aligned"):
        registry_on(home, store, clock).promote(PromotionRequest("m", 2), actor=OLGA)
    store.close()


@pytest.mark.parametrize(
    "database", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_no_release_is_activated_between_a_look_at_what_is_live_and_its_end(
    home: SmallHome, database: str
) -> None:
    """A promotion that comes in between waits, and is judged by what is active then."""
    store = SqlStore.open(database)
    registry_on(home, store).retire("m", 1, reason="x", actor=OLGA)
    other = another_release(store)

    def waits() -> bool:
        with psycopg.connect(database) as connection:
            query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            (count,) = connection.execute(query).fetchone() or (0,)
        return bool(count)

    with ThreadPoolExecutor(1) as pool:
        promotions = []

        def clock() -> datetime:
            request = PromotionRequest("m", 2)
            promoting = pool.submit(registry_on(home, store).promote, request, actor=OLGA)
            promotions.append(promoting)
            until(lambda: waits() or promoting.done())
            return utc_now()

        Releases(store, clock).activate(other, expected_epoch=None, reason="x", actor=OLGA)
        with pytest.raises(PromotionRefused, match="aligned"):
            promotions[0].result()
    store.close()


def test_a_step_reads_what_its_gates_ask_for_and_nothing_else(home: SmallHome) -> None:
    store = SqlStore.open(f"sqlite:///{home.database}")
    record = view(store).models.get("m")
    assert record is not None
    state, policy = record.state, resolve_policy(read_policy_file(home.policy), "m", "trend")
    read: dict[Stage, set[str]] = {}
    for target in (Stage.TRAINED, Stage.VALIDATED, Stage.PRODUCTION, Stage.RETIRED):
        case = Case(sources_of(home, store), state, state.versions[2], target, policy, utc_now())
        gather(case)
        read[target] = {name for name in ("manifest", "artifact", "loaded") if name in vars(case)}
    assert read == {
        Stage.TRAINED: {"manifest", "artifact"},
        Stage.VALIDATED: {"manifest", "artifact"},
        Stage.PRODUCTION: {"manifest", "artifact", "loaded"},
        Stage.RETIRED: set(),
    }
    store.close()


def test_how_long_a_period_the_deflated_figure_takes_follows_from_ledger_and_policy(
    home: SmallHome,
) -> None:
    store = SqlStore.open(f"sqlite:///{home.database}")
    state = view(store).models.get("m").state
    needed = []
    for required in (0.9, 0.95, 0.999999):
        policy = resolve_policy(
            read_policy_file(home.policy), "m", "trend", overrides={"min_dsr": required}
        )
        case = Case(
            sources_of(home, store), state, state.versions[2], Stage.VALIDATED, policy, utc_now()
        )
        facts = overfitting.gather(case)
        assert facts.luck_sharpe is not None
        assert facts.track_record is not None
        assert facts.dsr is not None
        observations = case.evidence.metrics["n_observations"]
        assert (facts.dsr >= required) == (facts.track_record <= observations)
        needed.append(facts.track_record)
    assert needed == sorted(needed)
    store.close()


def test_a_standby_whose_validation_is_old_comes_back_after_a_new_backtest(home: SmallHome) -> None:
    home.policy.write_text(home.policy.read_text() + "  revalidate_every: 90\n")
    store = SqlStore.open(f"sqlite:///{home.database}")
    state = view(store).models.get("m")
    assert state is not None
    later = utc_now() + timedelta(days=100)
    registry = registry_on(home, store, lambda: later)
    content = state.state.versions[2].content_digest
    validator = Actor("vic", frozenset({Role.VALIDATOR}))
    registry.approve("m", 2, Stage.PRODUCTION, str(content), actor=validator)
    operator = Actor("olga", frozenset({Role.OPERATOR}))
    with pytest.raises(PromotionRefused, match=r": validation_fresh\n  FAIL  validation_fresh: "):
        registry.promote(PromotionRequest("m", 2), actor=operator)
    made = view(store).backtests.of_version("m", 2)[-1]
    (line,) = [
        e for e in view(store).trials.of_strategy("trend") if e.trial_digest == made.trial_digest
    ]
    evidence = view(store).documents.get(made.evidence_digest)
    assert evidence is not None
    record_backtest(store, replace(made, at=later - timedelta(days=2)), line, evidence)
    assert registry.promote(PromotionRequest("m", 2), actor=operator).allowed
    store.close()


@pytest.mark.parametrize("racers", MANY)
def test_of_many_registries_one_promotes(home: SmallHome, database: str, racers: int) -> None:
    operator = Actor("olga", frozenset({Role.OPERATOR}))
    start = threading.Barrier(racers)

    def race(_: int) -> str:
        store = SqlStore.open(database)
        registry = registry_on(home, store)
        start.wait()
        try:
            registry.promote(PromotionRequest("m", 2), actor=operator)
        except (StaleStage, InvalidTransition, PreconditionFailed):
            return "late"
        except TradeworthyError as error:
            return error.code
        else:
            return "won"
        finally:
            store.close()

    with ThreadPoolExecutor(racers) as pool:
        outcome = Counter(pool.map(race, range(racers)))
    assert outcome == {"won": 1, "late": racers - 1}


@pytest.mark.parametrize("target", [None, "PRODUCTION"])
@pytest.mark.parametrize("racers", MANY)
def test_of_many_requests_that_name_one_revision_all_but_the_winner_get_412(
    home: SmallHome, database: str, serve: Serve, racers: int, target: str | None
) -> None:
    service = serve(home, database_url=database)
    headers = {"if-match": revision(service)}
    start = threading.Barrier(racers)

    def race(_: int) -> tuple[int, str]:
        start.wait()
        response = service.promote("olga", 2, headers=headers, target=target)
        return (200, "") if response.status_code == 200 else reported(response)

    service.client("olga")
    with ThreadPoolExecutor(racers) as pool:
        outcome = Counter(pool.map(race, range(racers)))
    assert outcome == {(200, ""): 1, (412, "precondition_failed"): racers - 1}
    # Which role a step takes follows from the stage, so one who saw another stage hears no 403.
    late = service.promote("vic", 2, headers=headers)
    assert reported(late) == (412, "precondition_failed")


def test_a_dry_run_judges_the_revision_that_was_seen(own: ServedHome) -> None:
    seen = {"if-match": revision(own)}
    assert own.promote("olga", 2).status_code == 200
    for request in ({}, {"target": "PRODUCTION"}):
        for dry_run in (True, False):
            late = own.promote("olga", 2, headers=seen, dry_run=dry_run, **request)
            assert reported(late) == (412, "precondition_failed")
