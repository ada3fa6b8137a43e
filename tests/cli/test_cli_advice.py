"""Following advice to the letter leads on: from a version that lacks everything to a champion."""

from __future__ import annotations

import re
import shutil
from datetime import date
from typing import Any

import polars as pl

from cli.terminal import Terminal
from training.strategy_workshop import FEATURES, edited, market, write_strategy

COMMAND = re.compile("`tradeworthy ([^`]*)`")


class Follower:
    """Somebody who reads what a refusal advises and types it."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        deployed = terminal.deployed
        self.values = {
            "FILE": str(deployed.strategy),
            "BARS": str(deployed.bars),
            "DAY": "2017-06-30",
            "features.py": str(deployed.strategy.with_name("features.py")),
        }

    def failed(self, version: int, who: str = "vic") -> dict[str, dict[str, Any]]:
        """Return the gates that stand before the next stage, by name."""
        answer = self.terminal.ask("promote", "m", version, "--dry-run", who=who)
        gates = answer["verdict"]["gates"]
        return {gate["gate"]: gate for gate in gates if gate["status"] == "FAILED"}

    def type(self, advice: str, who: str = "ana", stdin: str = "", at: int = 0) -> Any:
        """Type a command of an advice, with values for its files and days."""
        command = COMMAND.findall(advice)[at]
        words = [self.values.get(word, word) for word in command.split()]
        return self.terminal.say(*words, "--json", who=who, stdin=stdin).json

    def change_policy(self, old: str, new: str) -> None:
        """Change the policy file."""
        policy = self.terminal.deployed.home / "ml_promotion_policy.yaml"
        text = policy.read_text()
        assert old in text
        policy.write_text(text.replace(old, new))


def test_advice_leads_from_nothing_to_production(terminal: Terminal) -> None:
    somebody = Follower(terminal)
    somebody.change_policy("current_sessions: 20", "current_sessions: 4")
    deployed = terminal.deployed
    terminal.ask("train", deployed.strategy, "--model", "m", "--data", deployed.bars)

    failed = somebody.failed(1)
    assert {gate["advice"] for gate in failed.values()} == {"run `tradeworthy backtest m 1`"}
    somebody.type(failed["min_sharpe"]["advice"])

    failed = somebody.failed(1)
    assert set(failed) == {"artifact_sharpe", "drift_rows"}
    recorded = somebody.type(failed["artifact_sharpe"]["advice"])
    assert recorded["version"] == 2
    somebody.type(somebody.failed(2)["min_sharpe"]["advice"])

    (shortage,) = somebody.failed(2).values()
    assert shortage["reason"].endswith("current_sessions: 4 holds 8 rows, 20 are needed")
    (sessions,) = re.findall(r"raise drift.current_sessions to (\d+), then", shortage["advice"])
    somebody.change_policy("current_sessions: 4", f"current_sessions: {sessions}")
    assert set(somebody.failed(2)) == {"evaluation", "drift_rows"}
    somebody.type(shortage["advice"])
    assert terminal.ask("promote", "m", 2, who="vic")["target"] == "VALIDATED"

    (aligned,) = somebody.failed(2, "olga").values()
    assert "no release is active" in aligned["reason"]
    file = deployed.strategy.with_name("features.py").resolve()
    assert f"run `tradeworthy features activate {file}`" in aligned["advice"]
    somebody.type(aligned["advice"], who="olga")
    assert terminal.ask("promote", "m", 2, who="olga")["target"] == "STAGING"

    (approvals,) = somebody.failed(2, "olga").values()
    somebody.type(approvals["advice"], who="vic", stdin="y\n")
    assert terminal.ask("promote", "m", 2, who="olga")["target"] == "PRODUCTION"


def test_code_and_bars_that_are_wrong_are_named_and_mending_them_leads_on(
    terminal: Terminal,
) -> None:
    somebody = Follower(terminal)
    deployed = terminal.deployed
    somebody.change_policy("observations: 252", "observations: 700")
    longer = market(1300)
    good = longer.filter(pl.col("date") < date(2018, 6, 1))
    features = deployed.strategy.with_name("features.py")
    features.write_text(edited(FEATURES, "close.shift(10)", "close.shift(-3)"))
    features.with_name("note.py").write_text("x = 1\n")
    print_day = date(2016, 3, 9)
    bad = pl.col("date").eq(print_day) & pl.col("symbol").eq("AAA")
    spiked = pl.when(bad).then(pl.col("close") * 1.5).otherwise(pl.col("close"))
    good.with_columns(close=spiked, high=pl.max_horizontal("high", spiked)).write_parquet(
        deployed.bars
    )
    terminal.ask("train", deployed.strategy, "--model", "m", "--data", deployed.bars,
                 "--until", "2017-06-30")  # fmt: skip
    terminal.ask("backtest", "m", 1)
    failed = somebody.failed(1)
    assert set(failed) == {
        "git_clean",
        "data_guards",
        "look_ahead",
        "min_evaluation_observations",
    }
    assert failed["git_clean"]["reason"].endswith(": features.py, note.py")
    assert "price_spikes at AAA on 2016-03-09: " in failed["data_guards"]["reason"]
    assert failed["look_ahead"]["reason"].endswith("in the future: momentum")

    features.write_text(FEATURES)
    features.with_name("note.py").unlink()
    good.write_parquet(deployed.bars)
    advice = failed["git_clean"]["advice"]
    assert COMMAND.findall(advice) == COMMAND.findall(failed["data_guards"]["advice"])
    assert COMMAND.findall(advice) == COMMAND.findall(failed["look_ahead"]["advice"])
    assert somebody.type(advice)["version"] == 2
    terminal.ask("backtest", "m", 2)
    (short,) = [gate for name, gate in somebody.failed(2).items() if name != "artifact_sharpe"]
    assert short["gate"] == "min_evaluation_observations"

    longer.write_parquet(deployed.bars)
    somebody.values["HASH"] = somebody.type(short["advice"])["dataset_hash"]
    somebody.type(short["advice"], at=1)
    assert somebody.failed(2) == {}


def test_a_strategy_outside_of_the_home_is_refused_before_it_is_trained(
    terminal: Terminal,
) -> None:
    deployed = terminal.deployed
    outside = write_strategy(deployed.folder / "research", name="mine.py")
    words = ["--model", "m", "--data"]
    # Data that cannot be read are not even opened.
    refused = terminal.fail("train", outside, *words, outside, code=2, error="strategy_invalid")
    assert "where backtests look for it: copy it there with the files that it imports" in refused
    (place,) = re.findall(r"and name (\S+) instead", refused)
    shutil.copy(outside, place)
    assert terminal.ask("train", place, *words, deployed.bars)["version"] == 1
    assert terminal.ask("backtest", "m", 1)["version"] == 1
    assert terminal.ask("train", outside, *words, deployed.bars)["version"] == 2
    assert terminal.ask("backtest", "m", 2)["version"] == 2


def test_code_that_changed_since_the_training_is_put_back_or_trained_anew(
    terminal: Terminal,
) -> None:
    somebody = Follower(terminal)
    deployed = terminal.deployed
    terminal.ask("train", deployed.strategy, "--model", "m", "--data", deployed.bars)
    features = deployed.strategy.with_name("features.py")
    features.write_text(edited(FEATURES, "close.shift(10)", "close.shift(11)"))
    said = terminal.say("backtest", "m", 1)
    assert said.code == 5
    problem, put_back, train_anew = said.err.splitlines()
    assert problem.startswith("feature_graph_mismatch: ")
    assert put_back.startswith("  put features.py as it was at the training back")
    assert somebody.type(train_anew)["version"] == 2
    features.write_text(FEATURES)
    assert terminal.ask("backtest", "m", 1)["version"] == 1


def test_a_verdict_shows_what_failed_first_and_what_passed_in_one_line(terminal: Terminal) -> None:
    deployed = terminal.deployed
    terminal.ask("train", deployed.strategy, "--model", "m", "--data", deployed.bars)
    for words, code in ((["--dry-run"], 0), ([], 3)):
        said = terminal.say("promote", "m", 1, *words, who="vic")
        assert said.code == code
        head, *lines = (said.out or said.err).splitlines()
        assert "m v1" in head
        shared = [line for line in lines if line.startswith("        ")]
        (once,) = (line for line in shared if "run `tradeworthy backtest m 1`" in line)
        assert re.fullmatch(r" +for these \d+: run `tradeworthy backtest m 1`", once)
        assert sum("run `tradeworthy backtest m 1`" in line for line in lines) == 1
        lines = [line for line in lines if line not in shared]
        marks = [line.split()[0] for line in lines]
        assert marks == sorted(marks, key=["FAIL", "n/a", "pass"].index)
        assert "  FAIL  min_sharpe: sharpe is not known" in lines
        assert re.fullmatch(r"  pass  \d+ gates: policy_judges, manifest_complete, .*", lines[-1])
        assert marks.count("pass") == 1
        every = terminal.say("promote", "m", 1, *words, "-v", who="vic")
        shown = (every.out or every.err).splitlines()
        assert len(shown) == len(lines) + len(shared) + int(lines[-1].split()[1])


def test_a_refusal_takes_options_and_not_words_that_look_like_them(terminal: Terminal) -> None:
    deployed = terminal.deployed
    terminal.ask("train", deployed.strategy, "--model", "m", "--data", deployed.bars)
    plain = terminal.say("promote", "m", 1, who="vic")
    for word in ("-v", "--verbose", "--json"):
        assert terminal.say("promote", "m", 1, "--reason", word, who="vic") == plain
    every = terminal.say("promote", "m", 1, "-v", who="vic").err
    assert terminal.say("promote", "m", 1, "-v", "--json", who="vic").err == every
    assert terminal.say("promote", "-v", "--json", "m", 1, who="vic").err == every
