"""What goes wrong is one line that says what to do, and a number that a script can read."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import polars as pl
import pytest

from cli.terminal import Terminal
from tradeworthy.client import Client
from training.strategy_workshop import FEATURES, NO_SKLEARN, commit, edited


def test_each_exit_code_has_its_case(terminal: Terminal) -> None:
    deployed = terminal.deployed
    train = [
        "train",
        deployed.strategy,
        "--model",
        "m",
        "--data",
        deployed.bars,
        "--until",
        "2017-06-30",
    ]
    assert terminal.say(*train).code == 0
    first = terminal.fail("promote", "m", 1, who="vic", code=3, error="promotion_refused")
    assert "min_sharpe" in first
    assert "'nothing'" in terminal.fail("models", "versions", "nothing", code=4,
                                        error="model_not_found")  # fmt: skip
    terminal.fail("models", "register", "m", "--strategy", "trend", "--owner", "x", code=5,
                  error="already_exists")  # fmt: skip
    terminal.fail("promote", "m", 1, "--to", "production", who="olga", code=5,
                  error="invalid_transition")  # fmt: skip
    terminal.fail("models", "list", who=None, code=6, error="unauthenticated")
    terminal.fail("retire", "m", 1, "--reason", "x", who="vera", code=6, error="forbidden")
    away = terminal.fail("--home", "nowhere", "models", "list", code=7, error="home_unusable")
    assert "name yours by --home or TRADEWORTHY_HOME" in away
    assert "here: `tradeworthy --home nowhere init`" in away
    terminal.fail("--server", "http://127.0.0.1:9", "models", "list", code=7,
                  error="server_unreachable")  # fmt: skip


@pytest.fixture
def stranger() -> Iterator[str]:
    """A server that is none of ours."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"error": "boom"}' if "json" in self.path else b"<html>"
            self.send_response(500)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_that_is_another(terminal: Terminal, stranger: str) -> None:
    terminal.fail("--server", f"{stranger}/json", "models", "list", code=1, error="internal_error")
    terminal.fail("--server", stranger, "models", "list", code=7, error="server_unreachable")


@pytest.mark.parametrize(
    "words",
    [
        ["modles"],
        ["models", "lst"],
        ["models", "list", "--limt", "3"],
        ["models", "versions"],
        ["promote", "m", "one"],
        ["backtest", "m", "1", "--commission-bps", "-1"],
        ["train", "x.py", "--model", "m", "--data", "bars.parquet", "--set", "weight"],
        ["train", "x.py", "--model", "m", "--data", "bars.parquet", "--manifests", "nowhere"],
    ],
)
def test_a_slip_on_the_command_line(words: list[str], terminal: Terminal) -> None:
    said = terminal.say(*words)
    assert said.code == 2
    assert said.out == ""
    assert "Error" in said.err


@pytest.mark.parametrize(
    "words",
    [
        ["modles", "--json"],
        ["--hme", "h", "models", "list", "--json"],
        ["models", "--json"],
        ["models", "show", "m", "x", "--json"],
        ["models", "show", "--json"],
        ["models", "list", "--json", "--limt", "3"],
        ["promote", "m", "1", "--json", "--override", "x"],
    ],
)
def test_a_slip_is_json_where_json_is_wanted(words: list[str], terminal: Terminal) -> None:
    said = terminal.say(*words)
    reported = json.loads(said.out)
    assert (said.code, set(reported)) == (2, {"code", "detail", "details"})
    assert said.err == f"invalid_input: {reported['detail']}\n"


def test_slips_in_what_is_trained(terminal: Terminal) -> None:
    deployed = terminal.deployed
    train = ["train", deployed.strategy, "--model", "m", "--data", deployed.bars]

    def refused(*words: object, error: str) -> str:
        return terminal.fail(*words, code=2, error=error)

    assert "has no 'wieght'; it has weight" in refused(
        *train, "--set", "wieght=1", error="strategy_invalid"
    )
    assert "weight of strategy 'trend' is a number, 0.5, and cannot be a text, 'high'" in refused(
        *train, "--set", "weight=high", error="strategy_invalid"
    )
    assert "write it as 2011-12-30" in refused(
        *train, "--until", "30.12.2011", error="invalid_input"
    )
    nameless = ["train", deployed.strategy, "--model", "", "--data", deployed.bars]
    assert "--model must have at least 1" in refused(*nameless, error="invalid_input")
    refused("train", "no.py", "--model", "m", "--data", deployed.bars, error="strategy_invalid")
    refused("train", deployed.strategy, "--model", "m", "--data", "no.csv", error="dataset_invalid")
    deployed.strategy.write_text(edited(NO_SKLEARN, "return self", "exit(0)"))
    commit(deployed.strategy.parent)
    assert "SystemExit" in refused(*train, error="strategy_invalid")
    deployed.strategy.write_text(edited(NO_SKLEARN, 'name="trend"', 'name="tred"'))
    assert "belongs to strategy 'trend'" in refused(*train, error="strategy_invalid")
    deployed.strategy.write_text(edited(NO_SKLEARN, '("change",', '("chnge",'))
    assert "'chnge'" in refused(*train, error="feature_dependency_missing")
    features = deployed.strategy.with_name("features.py")
    features.write_text(edited(FEATURES, "def momentum(close", "def momentum(closee"))
    assert terminal.say("features", "hash", features).code == 2
    assert terminal.ask("models", "versions", "m") == []


def test_what_can_be_judged_without_users_code_or_bars_is_judged_first(terminal: Terminal) -> None:
    deployed = terminal.deployed
    deployed.strategy.write_text("raise ValueError('loaded')")
    deployed.bars.write_text("no bars")
    features = deployed.strategy.with_name("features.py")
    features.write_text("raise ValueError('loaded')")
    train = ["train", deployed.strategy, "--data", deployed.bars, "--model"]
    terminal.fail(*train, "m", "--until", "2017-13-01", code=2, error="invalid_input")
    terminal.fail(*train, "nothing", code=4, error="model_not_found")
    terminal.fail(*train, "m", who="vera", code=6, error="forbidden")
    # A folder in which nobody can write a file.
    if Path("/proc").is_dir():
        terminal.fail(*train, "m", "--manifests", "/proc", code=7, error="home_unusable")
    terminal.fail("features", "diff", features, "no.py", code=2, error="strategy_invalid")
    for words in ([*train, "m"], ["features", "hash", features]):
        assert "loaded" in terminal.fail(*words, code=2, error="strategy_invalid")


def test_what_will_keep_a_version_back_is_said_before_the_training(terminal: Terminal) -> None:
    deployed = terminal.deployed
    train = ["train", deployed.strategy, "--model", "m", "--data", deployed.bars, "--set"]
    last = pl.read_parquet(deployed.bars)["date"].max()
    said = terminal.say(*train, "weight=1", "--until", "2999-12-31")
    assert (said.code, said.out.splitlines()[0]) == (0, "recorded m v1: TRAINED")
    assert said.err == (
        f"warning: --until: the data end at {last}: nothing after the train end is left to test "
        "the artifact on\n"
    )
    deployed.strategy.with_name("note.py").write_text("x = 1\n")
    said = terminal.say(*train, "weight=1", "--until", "2017-06-30")
    assert re.fullmatch(
        "warning: the tree differed from commit [0-9a-f]+: note.py: the version is recorded, and "
        "the gate git_clean will refuse it\n",
        said.err,
    )
    shutil.rmtree(deployed.strategy.with_name(".git"))
    deployed.strategy.write_text(edited(NO_SKLEARN, "return self", "exit(0)"))
    said = terminal.say(*train, "weight=2")
    first, second = said.err.splitlines()
    assert first.startswith("warning: no git repository is known around trend.py: the version")
    assert "git_clean will refuse it" in first
    assert "SystemExit" in second


def test_bars_that_no_backtest_takes_are_not_trained_on(terminal: Terminal) -> None:
    deployed = terminal.deployed
    bars = pl.read_parquet(deployed.bars)
    pl.concat([bars, bars[-1:]]).write_parquet(deployed.bars)
    train = ("train", deployed.strategy, "--model", "m", "--data", deployed.bars)
    said = terminal.fail(*train, code=2, error="dataset_invalid")
    assert f"at {bars['date'][-1]}: two bars of one symbol and date; keep one" in said
    assert "TRAINED" not in terminal.say("models", "versions", "m").out


def test_slips_in_files_that_are_checked(terminal: Terminal) -> None:
    policy = terminal.deployed.home / "ml_promotion_policy.yaml"
    policy.write_text("default:\n  min_shrpe: 1\n")
    assert "min_shrpe" in terminal.fail("policy", "check", policy, code=2, error="policy_invalid")
    broken = terminal.deployed.folder / "m-v1.manifest.json"
    broken.write_text('{"model": "m"')
    said = terminal.say("manifest", "verify", broken)
    assert said.code in {2, 3}


def test_a_token_that_is_none_is_not_quoted(terminal: Terminal) -> None:
    odd = terminal.deployed.token_file("odd")
    server = ("--server", "http://127.0.0.1:9")
    for content in ("tw-secret-one\ntw-secret-two", "tw-secret one", "tw-secret\x07bell"):
        odd.write_text(content)
        first = terminal.fail(*server, "models", "list", who="odd", code=6,
                              error="unauthenticated")  # fmt: skip
        assert "tw-secret" not in first
        said = terminal.say(*server, "models", "list", who=None, TRADEWORTHY_TOKEN=content)
        assert said.code == 6
        assert "tw-secret" not in said.out + said.err
    odd.write_text("tw-secret-but-unknown\n")
    first = terminal.fail("models", "list", who="odd", code=6, error="unauthenticated")
    assert "tw-secret" not in first
    terminal.fail("--token-file", "no.token", "models", "list", who=None, code=6,
                  error="unauthenticated")  # fmt: skip


def test_settings_that_hold_secrets_are_not_quoted(terminal: Terminal) -> None:
    for setting, value, code in (
        ("DATABASE_URL", "postgresql+psycopg://deployed:hunter2@127.0.0.1:9/registry", 7),
        ("DATABASE_URL", "mysql://deployed:hunter2@127.0.0.1/registry", 2),
        ("DATABASE_URL", "postgresql://deployed:hunter2@127.0.0.1:54x2/registry", 2),
        ("TOKEN_KEY", "hunter2", 7),
        ("PORT", "hunter2", 2),
    ):
        said = terminal.say("models", "list", **{f"TRADEWORTHY_{setting}": value})
        assert said.code == code, said.err
        assert "hunter2" not in said.out + said.err
        assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("out", ["tokens.d/new.token", "ana.token", "."])
def test_no_token_is_issued_that_nobody_could_read(out: str, terminal: Terminal) -> None:
    taken = terminal.deployed.token_file("ana")
    before, issued = taken.read_text(), terminal.ask("tokens", "list", who="root")
    for words in (
        ["create", "new", "--role", "viewer"],
        ["rotate", issued[0]["token_id"]],
    ):
        reported = terminal.fail("tokens", *words, "--out", out, who="root", code=7,
                             error="home_unusable")  # fmt: skip
        assert "no token was issued" in reported
    assert taken.read_text() == before
    assert terminal.ask("tokens", "list", who="root") == issued


def test_a_token_that_is_refused_leaves_no_file(terminal: Terminal) -> None:
    new = terminal.deployed.token_file("new")
    create = ["tokens", "create", "new", "--role", "viewer", "--out", new]
    terminal.fail(*create, code=6, error="forbidden")
    assert not new.exists()
    assert terminal.say(*create, who="root").code == 0
    terminal.secrets.append(new.read_text().strip())


def test_a_home_for_an_admin_of_no_name_is_not_begun(terminal: Terminal) -> None:
    home = terminal.deployed.folder / "fresh"
    terminal.fail("--home", home, "init", "--admin", "a/b", who=None, code=2,
                  error="invalid_input")  # fmt: skip
    assert not home.exists()


def test_what_goes_wrong_is_json_too(terminal: Terminal) -> None:
    deployed = terminal.deployed
    terminal.ask("train", deployed.strategy, "--model", "m", "--data", deployed.bars)
    refused = terminal.say("promote", "m", 1, "--json", who="vic")
    reported = json.loads(refused.out)
    assert (refused.code, reported["code"]) == (3, "promotion_refused")
    failed = [
        gate for gate in reported["details"]["verdict"]["gates"] if gate["status"] == "FAILED"
    ]
    assert "min_sharpe" in {gate["gate"] for gate in failed}
    assert refused.err.startswith(f"promotion_refused: {reported['detail']}")
    nothing = terminal.say("models", "versions", "nothing", "--json")
    assert json.loads(nothing.out)["code"] == "model_not_found"


def test_an_approval_without_an_answer_is_none(terminal: Terminal) -> None:
    deployed = terminal.deployed
    terminal.ask("train", deployed.strategy, "--model", "m", "--data", deployed.bars)
    for answer in ("", "n\n", "\n", "yess\n"):
        said = terminal.say("approve", "m", 1, who="vic", stdin=answer)
        assert said.code == 2
        shown, *_, question, reported = said.err.splitlines()
        assert shown.startswith("m v1, TRAINED, drafted by ")
        assert question.startswith("Approve content ")
        assert reported.startswith("invalid_input: nothing was approved")
    assert terminal.ask("models", "versions", "m")[0]["approvals"] == []


def test_a_draft_without_content_raises_no_question(terminal: Terminal) -> None:
    home = terminal.deployed
    with Client(home=home.home, token_file=home.token_file("ana")) as client:
        client.draft_version("m")
    said = terminal.say("approve", "m", 1, who="vic", stdin="y\n")
    assert said.code == 2
    assert said.err == (
        "manifest_invalid: version 1 has no manifest yet, so there is nothing to approve: ana, "
        "who drafted it, uploads one or trains a new version\n"
    )


def test_who_may_not_approve_is_refused_before_the_question(terminal: Terminal) -> None:
    deployed = terminal.deployed
    terminal.ask("train", deployed.strategy, "--model", "m", "--data", deployed.bars)
    said = terminal.say("approve", "m", 1, who="ana", stdin="y\n")
    assert (said.code, said.err.partition(":")[0]) == (6, "forbidden")


def test_a_manifest_file_that_is_not_there_is_no_failed_check(terminal: Terminal) -> None:
    said = terminal.say("manifest", "verify", "nothing.json", "--json")
    assert (said.code, json.loads(said.out)["code"]) == (2, "manifest_invalid")


@pytest.mark.parametrize("moment", ["import", "training"])
def test_code_that_goes_to_another_folder_changes_no_path_of_the_command(
    terminal: Terminal, tmp_path: Path, moment: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    leaves = f"__import__('os').chdir({str(tmp_path / 'elsewhere')!r})"
    before = {"import": "def train(", "training": "    return LinearRegression()"}[moment]
    indent = before[: len(before) - len(before.lstrip())]
    strategy = terminal.deployed.strategy
    strategy.write_text(edited(strategy.read_text(), before, f"{indent}{leaves}\n{before}"))
    commit(strategy.parent)
    words = ("train", "home/strategies/trend.py", "--model", "m", "--data", "bars.parquet")
    # Each path is relative, as a tutorial has them.
    said = terminal.say(*words, "--json", TRADEWORTHY_HOME="home")
    assert (said.err, said.json["version"], said.json["stage"]) == ("", 1, "TRAINED")
    assert (terminal.deployed.folder / said.json["manifest"]).is_file()
    strategy.write_text(edited(strategy.read_text(), "    return Linear", "    raise Long  # "))
    strategy.write_text(strategy.read_text() + "\n\nclass Long(Exception):\n"
                        "    def __str__(self):\n        return 'x' * 3000\n")  # fmt: skip
    failed = terminal.say(*words, TRADEWORTHY_HOME="home")
    assert failed.code != 0
    kept = failed.err.split("; the whole text is in ")[1].strip()
    assert (terminal.deployed.folder / kept).is_file()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_policy_that_judges_nothing_takes_no_number_and_its_check_says_so(
    terminal: Terminal,
) -> None:
    deployed = terminal.deployed
    policy = deployed.home / "ml_promotion_policy.yaml"
    assert terminal.say("policy", "check", policy).out == f"{policy} is a usable policy\n"
    policy.write_text("default: {required_approvals: 1}\nmodels: {other: {min_sharpe: 0.5}}\n")
    refused = terminal.fail("train", deployed.strategy, "--model", "m", "--data", deployed.bars,
                            code=3, error="promotion_refused")  # fmt: skip
    assert "the gate policy_judges refuses every version of m" in refused
    assert "`tradeworthy policy show m`" in refused
    assert terminal.ask("models", "versions", "m") == []
    checked = terminal.say("policy", "check", policy).out
    assert "policy_judges refuses each model" in checked
    assert "with sections for models: other\n" in checked
    assert terminal.ask("policy", "check", policy)["default_judges"] is False
