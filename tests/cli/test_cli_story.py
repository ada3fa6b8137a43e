"""From an empty registry to a champion by the command line; every command's JSON parses."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.command_tree import options_by_command
from cli.terminal import Terminal
from command_process import Ended, run_command
from tradeworthy.cli.app import app
from training.strategy_workshop import FEATURES, edited
from waiting import until

# These run until they are stopped, or print for a person alone.
WITHOUT_JSON = {"serve", "scheduler", "demo"}


def test_every_command_helps() -> None:
    runner = CliRunner()
    for words in ["", *options_by_command()]:
        shown = runner.invoke(app, [*words.split(), "--help"])
        assert shown.exit_code == 0, words
        assert "Usage:" in shown.output
    assert {
        name for name, options in options_by_command().items() if "--json" not in options
    } == WITHOUT_JSON


def test_help_tells_the_exit_codes(terminal: Terminal) -> None:
    said = terminal.say("--help", who=None, COLUMNS="500")
    assert said.code == 0
    for code, meaning in ((3, "refused by a policy"), (6, "no token")):
        assert f"{code} {meaning}" in said.out
    assert terminal.say("--version", who=None).out.strip() == "0.1.0"


def test_the_way_to_production(terminal: Terminal, remote: Terminal) -> None:
    reported: set[str] = set()

    def ask(*words: object, who: str = "ana", at: Terminal = remote) -> object:
        names = options_by_command()
        for length in (2, 1):
            if (name := " ".join(map(str, words[:length]))) in names:
                reported.add(name)
                break
        return at.ask(*words, who=who)

    deployed = terminal.deployed
    assert ask("init", at=terminal)["admin_token"] is None  # the home stands already
    assert ask("whoami", who="vic")["roles"] == ["validator"]
    ask("models", "register", "other", "--strategy", "trend", "--owner", "desk")
    assert [each["name"] for each in ask("models", "list")] == ["m", "other"]
    kept = ask("datasets", "add", deployed.bars)
    assert [each["dataset_hash"] for each in ask("datasets", "list")] == [kept["dataset_hash"]]
    recorded = ask("train", deployed.strategy, "--model", "m", "--data", deployed.bars,
                   "--until", "2017-06-30", "--set", "weight=0.4")  # fmt: skip
    assert (recorded["version"], recorded["stage"]) == (1, "TRAINED")
    manifest = deployed.folder / recorded["manifest"]
    assert json.loads(manifest.read_text())["config"] == {"weight": 0.4}
    assert ask("manifest", "verify", manifest, at=terminal)["checks"]
    backtest = ask("backtest", "m", 1)
    assert backtest["verdict"]["passed"] is True
    stressed = ask("backtest", "m", 1, "--commission-bps", 10, "--slippage-bps", 10)
    assert stressed["metrics"]["sharpe"] < backtest["metrics"]["sharpe"]
    job = ask("backtest", "m", 1, "--no-wait")["job"]
    until(lambda: ask("jobs", "show", job)["state"] not in {"QUEUED", "RUNNING"})
    assert ask("jobs", "show", job)["result"]["metrics"] == backtest["metrics"]
    dry = ask("promote", "m", 1, "--dry-run", who="vic")
    assert (dry["allowed"], dry["applied"]) == (True, False)
    assert ask("promote", "m", 1, who="vic")["target"] == "VALIDATED"
    ask("features", "activate", deployed.strategy.with_name("features.py"), who="olga")
    assert ask("promote", "m", 1, "--to", "staging", who="olga")["target"] == "STAGING"
    content = ask("models", "versions", "m")[0]["content_digest"]
    ask("approve", "m", 1, "--content", content, "--reason", "read it", who="vic")
    assert ask("promote", "m", 1, who="olga")["target"] == "PRODUCTION"
    assert ask("features", "active")["epoch"] == 1
    status = ask("models", "status", "m")
    assert ask("models", "show", "m", 1) == status["production"]
    fetched = deployed.folder / "fetched"
    fetched.mkdir()
    copy = deployed.folder / str(ask("manifest", "fetch", "m", 1, "--into", fetched)["manifest"])
    assert copy.read_bytes() == manifest.read_bytes()
    assert status["production"]["version"] == 1
    ask("models", "tag", "m", 1, "region", "us")
    assert len(ask("models", "search", "--tag", "region=us")) == 1
    assert ask("models", "search", "--tag", "region=eu") == []
    assert len(ask("models", "search", "--stage", "production")) == 1
    ask("quarantine", "m", 1, "--reason", "odd", who="olga")
    ask("lift-quarantine", "m", 1, "--reason", "explained", who="olga")
    ask("drift", "scan", "--model", "m", who="olga")
    ask("drift", "reports", "m")
    assert ask("policy", "show", "m")["values"]["evaluation.folds"] == 2
    assert ask("policy", "check", deployed.home / "ml_promotion_policy.yaml", at=terminal)
    history = ask("history", "m")
    assert history["production_version"] == 1
    moved = [e["body"] for e in history["events"] if e["kind"] == "VersionPromoted"][-1]
    verdict = ask("models", "verdict", "m", moved["verdict_digest"][:12])
    assert (verdict["target"], verdict["passed"]) == ("PRODUCTION", True)
    assert (
        ask("policy", "show", "m", "--digest", moved["policy_digest"])["values"]
        == (verdict["policy"])
    )
    assert moved["verdict_digest"][:12] in remote.say("history", "m").out
    shown = remote.say("models", "verdict", "m", moved["verdict_digest"][:8]).out
    assert verdict["policy_digest"] in shown
    assert "to PRODUCTION: passed" in shown
    ask("features", "show", deployed.strategy.with_name("features.py"), at=terminal)
    changed = deployed.folder / "changed.py"
    changed.write_text(edited(FEATURES, "close.shift(10)", "close.shift(12)"))
    ask("features", "hash", changed, at=terminal)
    ask("features", "diff", deployed.strategy.with_name("features.py"), changed, at=terminal)
    issued = ask("tokens", "create", "new", "--role", "viewer", "--out", "new.token", who="root")
    new = deployed.token_file("new")
    remote.secrets.append(new.read_text().strip())
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    ask("tokens", "list", who="root")
    ask("tokens", "rotate", issued["token_id"], "--out", "newer.token", who="root")
    assert stat.S_IMODE(deployed.token_file("newer").stat().st_mode) == 0o600
    ask("tokens", "revoke", ask("tokens", "list", who="root")[-1]["token_id"], who="root")
    ask("retire", "m", 1, "--reason", "the end", who="olga")
    assert reported | WITHOUT_JSON == set(options_by_command())
    _the_same_here_and_there(terminal, remote)


def _the_same_here_and_there(terminal: Terminal, remote: Terminal) -> None:
    for words in (
        ["models", "list"],
        ["models", "versions", "m", "--json"],
        ["models", "status", "nothing"],
        ["policy", "show", "m"],
        ["history", "m", "--json", "--at", "2026-01-01T00:00:00Z"],
    ):
        assert terminal.say(*words) == remote.say(*words)


@pytest.mark.parametrize("words", [["--version"], ["models", "list"], ["models", "status", "x"]])
def test_a_command_that_is_started_and_one_that_is_forked_say_the_same(
    words: list[str], terminal: Terminal
) -> None:
    environment = terminal.environment(
        TRADEWORTHY_TOKEN_FILE=str(terminal.deployed.token_file("ana"))
    )
    started = subprocess.run(
        [sys.executable, "-m", "tradeworthy", *words],
        cwd=terminal.deployed.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    forked = run_command(words, folder=terminal.deployed.folder, environment=environment)
    assert forked == Ended(started.returncode, started.stdout, started.stderr)


def test_init_keeps_its_secrets_to_their_files(terminal: Terminal, tmp_path: Path) -> None:
    home = tmp_path / "fresh"
    said = terminal.say("--home", home, "init", "--admin", "eve", "--json", who=None)
    token, key = home / "eve.token", home / "token.key"
    assert said.json["admin_token"] == str(token)
    for file in (token, key):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_text().strip() not in said.out + said.err
    assert len(token.read_text().strip()) > 30


def test_what_users_code_prints_is_no_answer(terminal: Terminal) -> None:
    loud = terminal.deployed.strategy
    loud.write_text(edited(loud.read_text(), "def train(", "print('loading')\n\n\ndef train("))
    before, said = "    return LinearRegression()", "__import__('os').write(1, b'training\\n')"
    loud.write_text(edited(loud.read_text(), before, f"    {said}\n{before}"))
    file = loud.with_name("features.py")
    file.write_text(file.read_text() + "\nprint('features')\n")
    said = terminal.say(
        "train",
        loud,
        "--model",
        "m",
        "--data",
        terminal.deployed.bars,
        "--until",
        "2017-06-30",
        "--json",
    )
    assert said.json["stage"] == "TRAINED"
    assert {"loading", "training"} <= {*said.err.split()}
    assert "features" in terminal.say("features", "hash", file, "--json").err


def test_the_shape_of_a_feature_hash(terminal: Terminal) -> None:
    found = terminal.ask("features", "hash", terminal.deployed.strategy.with_name("features.py"))
    assert set(found) == {"hash", "nodes"}
    assert set(found["nodes"]) == {"change", "momentum", "next_change"}
    for node in found["nodes"].values():
        assert set(node) == {"version", "logic_hash", "node_hash"}
        assert node["version"] == 1
        assert len(node["logic_hash"]) == len(node["node_hash"]) == len(found["hash"]) == 64


def test_approving_asks_before_it_signs(terminal: Terminal) -> None:
    deployed = terminal.deployed
    terminal.ask("train", deployed.strategy, "--model", "m", "--data", deployed.bars)
    assert terminal.say("approve", "m", 1, "--json", who="vic", stdin="y\n").json
