"""Running = active = bound: whatever moves, predictions stop until the three are one again."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from api.database_copy import copy_database
from api.served_home import INPUTS, Serve, ServedHome, reported
from api.small_home import MARKET, TRAIN_END, SmallHome, promote, speaking
from tradeworthy.client.candidate_upload import record_version, training_windows
from tradeworthy.client.client import Client
from tradeworthy.features.feature_graph import FeatureGraph
from tradeworthy.training.candidate import train_candidate
from tradeworthy.training.strategy_file import load_strategy
from training.strategy_workshop import commit
from waiting import until

RAISED = re.compile(r"version=1([^\n]*\ndef week_return)")
ACTIVATE = "/api/v1/ml/releases/activate"


def edit(home: SmallHome, old: str, new: str) -> None:
    text = home.features.read_text()
    assert text.count(old) == 1
    home.features.write_text(text.replace(old, new))


def blocked(service: ServedHome) -> httpx.Response:
    """Wait until the old hash is refused with a difference that names the running code."""
    bound = service.get("vera", "/api/v1/models/m/status").json()["alignment"]["bound"]

    def refused() -> httpx.Response | None:
        answer = service.predict(feature_graph_hash=bound)
        return answer if answer.status_code != 200 else None

    found: httpx.Response = until(refused)
    return found


def test_an_edit_blocks_predictions_and_its_undoing_frees_them(own: ServedHome) -> None:
    bound = own.graph_hash()
    before = own.home.features.read_text()
    edit(own.home, "WINDOW = 5", "WINDOW = 6")
    answer = blocked(own)
    assert reported(answer) == (409, "feature_graph_mismatch")
    body = answer.json()
    assert "constant WINDOW 5 -> 6" in body["detail"]
    assert body["details"]["bound"] == bound
    assert body["details"]["running"] == own.graph_hash() != bound
    assert body["details"]["active"] == bound
    assert body["details"]["nodes"] == [
        {
            "place": "running",
            "feature": "week_return",
            "version": 1,
            "kind": "changed",
            "reaches": ["week_return"],
        }
    ]
    assert body["details"]["ways_out"] == [
        "put features.py as it was at the training back into the strategies folder",
        "or keep the old definition of week_return@1 and add the changed one beside it as "
        '@feature(version=2, name="week_return") (what has to go on with the old one pins it: '
        'pins={"week_return": 1}), then train a new version on it: `tradeworthy train FILE '
        "--model m --data BARS`",
    ]
    assert reported(own.predict()) == (409, "feature_graph_mismatch")
    assert reported(own.predict(rows=[])) == (422, "invalid_input")
    assert own.get(None, "/readyz").status_code == 200
    alignment = own.get("vera", "/api/v1/models/m/status").json()["alignment"]
    assert not alignment["aligned"]
    assert alignment["nodes"] == body["details"]["nodes"]
    assert any("WINDOW 5 -> 6" in line for line in alignment["differences"])
    own.home.features.write_text(before)
    assert until(lambda: own.predict().status_code == 200)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Cheap features of daily bars."""', '"""Other words."""\n\n# And a comment.'),
        (
            "    return close.log()\n\n\n@feature(version=1, l",
            "    return close\n\n\n@feature(version=1, l",
        ),
    ],
)
def test_an_edit_that_changes_nothing_for_the_model_blocks_nothing(
    own: ServedHome, old: str, new: str
) -> None:
    edit(own.home, old, new)
    epoch = own.predict().json()["epoch"]
    until(lambda: own.get("vera", "/api/v1/models/m/status").json()["alignment"]["aligned"])
    for _ in range(20):
        assert own.predict().json()["epoch"] == epoch


@pytest.mark.parametrize("how", ["deleted", "broken", "refused"])
def test_feature_code_that_cannot_be_read_blocks(own: ServedHome, how: str) -> None:
    bound = own.graph_hash()
    kept = own.home.features.read_text()
    if how == "deleted":
        own.home.features.unlink()
    elif how == "broken":
        own.home.features.write_text("def (")
    else:
        changed = kept.replace("close.log().diff()", "eval('close')")
        own.home.features.write_text(changed)
    answer = until(
        lambda: (found := own.predict(feature_graph_hash=bound)).status_code != 200 and found
    )
    assert reported(answer) == (409, "feature_graph_mismatch")
    (only,) = answer.json()["details"]["ways_out"]
    assert only == "put features.py as it was at the training back into the strategies folder"
    assert own.get(None, "/readyz").status_code == 200
    own.home.features.write_text(kept)
    assert until(lambda: own.predict().status_code == 200)


def test_an_edit_is_answered_alike_before_and_after_the_service_has_seen_it(
    own: ServedHome,
) -> None:
    edit(own.home, "WINDOW = 5", "WINDOW = 6")
    at_once = own.predict()
    assert reported(at_once) == (409, "feature_graph_mismatch")
    assert "constant WINDOW 5 -> 6" in at_once.json()["detail"]
    assert at_once.json() == blocked(own).json()


def test_an_edit_that_keeps_size_and_time_is_seen(own: ServedHome) -> None:
    kept = own.home.features.stat()
    edit(own.home, "WINDOW = 5", "WINDOW = 6")
    os.utime(own.home.features, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert own.home.features.stat().st_size == kept.st_size
    assert reported(blocked(own)) == (409, "feature_graph_mismatch")


def test_rows_of_other_code_are_refused_while_the_service_is_aligned(
    own: ServedHome, tmp_path: Path
) -> None:
    theirs = tmp_path / "features.py"
    shutil.copy(own.home.features, theirs)
    theirs.write_text(theirs.read_text().replace("WINDOW = 5", "WINDOW = 7"))
    sent = FeatureGraph.read_file(theirs).closure(INPUTS).hash
    answer = own.predict(feature_graph_hash=sent)
    assert reported(answer) == (409, "feature_graph_mismatch")
    assert answer.json()["details"]["sent"] == sent
    assert answer.json()["details"]["bound"] == own.graph_hash()
    assert own.predict().status_code == 200
    # What the way out prints stays right where a newer version stands beside the bound one.
    added = (
        '@feature(version=2, name="week_return")\ndef longer(close):\n    return close.diff(9)\n'
    )
    theirs.write_text(f"{own.home.features.read_text()}\n\n{added}")
    (inputs,) = re.findall(r"--inputs (\S+)`", answer.json()["details"]["ways_out"][0])
    newer = FeatureGraph.read_file(theirs)
    assert newer.bound_hash(INPUTS) != own.graph_hash() == newer.bound_hash(inputs.split(","))


def release_of(service: ServedHome, folder: Path, old: str, new: str) -> str:
    """Register the deployed features with one edit as a release."""
    folder.mkdir()
    file = folder / "features.py"
    file.write_text(service.home.features.read_text().replace(old, new))
    snapshot = FeatureGraph.read_file(file).snapshot(INPUTS).to_json()
    answer = service.post("olga", "/api/v1/ml/releases", {"snapshots": [snapshot]})
    assert answer.status_code == 201
    return str(answer.json()["release"])


def test_a_release_that_drops_what_is_in_use_takes_an_admin(
    own: ServedHome, tmp_path: Path
) -> None:
    first = own.get("vera", "/api/v1/ml/releases/active").json()
    other = release_of(own, tmp_path / "six", "WINDOW = 5", "WINDOW = 6")
    refused = own.post("olga", ACTIVATE, {"release": other})
    assert reported(refused) == (409, "release_in_use")
    assert refused.json()["details"]["files"] == ["features.py"]
    beside = (
        "keep the old definition of week_return@1 and add the changed one beside it as "
        '@feature(version=2, name="week_return")'
    )
    assert beside in refused.json()["detail"]
    assert "activate features.py" not in refused.json()["detail"]
    assert any("week_return" in key for key in refused.json()["details"]["lost"]["m v1"])
    assert reported(own.post("olga", ACTIVATE, {"release": other, "force": True})) == (
        403,
        "forbidden",
    )
    assert reported(own.post("vera", ACTIVATE, {"release": other})) == (403, "forbidden")
    assert own.get("vera", "/api/v1/ml/releases/active").json() == first
    stale = {"release": other, "force": True, "expected_epoch": 7}
    assert reported(own.post("all", ACTIVATE, stale)) == (409, "stale_epoch")

    forced = own.post("all", ACTIVATE, {"release": other, "force": True, "expected_epoch": 1})
    assert forced.json()["epoch"] == 2
    answer = until(lambda: (found := own.predict()).status_code != 200 and found)
    assert reported(answer) == (409, "feature_graph_mismatch")
    assert "WINDOW 5 -> 6" in answer.json()["detail"]
    file = shlex.quote(str(own.home.features.resolve()))
    assert answer.json()["details"]["ways_out"][0] == (
        f"run `tradeworthy features activate {file}`, of the home's strategies folder"
    )
    assert own.get(None, "/readyz").json() == {"status": "ready", "epoch": 2}
    back = own.post("olga", ACTIVATE, {"release": first["release"]})
    assert back.json()["epoch"] == 3
    assert until(lambda: own.predict().status_code == 200)
    assert own.predict().json()["epoch"] == 3


def test_a_candidate_of_another_release_is_not_promoted(own: ServedHome, tmp_path: Path) -> None:
    other = release_of(own, tmp_path / "six", "WINDOW = 5", "WINDOW = 6")
    assert own.post("all", ACTIVATE, {"release": other, "force": True}).status_code == 200
    answer = own.promote("olga", 2)
    assert reported(answer) == (422, "promotion_refused")
    gates = answer.json()["details"]["verdict"]["gates"]
    assert [g["gate"] for g in gates if g["status"] == "FAILED"] == ["aligned"]


def candidate(home: SmallHome, strategy: Path, folder: Path) -> str:
    """Train and validate a version of the other model, and return what its gate advises."""
    commit(strategy.parent)
    with speaking(home, "all") as client:
        trained = train_candidate(
            load_strategy(strategy), MARKET, config={}, train_end=TRAIN_END,
            windows=training_windows(Client.over(client), "empty"), root=strategy.parent,
        )  # fmt: skip
        record_version(Client.over(client), "empty", trained, [MARKET], folder)
        client.post("/api/v1/ml/empty/backtest", {"version": 1})
        promote(client, "empty", 1)
        verdict = promote(client, "empty", 1, dry_run=True)["verdict"]
    (advice,) = [gate["advice"] for gate in verdict["gates"] if gate["gate"] == "aligned"]
    return str(advice)


def test_the_advice_keeps_the_features_of_other_models_in_use(
    own: ServedHome, tmp_path: Path
) -> None:
    """Two strategies, each with a feature file of its own; what is active is one release."""
    theirs = own.home.features
    ours = theirs.with_name("slow_features.py")
    ours.write_text(theirs.read_text().replace("WINDOW = 5", "WINDOW = 9"))
    text = theirs.with_name("trend.py").read_text()
    slow = theirs.with_name("slow.py")
    slow.write_text(text.replace('features="features.py"', 'features="slow_features.py"'))
    advice = candidate(own.home, slow, tmp_path)
    files = shlex.join([str(ours.resolve()), str(theirs.resolve())])
    assert f"run `tradeworthy features activate {files}`" in advice


def test_a_version_trained_on_an_edit_in_place_is_sent_to_a_second_definition(
    own: ServedHome, tmp_path: Path
) -> None:
    edit(own.home, "WINDOW = 5", "WINDOW = 9")
    advice = candidate(own.home, own.home.features.with_name("trend.py"), tmp_path)
    assert advice.startswith("keep the old definition of week_return@1 and add the changed one")
    assert "features activate" not in advice


def test_a_version_trained_on_a_raised_version_waits_only_for_the_old_definition(
    own: ServedHome, tmp_path: Path
) -> None:
    text = own.home.features.read_text()
    own.home.features.write_text(RAISED.sub(r"version=2\1", text, count=1))
    advice = candidate(own.home, own.home.features.with_name("trend.py"), tmp_path)
    assert advice.startswith("keep the old definition of week_return@1 and add the changed one")
    assert "then run `tradeworthy features activate" in advice


def test_a_second_definition_beside_the_old_one_keeps_the_live_version(own: ServedHome) -> None:
    text = own.home.features.read_text()
    added = (
        '@feature(version=2, name="week_return")\ndef longer(close):\n    return close.diff(9)\n'
    )
    own.home.features.write_text(f"{text}\n\n{added}")
    snapshot = FeatureGraph.read_file(own.home.features).snapshot().to_json()
    release = own.post("olga", "/api/v1/ml/releases", {"snapshots": [snapshot]}).json()["release"]
    assert own.post("olga", ACTIVATE, {"release": release}).json()["epoch"] == 2
    assert own.get("vera", "/api/v1/models/m/status").json()["alignment"]["aligned"]


def test_without_the_database_predictions_stop_when_the_lease_is_over(
    home: SmallHome, serve: Serve
) -> None:
    service = serve(home, lease_seconds=1.0)
    assert until(lambda: service.predict().status_code == 200)
    away = home.database.with_suffix(".away")
    home.database.rename(away)
    answer = until(lambda: (found := service.predict()).status_code != 200 and found)
    assert reported(answer) == (503, "release_unconfirmed")
    assert answer.headers["retry-after"] == "1"
    assert service.get(None, "/readyz").status_code == 503
    assert service.get(None, "/healthz").status_code == 200
    assert reported(service.get("vera", "/api/v1/models")) == (503, "store_unavailable")
    assert not home.database.exists()
    away.rename(home.database)
    assert until(lambda: service.predict().status_code == 200)


@pytest.mark.postgres
def test_without_postgresql_predictions_stop_and_come_back(
    request: pytest.FixtureRequest, home: SmallHome, serve: Serve
) -> None:
    server = request.getfixturevalue("postgres")
    with server.database() as url:
        copy_database(f"sqlite:///{home.database}", url)
        service = serve(home, lease_seconds=1.0, database_url=url)
        assert until(lambda: service.predict().status_code == 200)
        name = make_url(url).database
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            answer = until(lambda: (found := service.predict()).status_code != 200 and found)
            assert reported(answer) == (503, "release_unconfirmed")
            assert reported(service.get("vera", "/api/v1/models")) == (503, "store_unavailable")
            assert service.get(None, "/readyz").status_code == 503
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        assert until(lambda: service.predict().status_code == 200)
        service.close()
