"""Drift over HTTP: from logged predictions to reports, each slot once."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from api.served_home import Serve, ServedHome, reported
from api.small_home import MARKET, TRAIN_END, SmallHome
from tradeworthy.drift.drift_report import recompute
from tradeworthy.drift.severity import Severity

DAYS = 300
LAST = date(2026, 1, 16)
SLOT = timedelta(days=7)


def sessions() -> list[date]:
    """The last 300 weekdays up to a Friday."""
    days = (LAST - timedelta(days=back) for back in range(2 * DAYS))
    return sorted([day for day in days if day.weekday() < 5][:DAYS])


def log(service: ServedHome, shift_last: float) -> None:
    """Predict from the last bars trained on; 20 sessions are shifted by so many deviations."""
    known = MARKET.bars.filter(pl.col("date") <= TRAIN_END)
    returns = known.select(
        "date", day_return=pl.col("close").log().diff().over("symbol", order_by="date")
    )
    returns = returns.with_columns(
        known["symbol"],
        week_return=pl.col("day_return").rolling_mean(5).over(known["symbol"]),
    )
    days = returns["date"].unique().sort().tail(DAYS).to_list()
    bound = service.graph_hash()
    for at, (day, moment) in enumerate(zip(days, sessions(), strict=True)):
        moved = 0.01 * shift_last if at >= DAYS - 20 else 0.0
        found = returns.filter(pl.col("date") == day).select("day_return", "week_return")
        rows = [{**each, "day_return": each["day_return"] + moved} for each in found.to_dicts()]
        answer = service.predict(rows=rows, feature_graph_hash=bound, event_time=moment.isoformat())
        assert answer.status_code == 200


def reports(service: ServedHome) -> list[dict[str, Any]]:
    found = service.get("vera", "/api/v1/ml/m/drift/reports")
    assert found.status_code == 200
    return list(found.json())


def scan(service: ServedHome, as_of: datetime) -> list[dict[str, Any]]:
    answer = service.post("olga", "/api/v1/ml/drift/scans", {"as_of": as_of.isoformat()})
    assert answer.status_code == 200, answer.text
    return list(answer.json())


@pytest.fixture(params=[0.0, 4.0], ids=["calm", "shifted"])
def watched(
    request: pytest.FixtureRequest, home: SmallHome, serve: Serve
) -> Iterator[tuple[ServedHome, bool]]:
    """A service whose log holds 300 sessions, and whether the last ones drifted."""
    service = serve(home, prediction_log="fast")
    log(service, request.param)
    yield service, request.param > 0


def test_scans_report_what_was_logged(watched: tuple[ServedHome, bool]) -> None:
    service, drifted = watched
    # Slots are whole weeks from a Thursday; the one after the last session sees all of them.
    seen = datetime(2026, 1, 18, tzinfo=UTC)
    first = scan(service, seen - SLOT)
    second = scan(service, seen)
    assert [len(first), len(second)] == [1, 1]
    assert scan(service, seen) == []
    stored = reports(service)
    assert [each["slot"] for each in stored] == [second[0]["slot"], first[0]["slot"]]
    newest = stored[0]
    assert newest == second[0]
    assert newest["status"] == "OK"
    assert newest["report"]["current_rows"] == 40
    assert newest["report"]["reference_rows"] == 500
    for each in stored:
        verdict = recompute(each["report"])
        assert (None if verdict is None else verdict.value) == each["severity"]
    features = {each["feature"]: each["severity"] for each in newest["report"]["features"]}
    assert set(features) == {"day_return", "week_return"}
    if drifted:
        assert newest["severity"] == Severity.SEVERE.value
        assert features["day_return"] == "SEVERE"
        # Evidence that was changed leads to another verdict than the stored one.
        changed = json.loads(json.dumps(newest["report"]))
        kept = [f for f in changed["features"] if f["feature"] == "week_return"]
        assert recompute(changed | {"features": kept}) != Severity.SEVERE
    else:
        assert newest["severity"] == "NORMAL"
    status = service.get("vera", "/api/v1/models/m/status").json()
    assert status["drift"]["report"]["digest"] == newest["digest"]


def live_for_weeks(home: SmallHome) -> SmallHome:
    """Have the version in PRODUCTION gone live three weeks ago."""
    with closing(sqlite3.connect(home.database)) as connection, connection:
        past = (datetime.now(UTC) - 3 * SLOT).replace(tzinfo=None).isoformat(" ")
        done = connection.execute(
            "UPDATE model_versions SET stage_since = ? WHERE stage = 'PRODUCTION'", (past,)
        )
        assert done.rowcount == 1
    return home


def test_a_slot_is_reported_once_however_many_look(home: SmallHome, serve: Serve) -> None:
    """The service and processes of their own scan at the same time."""
    live_for_weeks(home)
    services = [serve(home), serve(home)]
    command = [sys.executable, "-m", "tradeworthy", "--home", str(home.folder)]

    def process(_: int) -> list[dict[str, Any]]:
        done = subprocess.run(
            [*command, "scheduler", "--once"], capture_output=True, text=True, check=True
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def request(at: int) -> list[dict[str, Any]]:
        answer = services[at % 2].post("olga", "/api/v1/ml/drift/scans", {})
        assert answer.status_code == 200
        return list(answer.json())

    for service in services:
        service.client("olga")
    with ThreadPoolExecutor(8) as pool:
        made = [*pool.map(process, range(2)), *pool.map(request, range(6))]
    reported = [each["slot"] for part in made for each in part]
    stored = [each["slot"] for each in reports(services[0])]
    assert len(stored) == len(set(stored)) == len(reported) == 1


def state(service: ServedHome) -> dict[str, Any]:
    return dict(service.get("vera", "/api/v1/models/m/status").json()["drift"])


def test_nothing_is_due_or_said_right_after_going_live(own: ServedHome) -> None:
    assert own.post("olga", "/api/v1/ml/drift/scans", {"model": "m"}).json() == []
    live = own.get("vera", "/api/v1/models/m/status").json()["production"]["stage_since"]
    found = state(own)
    first = datetime.fromisoformat(found.pop("next_slot"))
    assert found == {"version": 1, "state": "not yet due", "report": None}
    assert timedelta(0) <= first - datetime.fromisoformat(live) < SLOT


def test_silence_is_not_normal(home: SmallHome, serve: Serve) -> None:
    service = serve(live_for_weeks(home))
    assert (state(service)["state"], state(service)["report"]) == ("due", None)
    (report,) = scan(service, datetime.now(UTC) - timedelta(seconds=1))
    assert report["status"] in {"NO_DATA", "INSUFFICIENT"}
    assert report["severity"] in {"SEVERE", None}
    found = state(service)
    assert (found["state"], found["report"]["digest"]) == ("reported", report["digest"])
    assert datetime.fromisoformat(found["next_slot"]) > datetime.now(UTC)


def test_the_drift_of_a_status_is_that_of_the_version_in_production(
    home: SmallHome, serve: Serve
) -> None:
    service = serve(live_for_weeks(home))
    (report,) = scan(service, datetime.now(UTC) - timedelta(seconds=1))
    assert service.promote("olga", 2).status_code == 200
    successor = state(service)
    assert (successor["version"], successor["report"]) == (2, None)
    assert successor["state"] == "not yet due"
    assert service.promote("olga", 1).status_code == 200
    back = state(service)
    assert (back["version"], back["report"]["slot"]) == (1, report["slot"])
    assert back["state"] == "reported"


def test_a_broken_policy_leaves_the_status_readable(own: ServedHome) -> None:
    own.home.policy.write_text("nothing: 1")
    assert state(own)["state"] == "not scheduled"


def test_old_slots_are_scanned_although_today_has_a_report(home: SmallHome, serve: Serve) -> None:
    service = serve(live_for_weeks(home))
    (today,) = scan(service, datetime.now(UTC) - timedelta(seconds=1))
    past = datetime(2020, 3, 18, tzinfo=UTC)
    for weeks in range(3):
        moment = past + weeks * SLOT - timedelta(days=7)
        assert service.predict(event_time=moment.isoformat()).status_code == 200
    slots = [scan(service, past + weeks * SLOT) for weeks in range(3)]
    assert [len(each) for each in slots] == [1, 1, 1]
    assert scan(service, past + 2 * SLOT) == []
    assert [each["slot"] for each in reports(service)] == [
        today["slot"],
        *(each[0]["slot"] for each in reversed(slots)),
    ]


def test_reports_of_a_version_that_there_is_not_are_not_an_empty_list(served: ServedHome) -> None:
    path = "/api/v1/ml/m/drift/reports"
    assert served.get("vera", path, version=2).json() == []
    assert reported(served.get("vera", path, version=99)) == (404, "version_not_found")
