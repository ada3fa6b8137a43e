"""A command that is interrupted ends with 130, whatever Python was doing when the signal came."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Each sends itself the signal at its line, and says so if it is still there when it is waited for.
WHILE_IT_RUNS = "interrupt()"
IN_A_CALLBACK = """
class Thing: pass
thing = Thing()
kept = weakref.ref(thing, lambda _: interrupt())
del thing
"""
IN_A_FINALIZER = """
class Thing:
    def __del__(self): interrupt()
Thing()
"""
IN_A_GENERATOR_THAT_ENDS = """
def numbers():
    try: yield 1
    finally: interrupt()
next(numbers())
"""
IN_EXEC = "exec('interrupt()', globals())"
TWICE = IN_A_CALLBACK + IN_A_FINALIZER
IN_WHAT_HEARS_OF_ONE = """
seen = sys.unraisablehook
def trace(frame, event, argument):
    if frame.f_code is seen.__code__:
        sys.settrace(None)
        interrupt()
class Thing:
    def __del__(self):
        sys.settrace(trace)
        raise ValueError
Thing()
"""
TWICE_AT_ONCE = (
    IN_A_CALLBACK
    + """
try:
    interrupt()
finally:
    threading.Event().wait(0.1)
    print("cleaned up", flush=True)
"""
)
AS_THE_LAST_THING = IN_A_CALLBACK + "sys.exit(3)"
COMMAND = """
import os, signal, sys, threading, weakref
from tradeworthy.cli import app
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000): pass
def command():
    exec(compile({body!r}, "command", "exec"), globals())
    threading.Event().wait()
app.app = command
app.run()
"""


def _run(body: str, folder: Path, *, before: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "command.py").write_text(before + COMMAND.format(body=body))
    # Python ends itself by a signal that it has marked only where it runs a module.
    return subprocess.run(
        [sys.executable, "-m", "command"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        WHILE_IT_RUNS,
        IN_A_CALLBACK,
        IN_A_FINALIZER,
        IN_A_GENERATOR_THAT_ENDS,
        IN_EXEC,
        TWICE,
        IN_WHAT_HEARS_OF_ONE,
    ],
)
def test_an_interrupt_is_heard(body: str, tmp_path: Path) -> None:
    done = _run(body, tmp_path)
    assert done.returncode == 130, done.stderr
    assert done.stderr.splitlines()[-1] == "stopped"


@pytest.mark.slow
def test_what_cleans_up_is_not_interrupted_by_what_was_dropped_before(tmp_path: Path) -> None:
    done = _run(TWICE_AT_ONCE, tmp_path)
    assert (done.returncode, done.stdout) == (130, "cleaned up\n"), done.stderr


@pytest.mark.slow
def test_one_that_is_dropped_at_the_end_counts(tmp_path: Path) -> None:
    assert _run(AS_THE_LAST_THING, tmp_path).returncode == 130


@pytest.mark.slow
def test_other_errors_that_python_drops_are_still_shown(tmp_path: Path) -> None:
    body = "class Thing:\n    def __del__(self): raise ValueError('lost')\nThing()\ninterrupt()"
    done = _run(body, tmp_path)
    assert done.returncode == 130
    assert "ValueError: lost" in done.stderr


@pytest.mark.slow
def test_what_whoever_started_it_ignores_stays_ignored(tmp_path: Path) -> None:
    ignore = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    done = _run(
        "interrupt(); print('still here', flush=True); os._exit(0)", tmp_path, before=ignore
    )
    assert (done.returncode, done.stdout) == (0, "still here\n"), done.stderr
