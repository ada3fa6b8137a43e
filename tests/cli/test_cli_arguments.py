"""What is wrong with an argument is said of what was typed, before anything else is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.command_tree import options_by_command
from tradeworthy.cli.app import app
from training.home_workshop import DeployedHome

LONG = "x" * 2001
DIGITS = "hexadecimal digits, 0-9 and a-f"
# A command, the option or argument that is wrong, and what has to be said of it.
WRONG = [
    (["train", "a.py", "--model", "m", "--data", "b.csv", "--set", "x"], "--set", "form key=value"),
    (["train", __file__, "--model", "m", "--data", __file__, "--until", "30.12.2011"],
     "--until", "'30.12.2011' is no date: write it as 2011-12-30"),
    (["train", __file__, "--model", "a/b", "--data", __file__], "--model", "one name, without /"),
    # Neither is a feature file: it would be refused.
    (["features", "activate", __file__, "--reason", " "], "--reason", "something to read"),
    (["features", "activate", __file__, "--expected-epoch", "-1"],
     "--expected-epoch", "at least 0"),
    (["models", "register", "m" * 129, "--strategy", "s", "--owner", "o"], "MODEL", "at most 128"),
    (["models", "register", "a/b", "--strategy", "s", "--owner", "o"], "MODEL", "letters, digits"),
    (["models", "register", "n", "--strategy", "a b", "--owner", "o"], "--strategy", "letters"),
    (["models", "register", "n", "--strategy", "s", "--owner", ""], "--owner", "at least 1"),
    (["models", "register", "n", "--strategy", "s", "--owner", "o", "--tier", "hihg"],
     "--tier", "standard"),
    (["models", "list", "--limit", "0"], "--limit", "at least 1, not '0'"),
    (["models", "list", "--after", "\a"], "--after", "one line without control characters"),
    (["models", "show", "m", "0"], "VERSION", "at least 1"),
    (["models", "search", "--stage", "trianed"], "--stage", "did you mean 'TRAINED'?"),
    (["models", "search", "--tag", "region"], "--tag", "key=value"),
    (["models", "search", "--limit", "9999"], "--limit", "at most 1000, not '9999'"),
    (["models", "verdict", "m", "xyz"], "DIGEST", DIGITS),
    (["models", "tag", "m", "1", "a=b", "v"], "KEY", "without =, not 'a=b'"),
    (["models", "tag", "m", "1", "k", LONG], "VALUE", "at most 512 characters"),
    (["policy", "show", "m", "--digest", "xyz"], "--digest", DIGITS),
    (["history", "m", "--at", "yesterday"], "--at", "as in 2026-01-05T12:00:00Z"),
    (["history", "m", "--at", "2026-01-05T12:00:00"], "--at", "needs its offset from UTC"),
    (["quarantine", "m", "1", "--reason", ""], "--reason", "at least 1"),
    (["quarantine", "m", "1", "--reason", " "], "--reason", "with something to read"),
    (["lift-quarantine", "m", "1", "--reason", LONG], "--reason", "at most 2000"),
    (["lift-quarantine", "m", "1", "--reason", "\n"], "--reason", "with something to read"),
    (["retire", "m", "1", "--reason", ""], "--reason", "at least 1"),
    (["retire", "m", "1", "--reason", "\u200b"], "--reason", "with something to read"),
    (["promote", "m", "1", "--to", "prodction"], "--to", "did you mean 'PRODUCTION'?"),
    (["promote", "m", "1", "--to", "x"], "--to", "must be 'TRAINED', 'VALIDATED', 'STAGING', "
     "'PRODUCTION' or 'RETIRED', not 'x'"),
    (["promote", "m", "0"], "VERSION", "at least 1, not '0'"),
    (["promote", "m", "1", "--override", "min_sharpe"], "--override", "key=value"),
    (["promote", "m", "1", "--reason", LONG], "--reason", "at most 2000"),
    (["promote", "m", "1", "--reason", " "], "--reason", "with something to read"),
    (["backtest", "m", "1", "--dataset", "xyz"], "--dataset", f"64 {DIGITS}, not 'xyz'"),
    (["backtest", "m", "1", "--commission-bps", "2000"], "--commission-bps", "at most 1000"),
    (["approve", "m", "1", "--content", "xyz"], "--content", f"64 {DIGITS}"),
    (["approve", "m", "1", "--content", "0" * 64, "--reason", " "], "--reason", "to read"),
    (["approve", "m", "1", "--reason", " "], "--reason", "something to read"),
    (["drift", "scan", "--as-of", "yesterday"], "--as-of", "as in 2026-01-05T12:00:00Z"),
    (["drift", "scan", "--model", ""], "--model", "at least 1"),
    (["drift", "reports", "m", "--version", "0"], "--version", "at least 1"),
    (["drift", "reports", "m", "--limit", "-1"], "--limit", "at least 1"),
    (["tokens", "create", "a b", "--role", "viewer", "--out", "new"], "ACTOR", "letters, digits"),
    (["tokens", "create", "a", "--role", "viewr", "--out", "new"],
     "--role", "not 'viewr': did you mean 'viewer'?"),
    (["tokens", "create", "a", "--role", "viewer", "--strategy", "", "--out", "new"],
     "--strategy", "at least 1"),
    (["tokens", "rotate", "xyz", "--out", "new"], "TOKEN_ID", f"16 {DIGITS}"),
    (["tokens", "revoke", "xyz"], "TOKEN_ID", f"16 {DIGITS}"),
    # What stands in a path of the service, and would be another path.
    (["models", "status", ""], "MODEL", "at least 1 characters, not ''"),
    (["models", "status", "a/b"], "MODEL", "one name, without /, not 'a/b'"),
    (["models", "versions", "../m"], "MODEL", "one name, without /"),
    (["models", "verdict", "m", ""], "DIGEST", "at least 1"),
    (["policy", "show", "m", "--digest", ""], "--digest", "at least 1"),
    (["policy", "show", ""], "MODEL", "at least 1"),
    (["promote", "", "1"], "MODEL", "at least 1"),
    (["approve", "", "1", "--content", "0" * 64], "MODEL", "at least 1"),
    (["retire", "a/b", "1", "--reason", "x"], "MODEL", "one name, without /"),
    (["manifest", "fetch", "", "1"], "MODEL", "at least 1"),
    (["jobs", "show", ""], "JOB", "at least 1"),
    (["jobs", "show", "a/b"], "JOB", "one name, without /"),
    (["tokens", "rotate", "", "--out", "new"], "TOKEN_ID", "at least 1"),
    (["tokens", "revoke", ""], "TOKEN_ID", "at least 1"),
    # Settings that an option of the command sets.
    (["serve", "--host", "\udcff"], "--host", "must be text in UTF-8"),
    (["serve", "--port", "70000"], "--port", "at most 65535"),
    (["promote", "m", "1", "--override", "min_sharpe=9", "--override", "min_sharpe=1"],
     "--override", "'min_sharpe' stands twice"),
    (["train", "x.py", "--model", "m", "--data", "x.csv", "--set", "a=1", "--set", "a=1"],
     "--set", "'a' stands twice"),
]  # fmt: skip


@pytest.fixture(scope="module")
def home(cli_home: DeployedHome, tmp_path_factory: pytest.TempPathFactory) -> DeployedHome:
    """A home that nothing here changes."""
    return cli_home.copy(tmp_path_factory.mktemp("wrong") / "deployed")


def said_to(words: list[str], home: DeployedHome, who: str | None) -> str:
    """What a command that is not understood says, in this process: its error, or its usage."""
    before = ["--home", str(home.home)]
    before += ["--token-file", str(home.token_file(who))] if who else []
    ended = CliRunner().invoke(app, [*before, *words], env={"COLUMNS": "500"})
    assert (ended.exit_code, ended.stdout) == (2, ""), ended
    return ended.stderr


@pytest.mark.parametrize(("words", "label", "text"), WRONG)
def test_a_wrong_argument_is_named_as_it_was_typed(
    words: list[str],
    label: str,
    text: str,
    home: DeployedHome,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    said = said_to(words, home, "root" if words[0] == "tokens" else "ana")
    assert re.search(rf"(^invalid_input: |Invalid value for '?){label}\b", said), said
    assert text in said
    assert not re.search(r"body|query|\bpath\b|\^|\$", said), said


def test_every_command_that_sends_a_request_is_tried() -> None:
    commands = {name: name.split() for name in options_by_command()}
    tried = {
        name
        for name, own in commands.items()
        if any(words[: len(own)] == own for words, *_ in WRONG)
    }
    # These take files, or nothing that could be wrong but the name of what is there or not.
    free = {"init", "demo", "scheduler", "datasets add", "datasets list", "policy check",
            "manifest verify", "tokens list", "whoami"}  # fmt: skip
    free |= {name for name, own in commands.items() if own[0] == "features"} - {"features activate"}
    assert tried | free == commands.keys()


# Every command that takes a version, with what else it requires.
VERSIONED = {
    "models show": "m {}",
    "models tag": "m {} k v",
    "quarantine": "m {} --reason x",
    "lift-quarantine": "m {} --reason x",
    "retire": "m {} --reason x",
    "backtest": "m {}",
    "promote": "m {}",
    "approve": f"m {{}} --content {'0' * 64}",
    "manifest fetch": "m {}",
    "drift reports": "m --version {}",
}


def test_a_version_is_taken_as_it_is_printed_wherever_one_is_taken(home: DeployedHome) -> None:
    taking = {
        n for n, options in options_by_command().items() if options & {"version", "--version"}
    }
    assert VERSIONED.keys() == taking
    for name, arguments in VERSIONED.items():
        for version in ("one", "v", "1.0", "vv1", "9" * 5000):
            said = said_to([*name.split(), *arguments.format(version).split()], home, "ana")
            assert f"must be a version, as in 2 or v2, not '{version[:80]}'" in said
        ended = [
            CliRunner().invoke(
                app,
                ["--home", str(home.home), "--token-file", str(home.token_file("ana")),
                 *name.split(), *arguments.format(version).split()],
            )
            for version in ("1", "v1")
        ]  # fmt: skip
        number, printed = ((each.exit_code, each.stderr) for each in ended)
        assert number == printed
        assert number[0] in {0, 4, 6}, ended


@pytest.mark.parametrize(
    "words",
    [
        ["drift", "scan", "--as-of", "yesterday"],
        ["quarantine", "m", "1", "--reason", ""],
        ["approve", "m", "1", "--content", "xyz"],
        ["tokens", "create", "a", "--role", "viewr", "--out", "new"],
        ["promote", "m", "1", "--to", "prodction"],
    ],
)
def test_what_is_wrong_is_said_before_who_may(words: list[str], home: DeployedHome) -> None:
    nowhere = DeployedHome(home.folder / "nowhere")
    for place, who in ((home, "vera"), (home, None), (nowhere, None)):
        assert said_to(words, place, who).startswith("invalid_input: ")
