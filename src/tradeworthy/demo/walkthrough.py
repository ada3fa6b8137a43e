"""The demo, step by step: train, judge, promote, serve, refuse, watch."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from tradeworthy.client.client import Client
from tradeworthy.client.home_service import HomeService
from tradeworthy.client.remote_server import RemoteServer
from tradeworthy.client.transport import Transport
from tradeworthy.demo.candidates import (
    HONEST,
    LUCKY,
    TRIES,
    TriedVersion,
    best_of_many,
    load,
    register_models,
    train_and_test,
)
from tradeworthy.demo.live_service import live_service
from tradeworthy.demo.market_series import DemoSeries, demo_series
from tradeworthy.demo.narrator import Narrator
from tradeworthy.demo.replay import ClientRows, client_rows, replay
from tradeworthy.demo.workspace import Workspace, fresh_folder, make_workspace
from tradeworthy.errors import FeatureGraphMismatch, PromotionRefused, TradeworthyError
from tradeworthy.features.feature_graph import FeatureGraph
from tradeworthy.wire.models import ModelStatus
from tradeworthy.wire.predictions import Predictions
from tradeworthy.wire.verdicts import GivenVerdict

EDIT = ("MONTH = 21", "MONTH = 20")
LOOK_SECONDS = 0.05
_FIGURES = ("sharpe", "max_drawdown", "psr", "turnover", "n_observations")


def run_demo(folder: Path | None, data: Path | None) -> None:
    """Run the whole governed path.

    Parameters
    ----------
    folder
        Where to put everything; a fresh folder by default.
    data
        The user's own daily bars; the bundled series by default.

    Raises
    ------
    TradeworthyError
        If a step does not end as it must.
    """
    narrator = Narrator()
    series = demo_series(data)
    workspace = make_workspace(fresh_folder(folder))
    narrator.step("Market data, people and strategies")
    narrator.say(f"{series.name}: {series.bars.height} bars of {', '.join(series.symbols)}")
    narrator.say(
        f"train until {series.train_end}, test until {series.history_end}, "
        f"live until {series.live_end}"
    )
    narrator.say(f"features and two strategies are a git repository in {workspace.strategies}")
    service = HomeService(workspace.settings)
    try:
        people = _People(workspace, service)
        honest, lucky = _make_candidates(narrator, workspace, series, people)
        _refuse_the_lucky_one(narrator, lucky, people)
        promoted = _promote_the_honest_one(narrator, workspace, honest, people)
    finally:
        service.close()
    if promoted:
        _go_live(narrator, workspace, series)
    _say_where(narrator, workspace)


def _go_live(narrator: Narrator, workspace: Workspace, series: DemoSeries) -> None:
    with live_service(workspace.settings.home, workspace.folder / "service.log") as url:
        remote = RemoteServer(url)
        try:
            _serve_and_watch(narrator, workspace, series, _People(workspace, remote), url)
        finally:
            remote.close()


class _People:
    """The demo's people, each with a token of a separate role."""

    def __init__(self, workspace: Workspace, transport: Transport) -> None:
        self.rosa = workspace.client_of("rosa", transport)
        self.viktor = workspace.client_of("viktor", transport)
        self.olga = workspace.client_of("olga", transport)
        self.trading_system = workspace.client_of("trading-system", transport)


def _make_candidates(
    narrator: Narrator, workspace: Workspace, series: DemoSeries, people: _People
) -> tuple[TriedVersion, TriedVersion]:
    register_models(people.rosa)
    narrator.step("Rosa trains an honest candidate: the index at a constant volatility")
    loaded = load(workspace, "volatility_target")
    with narrator.track(range(1), "training and backtesting"):
        honest = train_and_test(people.rosa, workspace, series, loaded, HONEST, {})
    _say_trial(narrator, HONEST, honest)
    narrator.say("psr: how likely the true Sharpe ratio is above zero; turnover: a year")
    narrator.step(f"Rosa tries {TRIES} random rules and keeps the best")
    lucky = best_of_many(
        people.rosa, workspace, series, lambda seeds: narrator.track(seeds, "trying rules")
    )
    _say_trial(narrator, LUCKY, lucky)
    return honest, lucky


def _say_trial(narrator: Narrator, model: str, trial: TriedVersion) -> None:
    metrics = trial.backtest.metrics
    figures = ", ".join(f"{name} {metrics[name]:.4g}" for name in _FIGURES)
    narrator.say(f"{model} v{trial.version}, walk-forward out of sample, 5 bps: {figures}")


def _refuse_the_lucky_one(narrator: Narrator, lucky: TriedVersion, people: _People) -> None:
    narrator.step(f"Viktor validates {LUCKY} v{lucky.version}")
    try:
        people.viktor.promote(LUCKY, lucky.version)
    except PromotionRefused as refused:
        narrator.say(f"refused: {refused.message}")
        narrator.say(f"dsr is psr against what luck alone makes of {TRIES} tries; all its gates:")
        narrator.gates(GivenVerdict.model_validate(refused.details["verdict"]))
    else:
        narrator.say("it passed on this series: one search in twenty may, at 95% confidence")


def _promote_the_honest_one(
    narrator: Narrator, workspace: Workspace, honest: TriedVersion, people: _People
) -> bool:
    """Take it to PRODUCTION; False if the policy refuses it, as it may on a user's own data."""
    narrator.step(f"{HONEST} v{honest.version} goes from TRAINED to PRODUCTION")
    try:
        verdict = _promote(narrator, people.viktor, "viktor", honest.version)
    except PromotionRefused as refused:
        narrator.say(f"refused on this series, so that nothing is served: {refused.message}")
        narrator.gates(GivenVerdict.model_validate(refused.details["verdict"]))
        return False
    narrator.gates(verdict)
    snapshot = FeatureGraph.from_module(workspace.strategies / "features.py").snapshot().to_json()
    release = people.olga.register_release([snapshot]).release
    active = people.olga.activate_release(release, expected_epoch=0, reason="first release")
    narrator.say(
        f"olga makes this feature code the active release, {release[:12]}: epoch {active.epoch}"
    )
    _promote(narrator, people.olga, "olga", honest.version)
    content = honest.recorded.content_digest
    people.viktor.approve(HONEST, honest.version, content, reason="figures and code reviewed")
    narrator.say(
        f"viktor approves artifact and manifest, {content[:12]}; rosa, who trained it, could not"
    )
    _promote(narrator, people.olga, "olga", honest.version)
    return True


def _promote(narrator: Narrator, who: Client, name: str, version: int) -> GivenVerdict:
    promotion = who.promote(HONEST, version, reason="demo")
    gates = [gate for gate in promotion.verdict.gates if gate.status == "PASSED"]
    narrator.say(f"{name}: {promotion.source} -> {promotion.target}, {len(gates)} gates passed")
    return promotion.verdict


def _serve_and_watch(
    narrator: Narrator, workspace: Workspace, series: DemoSeries, people: _People, url: str
) -> None:
    narrator.step(f"The service runs at {url}")
    inputs = load(workspace, "volatility_target").strategy.inputs
    feature_file = workspace.strategies / "features.py"
    rows = client_rows(feature_file, inputs, series)
    first = rows.days[0]
    answer = rows.predict(people.trading_system, HONEST, first)
    forecasts = ", ".join(f"{value:.4f}" for value in answer.predictions)
    narrator.say(f"{first}: log volatility forecasts {forecasts}, by version {answer.version}")
    _edit_and_restore(narrator, feature_file, inputs, series, people)
    narrator.step(f"The real series from {first} to {series.live_end} is replayed as live traffic")
    reports = replay(
        HONEST,
        rows,
        people.trading_system,
        people.olga,
        lambda days: narrator.track(days, "predicting"),
    )
    narrator.say(f"{len(rows.days)} days predicted over HTTP, each on disk before it was answered")
    narrator.say("drift scans, a line where the verdict changes, with the features that shifted:")
    narrator.reports(reports)
    _say_status(narrator, people.olga.status(HONEST))


def _say_status(narrator: Narrator, status: ModelStatus) -> None:
    version, alignment = status.production, status.alignment
    drift = status.drift.report if status.drift else None
    if version is None or alignment is None or not alignment.aligned or drift is None:
        raise TradeworthyError(f"{HONEST} does not stand where the demo has brought it: {status}")
    narrator.say(
        f"status: version {version.version} in PRODUCTION, on the feature code that it was trained "
        f"on; drift {drift.severity} on {drift.slot.date()}"
    )


def _edit_and_restore(
    narrator: Narrator,
    feature_file: Path,
    inputs: tuple[str, ...],
    series: DemoSeries,
    people: _People,
) -> None:
    narrator.step("Somebody edits a feature's logic")
    source = feature_file.read_text(encoding="utf-8")
    feature_file.write_text(source.replace(*EDIT), encoding="utf-8")
    try:
        edited = client_rows(feature_file, inputs, series)
        day = edited.days[0]
        mismatch = _refusal(people.trading_system, edited, day)
        narrator.say(f"409 {mismatch.code}: {mismatch.message.partition(': ')[0]}")
        differences: Any = mismatch.details.get("differences") or []
        for line in differences:
            narrator.say(f"  {line}")
    finally:
        feature_file.write_text(source, encoding="utf-8")
    answer = _await_answer(people.trading_system, client_rows(feature_file, inputs, series), day)
    narrator.say(f"the edit is taken back: version {answer.version} predicts again")


def _refusal(client: Client, edited: ClientRows, day: date) -> FeatureGraphMismatch:
    try:
        edited.predict(client, HONEST, day)
    except FeatureGraphMismatch as mismatch:
        return mismatch
    raise TradeworthyError("rows of edited features were predicted on: the check has a hole")


def _await_answer(client: Client, rows: ClientRows, day: date) -> Predictions:
    """Predict as soon as the service, which looks at its files twice a second, sees them again."""
    while True:
        try:
            return rows.predict(client, HONEST, day)
        except FeatureGraphMismatch:
            time.sleep(LOOK_SECONDS)


def _say_where(narrator: Narrator, workspace: Workspace) -> None:
    settings = workspace.settings
    narrator.step("What is where")
    narrator.say(f"manifests      {workspace.manifests}")
    narrator.say(f"database       {settings.home / 'tradeworthy.sqlite'} (drift reports in it too)")
    narrator.say(f"prediction log {settings.predictions_folder}")
    narrator.say(f"policy         {settings.policy_file}")
    narrator.say("go on with it:")
    command = [*_command(), "--home", str(settings.home)]
    token = ["--token-file", str(workspace.token_file("olga"))]
    narrator.say(f"  {shlex.join([*command, 'serve'])}")
    narrator.say(f"  {shlex.join([*command, *token, 'drift', 'reports', HONEST])}")


def _command() -> list[str]:
    """Return how this person starts this very command line."""
    installed = Path(sys.executable).with_name("tradeworthy")
    if not installed.exists():
        return [sys.executable, "-m", "tradeworthy"]
    found = shutil.which("tradeworthy")
    return ["tradeworthy" if found and installed.samefile(found) else str(installed)]
