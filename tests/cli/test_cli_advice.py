"""Following advice to the letter leads on: from a version that lacks everything to a champion."""

from __future__ import annotations

import re
from typing import Any

from cli.terminal import Terminal

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

    def type(self, advice: str, who: str = "ana", stdin: str = "") -> Any:
        """Type the first command of an advice, with values for its files and days."""
        command = COMMAND.findall(advice)[0]
        words = [self.values.get(word, word) for word in command.split()]
        return self.terminal.say(*words, "--json", who=who, stdin=stdin).json

    def set_drift_windows(self, old: str, new: str) -> None:
        """Change the policy file."""
        policy = self.terminal.deployed.home / "ml_promotion_policy.yaml"
        text = policy.read_text()
        assert old in text
        policy.write_text(text.replace(old, new))


def test_advice_leads_from_nothing_to_production(terminal: Terminal) -> None:
    somebody = Follower(terminal)
    somebody.set_drift_windows("current_sessions: 20", "current_sessions: 4")
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
    (sessions,) = re.findall(r"raise drift.current_sessions to (\d+) in", shortage["advice"])
    somebody.set_drift_windows("current_sessions: 4", f"current_sessions: {sessions}")
    assert set(somebody.failed(2)) == {"evaluation", "drift_rows"}
    somebody.type(shortage["advice"])
    assert terminal.ask("promote", "m", 2, who="vic")["target"] == "VALIDATED"

    (aligned,) = somebody.failed(2, "olga").values()
    assert "no release is active" in aligned["reason"]
    somebody.type(aligned["advice"], who="olga")
    assert terminal.ask("promote", "m", 2, who="olga")["target"] == "STAGING"

    (approvals,) = somebody.failed(2, "olga").values()
    somebody.type(approvals["advice"], who="vic", stdin="y\n")
    assert terminal.ask("promote", "m", 2, who="olga")["target"] == "PRODUCTION"


def test_a_verdict_shows_what_failed_first_and_what_passed_in_one_line(terminal: Terminal) -> None:
    deployed = terminal.deployed
    terminal.ask("train", deployed.strategy, "--model", "m", "--data", deployed.bars)
    for words, code in ((["--dry-run"], 0), ([], 3)):
        said = terminal.say("promote", "m", 1, *words, who="vic")
        assert said.code == code
        head, *lines = (said.out or said.err).splitlines()
        assert "m v1" in head
        marks = [line.split()[0] for line in lines]
        assert marks == sorted(marks, key=["FAIL", "n/a", "pass"].index)
        assert "  FAIL  min_sharpe: sharpe is not known; run `tradeworthy backtest m 1`" in lines
        assert re.fullmatch(r"  pass  \d+ gates: policy_judges, manifest_complete, .*", lines[-1])
        assert marks.count("pass") == 1
        every = terminal.say("promote", "m", 1, *words, "-v", who="vic")
        shown = (every.out or every.err).splitlines()
        assert len(shown) == len(lines) + int(lines[-1].split()[1])
