"""Every command that acts says in its first line what it did, and to what."""

from __future__ import annotations

import re

from cli.command_tree import options_by_command
from cli.terminal import Terminal

READS = {
    "datasets list", "drift reports", "features active", "features diff", "features hash",
    "features show", "history", "jobs show", "manifest verify", "models list", "models search",
    "models show", "models status", "models verdict", "models versions", "policy check",
    "policy show", "tokens list", "whoami",
}  # fmt: skip
# These run until they are stopped, or tell what they do as they go.
RUN = {"demo", "scheduler", "serve"}


def test_a_command_that_acts_says_first_what_it_did(terminal: Terminal) -> None:
    deployed = terminal.deployed
    did: set[str] = set()

    def first(*words: object, who: str = "ana") -> str:
        said = terminal.say(*words, who=who)
        assert said.code == 0, said.err
        did.update({" ".join(map(str, words[:2])), str(words[0])} & options_by_command().keys())
        return said.out.splitlines()[0]

    assert first("init") == (
        f"the home {deployed.home} stood already: its database is up to date, no token was issued"
    )
    assert first("--home", "new", "init", who="root").startswith("made the home new: ")
    register = ["models", "register", "other", "--strategy", "trend", "--owner", "research"]
    assert first(*register) == "registered other for strategy trend, owned by research"
    kept = first("datasets", "add", deployed.bars)
    assert re.fullmatch(r"the registry keeps bars.parquet, \d+ rows, as [0-9a-f]{64}", kept)
    train = ["train", deployed.strategy, "--model", "m", "--data", deployed.bars]
    assert first(*train, "--until", "2017-06-30") == "recorded m v1: TRAINED"
    assert first("models", "tag", "m", 1, "region", "us") == "tagged m v1; its tags: region=us"
    job = first("backtest", "m", 1, "--no-wait")
    assert re.fullmatch("left to a running service: `tradeworthy jobs show .+` says .*", job)
    assert first("backtest", "m", 1).startswith("backtested m v1: result ")
    dry = first("promote", "m", 1, "--dry-run", who="vic")
    assert dry == "m v1: TRAINED -> VALIDATED: allowed"
    assert first("promote", "m", 1, who="vic") == "m v1: TRAINED -> VALIDATED: done"
    content = terminal.ask("models", "show", "m", 1)["content_digest"]
    shown_before = terminal.say("approve", "m", 1, who="vic", stdin="n\n")
    assert (shown_before.code, shown_before.out) == (2, "")
    who, *lines, question, _ = shown_before.err.splitlines()
    step = lines.index("m v1: VALIDATED -> STAGING: refused")
    figures, gates = lines[:step], lines[step:]
    assert gates == terminal.say("promote", "m", 1, "--dry-run", who="vic").out.splitlines()
    assert any(re.match("  FAIL  aligned: .", line) for line in gates)
    assert any(re.fullmatch(r"  pass  \d+ gates: .*", line) for line in gates)
    assert who == "m v1, VALIDATED, drafted by ana, trained by ana"
    shown = terminal.say("models", "show", "m", 1).out.splitlines()
    assert figures == ["latest backtest:", *(line for line in shown if line.startswith("  "))]
    assert any(re.fullmatch(r"  n_observations +\d{3,}", line) for line in figures)
    assert question == f"Approve content {content}? [y/N] "
    approved = first("approve", "m", 1, "--content", content, who="vic")
    assert approved == "approved m v1 for PRODUCTION as vic"
    assert "approved by vic at " in terminal.say("models", "show", "m", 1).out
    files = deployed.strategy.with_name("features.py")
    active = first("features", "activate", files, who="olga")
    assert re.fullmatch("activated [0-9a-f]{64} as epoch 1", active)
    other = deployed.home / "other.py"
    other.write_text(files.read_text().replace("shift(10)", "shift(9)"))
    conflict = terminal.say("features", "activate", files, other, who="olga")
    places = rf"{files} \(features\.py, line \d+\) and in {other} \(other\.py, line \d+\)"
    assert re.search(f"feature momentum@1 .*, in {places}", conflict.err)
    stop = ["m", 1, "--reason", "odd"]
    assert first("quarantine", *stop, who="olga").startswith("quarantined m v1: it does not")
    assert first("lift-quarantine", *stop, who="olga").startswith("lifted the quarantine of m v1")
    assert first("drift", "scan", who="olga") == "scanned what was due: 0 new reports"
    fetched = first("manifest", "fetch", "m", 1, "--into", deployed.home)
    assert fetched == f"wrote {deployed.home / 'm-v1.manifest.json'}"
    create = ["tokens", "create", "new", "--role", "viewer", "--out", "new.token"]
    assert first(*create, who="root") == "issued a token for new into new.token"
    assert terminal.say(*create[:-1], "fine.token", "--strategy", "trend", who="root").err == ""
    slip = terminal.say(*create[:-1], "slip.token", "--strategy", "trnd", who="root")
    assert slip.out.splitlines()[0] == "issued a token for new into slip.token"
    assert re.fullmatch(
        "no model belongs to trnd yet, so this token reaches none there; for a slip, "
        "`tradeworthy tokens revoke [0-9a-f]+` and create anew\n",
        slip.err,
    )
    new = ["models", "register", "third", "--strategy", "trnd", "--owner", "research"]
    assert first(*new) == "registered third for the new strategy trnd, owned by research"
    listed = terminal.say("tokens", "list", who="root").out.splitlines()[-3]
    assert re.search(r" new +viewer +all ", listed)
    issued = terminal.ask("tokens", "list", who="root")[-1]["token_id"]
    rotated = first("tokens", "rotate", issued, "--out", "newer.token", who="root")
    assert rotated == f"replaced token {issued} of new by the one in newer.token"
    newer = terminal.ask("tokens", "list", who="root")[-1]["token_id"]
    assert first("tokens", "revoke", newer, who="root") == f"revoked token {newer}"
    assert first("retire", *stop, who="olga") == "retired m v1 for good"
    assert did | READS | RUN == options_by_command().keys()
