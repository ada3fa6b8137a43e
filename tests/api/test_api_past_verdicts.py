"""What was judged under what can be read later, by who may read the model and by nobody else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from api.served_home import ServedHome, reported
from tradeworthy.client import Client
from tradeworthy.errors import RecordNotFound
from tradeworthy.wire.history import HistoryEvent


def client(service: ServedHome, who: str = "vera") -> Client:
    return Client.over(service.speaker(who))


def judged(client: Client) -> list[HistoryEvent]:
    """Return every event of ``m`` that rests on a verdict."""
    return [each for each in client.history("m").events if each.body.get("verdict_digest")]


def test_every_promotion_s_verdict_and_policy_can_be_read(served: ServedHome) -> None:
    vera = client(served)
    events = judged(vera)
    assert len(events) > 8
    for event in events:
        verdict = vera.verdict("m", event.body["verdict_digest"])
        assert str(verdict.target) == event.body["target"]
        assert verdict.passed
        assert {gate.status for gate in verdict.gates} <= {"PASSED", "NOT_APPLICABLE"}
        policy = vera.past_policy("m", event.body["policy_digest"])
        assert policy.digest == verdict.policy_digest == event.body["policy_digest"]
        assert policy.values == verdict.policy
    for approval in vera.version("m", 1).approvals:
        assert vera.past_policy("m", approval.policy_digest).values["min_sharpe"] == 0.5


def test_they_stand_after_the_policy_file_has_changed(own: ServedHome) -> None:
    vera, olga = client(own), client(own, "olga")
    before = vera.policy("m")
    tightened = olga.promote("m", 2, overrides={"min_sharpe": 0.6})
    own.home.policy.write_text(own.home.policy.read_text().replace("0.5", "0.7", 1))
    assert vera.policy("m").digest != before.digest
    assert vera.past_policy("m", before.digest).values == before.values
    assert vera.verdict("m", tightened.verdict_digest) == tightened.verdict
    under = vera.past_policy("m", tightened.verdict.policy_digest)
    assert under.values == {**before.values, "min_sharpe": 0.6}
    withdrawn = olga.promote("m", 2, "RETIRED", reason="wrong data")
    assert vera.verdict("m", withdrawn.verdict_digest[:8]) == withdrawn.verdict


def test_a_policy_that_only_an_approval_names_can_be_read(own: ServedHome) -> None:
    vic = client(own, "vic")
    own.home.policy.write_text(own.home.policy.read_text().replace("0.5", "0.7", 1))
    content = vic.version("m", 2).content_digest
    assert content is not None
    approval = vic.approve("m", 2, content).approvals[-1]
    assert approval.policy_digest not in {each.body["policy_digest"] for each in judged(vic)}
    assert vic.past_policy("m", approval.policy_digest).values["min_sharpe"] == 0.7


def test_a_token_of_another_strategy_finds_nothing(own: ServedHome) -> None:
    digest = judged(client(own))[0].body["verdict_digest"]
    policy = client(own).policy("m").digest
    out = client(own, "out")
    for look in (out.verdict, out.past_policy):
        with pytest.raises(RecordNotFound):
            look("far", digest if look == out.verdict else policy)
    for path in (f"verdicts/{digest}", f"policies/{policy}"):
        assert own.get("sam", f"/api/v1/ml/m/{path}").status_code == 200
        assert reported(own.get("out", f"/api/v1/ml/m/{path}")) == (403, "forbidden")
        # An evidence or a manifest is no verdict, whoever knows its digest.
    for digest in (client(own).version("m", 1).manifest_digest, "0" * 64):
        for kind in ("verdicts", "policies"):
            response = own.get("vera", f"/api/v1/ml/m/{kind}/{digest}")
            assert reported(response) == (404, "not_found")


def rows(service: ServedHome) -> dict[str, list[Any]]:
    """Return every row of every table."""
    with closing(sqlite3.connect(service.home.database)) as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}  # noqa: S608


@pytest.mark.parametrize("version", [2, 3, 4])
def test_whoever_may_read_a_model_may_ask_what_its_gates_would_say(
    own: ServedHome, version: int
) -> None:
    before = rows(own)
    for who in ("vera", "ana", "vic", "olga", "sam"):
        plan = client(own, who).promote("m", version, dry_run=True)
        assert plan.verdict.gates
        assert not plan.applied
    assert rows(own) == before
    assert reported(own.promote("out", version, dry_run=True)) == (403, "forbidden")
    assert reported(own.promote("vera", version)) == (403, "forbidden")
    assert rows(own) == before
