"""Who one is, and what one may do, is said before any work is done."""

from __future__ import annotations

from cli.terminal import Terminal


def test_whoami_says_who_where_and_what_one_may_do(terminal: Terminal) -> None:
    vera = terminal.ask("whoami", who="vera")
    assert (vera["actor"], vera["roles"], vera["strategies"]) == ("vera", ["viewer"], None)
    assert set(vera["may"]) == {"read", "predict", "judge_promotion"}
    first, *_, last = terminal.say("whoami", who="vera").out.splitlines()
    assert first == f"vera at the home {terminal.deployed.home}"
    assert last == "may: read, predict, dry-run a promotion"
    ana = terminal.say("whoami").out.splitlines()[-1]
    assert "train or tag a version, upload, backtest" in ana
    assert ana.count("train or tag a version") == 1
    assert "manage_tokens" in terminal.ask("whoami", who="root")["may"]
    terminal.fail("whoami", who=None, code=6, error="unauthenticated")


def test_who_may_not_record_is_refused_before_the_training(terminal: Terminal) -> None:
    deployed = terminal.deployed
    loud = deployed.strategy.read_text()
    deployed.strategy.write_text(
        loud.replace("def train(", "def train(*_, **__):\n    exit(9)\n\n\ndef old_train(")
    )
    train = ["train", deployed.strategy, "--model", "m", "--data", deployed.bars]
    for who in ("vera", "vic"):
        refused = terminal.fail(*train, who=who, code=6, error="forbidden")
        assert f"{who!r} may not train or tag a version: that takes the role researcher" in refused
        assert "`tradeworthy whoami` says what your token may, and an admin issues" in refused
    assert terminal.ask("models", "versions", "m") == []
