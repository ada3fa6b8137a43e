"""The registry on SQLite: promotions and searches, beside MLflow's registry over SQLite.

1. At 2,000 models x 50 versions x 5 tags: pages of models and versions, tag searches, the store's
   own and over HTTP against `tradeworthy serve`; a promotion to PRODUCTION that supersedes a
   champion (decide and commit), and a whole promotion with its gates.
2. At 200 x 10 x 5, since MLflow is slow to be given the full shape: a promotion against
   MLflow's change of stage and change of alias, and a search by three tags against MLflow's. Each
   database lies on this disk. Ours keeps every commit through a power cut (`synchronous = FULL`).

One model is made through the store's own commit; its rows are then copied under other names, which
gives the same database as 2,000 such stories would, in seconds. The copies' states are checked
against their events.

    python benchmarks/registry_speed.py [--models 2000] [--versions 50]
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from measure import PeerMissing, PeerProcess, header, report
from production_home import AUTHOR, OPERATOR, STRATEGY, VERDICT, draft, forest, make_home
from sqlalchemy import insert, select

from tradeworthy.base.digests import tagged_digest
from tradeworthy.lifecycle.commands import (
    Approve,
    Command,
    DraftVersion,
    Promote,
    RecordManifest,
    RegisterModel,
)
from tradeworthy.lifecycle.decide import decide
from tradeworthy.lifecycle.events import Event
from tradeworthy.lifecycle.evolve import evolve, fold
from tradeworthy.lifecycle.stages import Stage
from tradeworthy.lifecycle.state import ModelState
from tradeworthy.lifecycle.tags import Tag
from tradeworthy.model_registry.changes import Change, change_model, record_of
from tradeworthy.model_registry.promotion_request import PromotionRequest
from tradeworthy.runtime.service import Service, open_service
from tradeworthy.store.engine import open_engine, transaction
from tradeworthy.store.ports.versions import VersionQuery
from tradeworthy.store.tables import metadata
from tradeworthy.store.unit_of_work import Store, View

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
POLICY = tagged_digest("benchmark/v1", b"policy")
MODELS, VERSIONS, TAGS = 2_000, 50, 5
SMALL_MODELS, SMALL_VERSIONS = 200, 10
# Promotions end at the last but one stage here: the champion of each model is its version 1.
STAGES = (Stage.PRODUCTION, Stage.STAGING, Stage.VALIDATED, Stage.TRAINED, Stage.DRAFT)


def digest(text: str) -> str:
    """Some digest, another for another text."""
    return tagged_digest("benchmark/v1", text.encode())


def tag_values(model: int, version: int) -> dict[str, str]:
    """Return the tags of a version: two common ones, three that spread."""
    number = model * 7 + version
    return {
        "environment": "live",
        "desk": f"desk-{model % 10}",
        "universe": f"universe-{number % 5}",
        "regime": f"regime-{number % 7}",
        "run": f"run-{model}-{version}",
    }


def search_of(model: int, version: int) -> dict[str, str]:
    """Return the three tags that a search asks for."""
    found = tag_values(model, version)
    return {key: found[key] for key in ("desk", "universe", "regime")}


def story(model: str, versions: int) -> list[Event]:
    """Tell a model with its versions: one in PRODUCTION, the others spread over the stages."""
    state, events = ModelState(model), []

    def does(command: Command, actor: str) -> None:
        nonlocal state
        for event in decide(state, command, actor=actor, now=NOON, reason="benchmark"):
            state = evolve(state, event)
            events.append(event)

    does(RegisterModel(STRATEGY, "desk", "standard"), "ana")
    for version in range(1, versions + 1):
        does(DraftVersion(), "ana")
        stage = STAGES[0] if version == 1 else STAGES[1 + version % (len(STAGES) - 1)]
        content = digest(f"content {version}")
        if stage is not Stage.DRAFT:
            digests = (digest(f"manifest {version}"), digest(f"artifact {version}"), content)
            does(RecordManifest(version, *digests), "ana")
            does(Approve(version, Stage.PRODUCTION, content, POLICY), "vic")
        steps = list(Stage)[: list(Stage).index(stage) + 1]
        for source, target in itertools.pairwise(steps):
            does(Promote(version, source, target, True, VERDICT, POLICY, 1), "olga")
        for key, value in tag_values(0, version).items():
            does(Tag(version, key, value), "ana")
    return events


def populate(service: Service, models: int, versions: int) -> None:
    """Commit one model, then copy its rows under other names."""
    name = model_name(0)
    with service.store.begin() as unit:
        unit.events.append(name, 0, story(name, versions))
    engine = open_engine(service.settings.database)
    models_table = metadata.tables["models"]
    names = ("model_versions", "version_tags", "approvals", "events")
    parts = [metadata.tables[each] for each in names]
    versions_table, tags_table, approvals_table, events_table = parts
    with transaction(engine, writes=True) as connection:
        template = dict(connection.execute(select(models_table)).mappings().one())
        rows = [[dict(row) for row in connection.execute(select(t)).mappings()] for t in parts]
        kept = [row["id"] for row in rows[0]]
        numbers = {row["id"]: row["version"] for row in rows[0]}
        last = max(kept)
        for model in range(1, models):
            model_id = template["id"] + model
            ids = {old: last + (model - 1) * len(kept) + 1 + i for i, old in enumerate(kept)}
            head = template | {"id": model_id, "name": model_name(model)}
            connection.execute(insert(models_table).values(**head))
            tags = {v: tag_values(model, v) for v in numbers.values()}
            connection.execute(
                insert(versions_table),
                [row | {"id": ids[row["id"]], "model_id": model_id} for row in rows[0]],
            )
            connection.execute(
                insert(tags_table),
                [
                    row
                    | {
                        "version_id": ids[row["version_id"]],
                        "value": tags[numbers[row["version_id"]]][row["key"]],
                    }
                    for row in rows[1]
                ],
            )
            connection.execute(
                insert(approvals_table),
                [_without(row, "id") | {"version_id": ids[row["version_id"]]} for row in rows[2]],
            )
            copies = [_without(row, "sequence") | {"model_id": model_id} for row in rows[3]]
            for row in copies:
                if row["kind"] == "VersionTagged":
                    body = json.loads(row["body"])
                    body["value"] = tags[row["version"]][body["key"]]
                    row["body"] = json.dumps(body, sort_keys=True)
            connection.execute(insert(events_table), copies)
    engine.dispose()
    check(service.store, model_name(models - 1))


def _without(row: dict[str, object], key: str) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != key}


def check(store: Store, name: str) -> None:
    """Refuse a copy whose state is not the fold of its events."""
    with store.read() as view:
        events = [recorded.event for recorded in view.events.of_model(name)]
        assert fold(name, events) == record_of(view, name).state


def model_name(number: int) -> str:
    """Name a model; names sort as their numbers."""
    return f"model-{number:05d}"


@dataclass
class Promotions:
    """Promotes one STAGING version after another; each supersedes the champion before it."""

    store: Store
    models: int
    versions: int
    turn: int = 0

    def __call__(self) -> None:
        """Read the model, decide, commit."""
        model = model_name(self.turn % self.models)
        self.turn += 1
        with self.store.read() as view:
            record = record_of(view, model)
        version = next(
            number
            for number, state in sorted(record.state.versions.items())
            if state.stage is Stage.STAGING and state.left_production_at is None
        )
        promote = Promote(version, Stage.STAGING, Stage.PRODUCTION, True, VERDICT, POLICY, 1)
        change = Change(promote)
        change_model(
            self.store, record, lambda _: change, actor=OPERATOR.name, now=NOON, reason="b"
        )


def median_ms(work: Callable[[], object], turns: int) -> float:
    """Median milliseconds of some turns after one warm-up."""
    work()
    taken = []
    for _ in range(turns):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e3


def store_pages(store: Store, models: int, versions: int) -> dict[str, Callable[[], object]]:
    """Every kind of page, the deep ones too."""
    middle = (model_name(models // 2), versions // 2)
    near_end = (model_name(models - 2), 1)
    three = VersionQuery(tags=search_of(models // 2, 3))
    live = VersionQuery(tags={"environment": "live"})
    one = VersionQuery(tags={"run": f"run-{models // 2}-3"})
    none = VersionQuery(tags={"environment": "live", "desk": "desk-0", "run": "run-none"})
    name = model_name(models // 2)
    before_last = model_name(models - 101)
    in_production = VersionQuery(stage=Stage.PRODUCTION)
    of_strategy = VersionQuery(strategy=STRATEGY)

    def read(page: Callable[[View], object]) -> Callable[[], object]:
        def run() -> object:
            with store.read() as view:
                return page(view)

        return run

    def search(query: VersionQuery, after: tuple[str, int] = ("", 0)) -> Callable[[], object]:
        return read(lambda view: view.versions.search(query, after=after))

    return {
        "models, first page": read(lambda view: view.models.page(limit=100)),
        "models, last page": read(lambda view: view.models.page(after=before_last, limit=100)),
        "one model with all its versions": read(lambda view: view.models.get(name)),
        "tags of one model": read(lambda view: view.versions.tags(name)),
        "versions, first page": search(VersionQuery()),
        "versions, page in the middle": search(VersionQuery(), middle),
        "versions of a strategy, page near the end": search(of_strategy, near_end),
        "versions in PRODUCTION, page in the middle": search(in_production, middle),
        "search, a tag that all have, first page": search(live),
        "search, a tag that all have, near the end": search(live, near_end),
        "search, a tag that one has": search(one),
        "search, three tags, first page": search(three),
        "search, three tags, page in the middle": search(three, middle),
        "search, three tags that nobody has": search(none),
        "events of one model": read(lambda view: view.events.of_model(name)),
    }


def full_shape(folder: Path, models: int, versions: int, turns: int) -> None:
    """Measure ours alone at the full shape."""
    settings = make_home(folder)
    token = (folder / "root.token").read_text().strip()
    service = open_service(settings, randomness=secrets.token_bytes)
    try:
        start = time.perf_counter()
        populate(service, models, versions)
        size = sum(each.stat().st_size for each in folder.glob("tradeworthy.sqlite*"))
        shape = f"{models:,} x {versions} x {TAGS}"
        taken = time.perf_counter() - start
        print(f"\n{shape} populated in {taken:.0f} s, {size / 1e6:.0f} MB")
        for name, page in store_pages(service.store, models, versions).items():
            report(f"{shape}: {name}", median_ms(page, turns), below=20, unit="ms")
        promote = Promotions(service.store, models, versions)
        report(
            f"{shape}: promotion to PRODUCTION, decide and commit",
            median_ms(promote, 2 * turns),
            below=10,
            unit="ms",
        )
        gates = whole_promotion(service, turns)
        report(
            "promotion with facts gathered and gates judged (200-tree ONNX loaded)",
            gates,
            unit="ms",
        )
    finally:
        service.close()
    served_pages(folder, token, shape, models, turns)


def whole_promotion(service: Service, turns: int) -> float:
    """Promote drafts by the registry's own use case: artifact loaded, gates judged, committed."""
    model, artifact = "governed", forest()
    service.registry.register_model(
        model, strategy=STRATEGY, owner="desk", tier="standard", actor=AUTHOR
    )
    waiting = [draft(service, model, artifact) for _ in range(turns + 1)]
    taken = []
    for version in waiting:
        start = time.perf_counter()
        # The documents are short on purpose: the question is how long the verdict takes.
        plan = service.registry.plan_promotion(PromotionRequest(model, version), actor=AUTHOR)
        command = Promote(
            version, Stage.DRAFT, Stage.TRAINED, True, VERDICT, plan.verdict.policy_digest, 1
        )
        change = Change(command)
        record = service.registry.model(model)
        change_model(service.store, record, lambda _, c=change: c, actor="ana", now=NOON)  # type: ignore[misc]
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:]) * 1e3


def served_pages(folder: Path, token: str, shape: str, models: int, turns: int) -> None:
    """Ask a running service for the same pages."""
    start = time.perf_counter()
    program = "from tradeworthy.cli.app import run; run()"
    environment = os.environ | {"TRADEWORTHY_HOME": str(folder), "TRADEWORTHY_PORT": "0"}
    with (folder / "serve.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", program, "serve"], env=environment, stderr=log
        )
    try:
        url = ready(process, folder / "serve.log")
        ms = (time.perf_counter() - start) * 1e3
        report(f"{shape}: tradeworthy serve until ready", ms, unit="ms")
        middle = model_name(models // 2)
        three = [("tag", f"{key}={value}") for key, value in search_of(models // 2, 3).items()]
        pages: dict[str, tuple[str, list[tuple[str, str]]]] = {
            "models": ("/api/v1/models", [("after", middle)]),
            "versions of one model": (f"/api/v1/models/{middle}/versions", []),
            "search by three tags": ("/api/v1/ml/versions", three),
            "search by stage": ("/api/v1/ml/versions", [("stage", "PRODUCTION")]),
        }
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            for name, (path, query) in pages.items():
                reply = client.get(path, params=query)
                reply.raise_for_status()
                assert reply.json(), name
                ms = median_ms(lambda p=path, q=query: client.get(p, params=q), turns)  # type: ignore[misc]
                report(f"{shape}: HTTP page, {name}", ms, below=20, unit="ms")
    finally:
        process.terminate()
        process.wait(30)


def ready(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until a service is ready and return its address."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        _, found, address = log.read_text().rpartition(" at http")
        if found and address.endswith("\n"):
            url = f"http{address.strip()}"
            try:
                if httpx.get(f"{url}/readyz", timeout=30).status_code == 200:
                    return url
            except httpx.TransportError:
                pass
        time.sleep(0.02)
    raise SystemExit(f"the service did not start:\n{log.read_text()}")


PEER = """
import itertools, logging, sys, time
from mlflow import MlflowClient
import mlflow
logging.disable(logging.WARNING)
uri, models, versions, tags = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), None
client = MlflowClient(tracking_uri=uri, registry_uri=uri)
turn = itertools.count()
def timed(work):
    start = time.perf_counter(); found = work()
    return time.perf_counter() - start, found
def answer(request):
    what = request["do"]
    if what == "version":
        return mlflow.__version__
    if what == "model":
        client.create_registered_model(request["name"])
        for each in request["tags"]:
            client.create_model_version(request["name"], source="file:///tmp/model", tags=each)
        return 0
    at = next(turn)
    name, version = f"model-{at % models:05d}", str(1 + (at // models + at) % versions)
    if what == "stage":
        return timed(lambda: client.transition_model_version_stage(
            name, version, "Production", archive_existing_versions=True) and 0)
    if what == "alias":
        return timed(lambda: client.set_registered_model_alias(name, "champion", version) or 0)
    filter = " and ".join(f"tags.`{key}` = '{value}'" for key, value in request["tags"].items())
    return timed(lambda: len(client.search_model_versions(filter, max_results=100)))
"""


def beside_mlflow(folder: Path, models: int, versions: int) -> None:
    """Measure both registries at the same smaller shape, in turns."""
    names = {
        "stage": "promotion (decide and commit) against MLflow's stage change",
        "alias": "promotion (decide and commit) against MLflow's alias change",
        "search": "search by three tags against MLflow's",
    }
    try:
        uri = f"sqlite:///{folder.with_suffix('.mlflow')}"
        peer = PeerProcess("mlflow", PEER, uri, str(models), str(versions))
    except PeerMissing as error:
        for what in names.values():
            report(f"{models} x {versions} x {TAGS}: {what}", None, why=str(error))
        return
    settings = make_home(folder)
    service = open_service(settings, randomness=secrets.token_bytes)
    try:
        populate(service, models, versions)
        print(f"\nMLflow {peer.ask({'do': 'version'})} beside ours, {models} x {versions} x {TAGS}")
        for model in range(models):
            tags = [tag_values(model, version) for version in range(1, versions + 1)]
            peer.ask({"do": "model", "name": model_name(model), "tags": tags})
        ratios = in_turns(service.store, peer, models, versions)
        for what, ratio in ratios.items():
            report(f"{models} x {versions} x {TAGS}: {names[what]}", ratio)
    finally:
        peer.close()
        service.close()


def in_turns(store: Store, peer: PeerProcess, models: int, versions: int) -> dict[str, float]:
    """Return how many times longer MLflow takes."""
    wanted = search_of(models // 2, 3)
    promote = Promotions(store, models, versions)
    seconds: dict[str, list[float]] = {name: [] for name in ("ours", "stage", "alias")}
    searches: dict[str, list[float]] = {"ours": [], "mlflow": []}
    rounds = min(50, 2 * models)
    for _ in range(rounds):
        start = time.perf_counter()
        promote()
        seconds["ours"].append(time.perf_counter() - start)
        for what in ("stage", "alias"):
            seconds[what].append(peer.ask({"do": what})[0])
        start = time.perf_counter()
        with store.read() as view:
            found = len(view.versions.search(VersionQuery(tags=wanted), limit=100))
        searches["ours"].append(time.perf_counter() - start)
        taken, theirs = peer.ask({"do": "search", "tags": wanted})
        assert found == theirs, f"ours finds {found} versions, MLflow {theirs}"
        searches["mlflow"].append(taken)
    ours = {name: statistics.median(taken[1:]) for name, taken in (seconds | searches).items()}
    promotion = statistics.median(seconds["ours"][1:])
    for name, taken in {**ours, "ours": promotion, "our search": ours["ours"]}.items():
        print(f"  {name:12} {taken * 1e3:8.2f} ms")
    return {
        "stage": ours["stage"] / promotion,
        "alias": ours["alias"] / promotion,
        "search": ours["mlflow"] / ours["ours"],
    }


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=MODELS)
    parser.add_argument("--versions", type=int, default=VERSIONS)
    parser.add_argument("--turns", type=int, default=20)
    options = parser.parse_args()
    print(header("sqlalchemy", "fastapi"))
    with tempfile.TemporaryDirectory() as name:
        full_shape(Path(name) / "full", options.models, options.versions, options.turns)
        small = min(SMALL_MODELS, options.models), min(SMALL_VERSIONS, options.versions)
        beside_mlflow(Path(name) / "small", *small)


if __name__ == "__main__":
    main()
