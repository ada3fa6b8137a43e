"""What one person wrote cannot steer another person's terminal, nor look like what it is not."""

from __future__ import annotations

import fcntl
import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from cli.terminal import Terminal
from tradeworthy.cli.context import print_error
from tradeworthy.client import Client
from tradeworthy.errors import InvalidInput
from waiting import until

# An escape sequence, a C1 control, a row of its own, a turned and an unseen character.
HOSTILE = "odd\x1b[2J\x9b1m\r\n2026-01-01  VersionPromoted\u202e\u200b\u2028end"
ESCAPED = r"odd\x1b[2J\x9b1m\r\n2026-01-01  VersionPromoted\u202e\u200b\u2028end"
BARS = "timestamp,symbol,open,high,low,close,volume\n"


@pytest.fixture
def recorded(terminal: Terminal) -> Terminal:
    """A terminal at a home with a version that is stopped and tagged, by words of one's own."""
    home = terminal.deployed
    with Client(home=home.home, token_file=home.token_file("ana")) as client:
        assert client.draft_version("m").version == 1
        client.tag_version("m", 1, "note", HOSTILE)
    with Client(home=home.home, token_file=home.token_file("olga")) as client:
        client.quarantine("m", 1, reason=HOSTILE)
    return terminal


def test_words_of_others_are_escaped_wherever_a_person_reads_them(recorded: Terminal) -> None:
    data = recorded.deployed.folder / "odd.csv"
    rows = (f"2026-01-{day:02},A\x1b[2J,1,1,1,1,1\n" for day in (5, 6))
    data.write_text(BARS + "".join(rows))
    named = {"schema_version": 1, "model": "m", "version": 1, "strategy": "trend"}
    broken = recorded.deployed.folder / "m-v1.manifest.json"
    broken.write_text(json.dumps(named | {HOSTILE: 1}))
    for words, text in (
        (["history", "m"], ESCAPED),
        (["models", "show", "m", 1], ESCAPED),
        (["models", "versions", "m"], ESCAPED),
        (["models", "tag", "m", 1, "other", "x"], ESCAPED),
        (["datasets", "add", data], r"A\x1b[2J"),
        (["datasets", "list"], r"A\x1b[2J"),
        (["manifest", "verify", broken], r"odd\x1b[2J\x9b1m"),
        (["models", "status", HOSTILE.replace("\n", " ")], r"odd\x1b[2J\x9b1m"),
    ):
        said = recorded.say(*words)
        assert text in said.out + said.err, words
        for line in (said.out + said.err).split("\n"):
            assert line.isprintable(), (words, line)


def test_errors_and_what_goes_with_them_are_escaped_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A registry's answer may quote what somebody wrote: a path in git, a reason, a value."""
    print_error(InvalidInput(f"no {HOSTILE}"), [f"  FAIL  git_clean: {HOSTILE}"], as_json=False)
    for line in (lines := capsys.readouterr().err.split("\n")):
        assert line.isprintable()
    assert len([line for line in lines if line]) == 2


def test_a_reason_adds_no_row_to_the_history(recorded: Terminal) -> None:
    title, columns, *rows = recorded.say("history", "m").out.split("\n")
    assert title.startswith("at ")
    assert columns.startswith("at ")
    assert len([row for row in rows if row]) == len(recorded.ask("history", "m")["events"])


def test_json_has_the_words_as_they_were_written(recorded: Terminal) -> None:
    version = recorded.ask("models", "show", "m", 1)
    assert version["quarantine_reason"] == version["tags"]["note"] == HOSTILE


@pytest.mark.parametrize("owner", [" ", "\t", "\xa0", "a\x9bb", "a\u202eb", "a\u200bb", "\ufeff"])
def test_an_owner_has_a_name_that_can_be_read(owner: str, terminal: Terminal) -> None:
    register = ["models", "register", "other", "--strategy", "trend", "--owner"]
    reported = terminal.fail(*register, owner, code=2, error="invalid_input")
    assert "--owner must be one line with something to read" in reported
    assert terminal.say(*register, "Søren Ångström 漢").code == 0


def to_closed(
    terminal: Terminal, *words: str, output: str, **extra: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a shell that sends its standard output somewhere."""
    command = [sys.executable, "-m", "tradeworthy", *words]
    return subprocess.run(
        ["sh", "-c", f'"$@" {output}', "sh", *command],
        env=terminal.environment(
            TRADEWORTHY_TOKEN_FILE=str(terminal.deployed.token_file("ana")), **extra
        ),
        capture_output=True,
        check=False,
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device")  # noqa: PTH110
@pytest.mark.parametrize(
    "words",
    [
        ["models", "list"],
        ["models", "list", "--json"],
        ["--version"],
        ["--help"],
        ["train", "--help"],
        ["models"],
        [],
    ],
)
@pytest.mark.parametrize("output", [">&-", ">/dev/full", ">/dev/full <&-"])
def test_what_cannot_be_written_is_a_line_and_a_number(
    words: list[str], output: str, terminal: Terminal
) -> None:
    ended = to_closed(terminal, *words, output=output)
    said = ended.stderr.decode()
    assert (ended.returncode, len(said.splitlines())) == (7, 1), said
    assert said.startswith("standard output cannot be written: ")


def test_a_script_that_reads_no_standard_error_still_gets_the_exit_code(terminal: Terminal) -> None:
    full = ["2>/dev/full"] if Path("/dev/full").exists() else []
    for words, code in ((["models", "status", "nothing"], 4), (["models", "lst"], 2)):
        for output in ("2>&-", "2>&- <&-", *full):
            ended = to_closed(terminal, *words, output=output)
            assert (ended.returncode, ended.stdout) == (code, b"")


def test_an_answer_is_written_where_standard_error_cannot_be(terminal: Terminal) -> None:
    for output in ("2>&-", "2>&- <&-"):
        ended = to_closed(terminal, "models", "list", "--json", output=output)
        assert (ended.returncode, json.loads(ended.stdout)[0]["name"]) == (0, "m")


# Ways past ``sys.stdout``: a descriptor, C's own buffer, a process, the end of Python.
PAST_PYTHON = """
import atexit, ctypes, os, subprocess, sys
sys.__stdout__.write("loud: the first stream\\n")
os.write(1, b"loud: a descriptor\\n")
ctypes.CDLL(None).puts(b"loud: a library")
subprocess.run([sys.executable, "-c", "print('loud: a process')"], check=True)
atexit.register(lambda: print("loud: the end"))
"""


@pytest.mark.slow
def test_what_users_code_writes_past_python_is_no_answer(terminal: Terminal) -> None:
    file = terminal.deployed.strategy.with_name("features.py")
    quiet = to_closed(terminal, "features", "hash", str(file), "--json", output="").stdout
    file.write_text(file.read_text() + PAST_PYTHON)
    for output in ("", "2>&-"):
        loud = to_closed(terminal, "features", "hash", str(file), "--json", output=output)
        assert (loud.returncode, loud.stdout) == (0, quiet), loud.stderr
        assert loud.stderr.count(b"loud: ") == (0 if output else 5)


def test_a_reader_that_has_gone_is_no_error(terminal: Terminal) -> None:
    ended = to_closed(terminal, "models", "list", "--json", output="| true")
    assert ended.stderr == b""


def test_what_the_encoding_of_standard_output_lacks_is_escaped(recorded: Terminal) -> None:
    assert recorded.say("models", "tag", "m", 1, "who", "Zoë漢").code == 0
    for encoding, text in (("ascii", rb"who=Zo\xeb\u6f22"), ("latin-1", b"who=Zo\xeb\\u6f22")):
        words = ("models", "search", "--tag", "who=Zoë漢")
        ended = to_closed(recorded, *words, output="", PYTHONIOENCODING=encoding)
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert text in ended.stdout


PAGE_BYTES = 4096


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has pipes of one page")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_slow_reader_of_a_stream_that_does_not_block_gets_all(
    stream: str, recorded: Terminal
) -> None:
    with Client(
        home=recorded.deployed.home, token_file=recorded.deployed.token_file("ana")
    ) as client:
        for _ in range(20):
            client.draft_version("m")
    words = ["models", "versions", "m", "--json"] if stream == "stdout" else ["x" * 9000]
    command = [sys.executable, "-m", "tradeworthy", *words]
    both = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    token = str(recorded.deployed.token_file("ana"))
    environment = recorded.environment(TRADEWORTHY_TOKEN_FILE=token)
    whole = subprocess.run(
        command, env=environment, check=False, **(both | {stream: subprocess.PIPE})
    )
    answer = getattr(whole, stream)
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PAGE_BYTES)
    os.set_blocking(writer, False)
    with subprocess.Popen(command, env=environment, **(both | {stream: writer})) as process:
        until(lambda: not select.select([], [writer], [], 0)[1], lambda: process.poll() is None)
        os.close(writer)
        # A page is free again only once all of it is read, and that is byte by byte.
        with os.fdopen(reader, "rb", buffering=0) as pipe:
            read = b"".join(iter(lambda: pipe.read(1), b""))
    assert len(answer) > PAGE_BYTES
    assert (process.returncode, read) == (whole.returncode, answer)
