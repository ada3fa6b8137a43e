"""The process that runs users' code dies, hangs, prints; the service goes on."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from processes import alive, children_of, command_line
from tradeworthy.errors import StrategyInvalid
from tradeworthy.evaluation.child import MAX_REPLY, MAX_SAID
from tradeworthy.evaluation.fork_server import SERVER
from tradeworthy.evaluation.process import EvaluationProcess
from tradeworthy.evidence.evaluation_request import EvaluationRequest
from training.strategy_workshop import (
    LIGHT,
    edited,
    market,
    request_for,
    trained,
    write_strategy,
)
from waiting import until

BARS = market(700)
LONG = 86_400.0

# Trains as ever, but does what a file beside it says first; nothing of it is in its hash's way.
# It leaves notes where a fence lets it: in shared memory.
MISCHIEF = """
def train(table, config):
    import os, pathlib, time
    folder, notes = pathlib.Path({folder!r}), pathlib.Path({notes!r})
    if (folder / "do.txt").exists():
        (notes / "pid.txt").write_text(str(os.getpid()))
        exec((folder / "do.txt").read_text())
    return LinearRegression()"""


@pytest.fixture(scope="module")
def process() -> Iterator[EvaluationProcess]:
    """A process with plenty of time, the same for all: what one does to it reaches no other."""
    made = EvaluationProcess(LONG)
    yield made
    made.close()


@pytest.fixture(scope="module")
def notebook() -> Iterator[Path]:
    """A folder that evaluations can write to."""
    shared = Path("/dev") / "shm"
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def notes(notebook: Path) -> Iterator[Path]:
    """The same, empty."""
    yield notebook
    for each in notebook.iterdir():
        each.unlink()


@pytest.fixture(scope="module")
def mischievous(notebook: Path, tmp_path_factory: pytest.TempPathFactory) -> EvaluationRequest:
    """An evaluation that does as the request says."""
    folder = tmp_path_factory.mktemp("mischief")
    train = MISCHIEF.format(folder=str(folder), notes=str(notebook))[1:]
    text = edited(LIGHT, "def train(table, config):\n    return LinearRegression()", train)
    file = write_strategy(folder, text)
    return request_for(file, trained(file, BARS), BARS)


@pytest.fixture
def reported(mischievous: EvaluationRequest, notes: Path) -> Iterator[Path]:
    """The file that says what to do; what is done leaves notes."""
    assert not list(notes.iterdir())
    path = Path(mischievous.strategy_file).parent / "do.txt"
    yield path
    path.unlink(missing_ok=True)


def test_what_kills_it_is_reported_and_the_next_one_works(
    process: EvaluationProcess, mischievous: EvaluationRequest, reported: Path
) -> None:
    for deed, message in (
        ("os._exit(7)", "died .exit status 7."),
        ("os.kill(os.getpid(), 9)", "died .exit status -9."),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("input()", "EOFError"),
    ):
        reported.write_text(deed)
        with pytest.raises(StrategyInvalid, match=message):
            process(mischievous)
    reported.unlink()
    assert process(mischievous).training_data_rebuilt


def test_what_it_prints_is_no_answer(
    process: EvaluationProcess,
    mischievous: EvaluationRequest,
    reported: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    quiet = process(mischievous)
    reported.write_text("print('{\"evidence\": {}}'); os.write(1, b'noise\\n')")
    assert process(mischievous).digest == quiet.digest
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "noise" in captured.err
    assert '{"evidence": {}}' in captured.err


def test_of_endless_printing_the_beginning_is_kept(
    process: EvaluationProcess,
    mischievous: EvaluationRequest,
    reported: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    reported.write_text("for _ in range(1000): os.write(2, b'x' * 100_000)")
    assert process(mischievous).training_data_rebuilt
    said = capfd.readouterr().err
    assert len(said) < 2 * MAX_SAID
    assert "bytes more" in said


def test_children_find_loaded_what_the_last_one_needed(
    mischievous: EvaluationRequest, reported: Path
) -> None:
    others = _evaluations()
    process = EvaluationProcess(LONG)
    reported.write_text("import sklearn.linear_model")
    process(mischievous)
    (server,) = _evaluations() - others
    until(lambda: "/sklearn/" in Path(f"/proc/{server}/maps").read_text())
    process.close()


def test_what_is_installed_meanwhile_is_used(
    process: EvaluationProcess,
    mischievous: EvaluationRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    process(mischievous)
    before = _evaluations()
    process(mischievous)
    assert _evaluations() == before
    (tmp_path / "a_library").mkdir()
    process(mischievous)
    assert len(_evaluations() - before) == 1


EVERYWHERE = """
for each in range(3, 64):
    try:
        os.write(each, {text})
    except OSError:
        pass
"""
FORGERIES = {
    "an answer": EVERYWHERE.format(text=rb'{"evidence": {}}' + b"\n"),
    "an answer under another seal": EVERYWHERE.format(text=b"0" * 32 + b' {"evidence": {}}\n'),
    "a word without an end": EVERYWHERE.format(text=b"noise"),
    "no pipe at all": "os.closerange(0, 4096)",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_whoever_touches_the_answer_spoils_it(
    forgery: str, process: EvaluationProcess, mischievous: EvaluationRequest, reported: Path
) -> None:
    reported.write_text(FORGERIES[forgery])
    with pytest.raises(StrategyInvalid, match=r"which is void|process died"):
        process(mischievous)
    reported.unlink()
    assert process(mischievous).training_data_rebuilt


# Code that means to can find the seal; what it writes under it is read with no more trust.
UNDER_THE_SEAL = """
import sys
frame = sys._getframe()
while "replies" not in frame.f_locals:
    frame = frame.f_back
seal, pipe = frame.f_locals["message"]["seal"], frame.f_locals["replies"]
pipe.write(seal.encode() + b" - " + {text}); pipe.flush()
time.sleep(600)
"""
HOSTILE = {
    "a key twice": (r"""b'{"evidence": {}, "evidence": {}}\n'""", "the key 'evidence' twice"),
    "too much": (f"b' ' * {2 * MAX_REPLY}", f"more than {MAX_REPLY} bytes"),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_is_no_answer_is_refused_whoever_wrote_it(
    hostile: str, process: EvaluationProcess, mischievous: EvaluationRequest, reported: Path
) -> None:
    text, message = HOSTILE[hostile]
    reported.write_text(UNDER_THE_SEAL.format(text=text))
    with pytest.raises(StrategyInvalid, match=message):
        process(mischievous)
    reported.unlink()
    assert process(mischievous).training_data_rebuilt


BEYOND = {
    "another strategy": "pathlib.Path({home!r}, 'strategies', 'b.py').write_text('')",
    "a library": "pathlib.Path(np.__file__).with_name('evil.py').write_text('')",
    "its own file": "pathlib.Path(__file__).open('a')",
    "to cut a file": "os.truncate(__file__, 0)",
    "to take a file away": "os.remove(__file__)",
    "a link in a file's place": "os.symlink('/', __file__ + '.link')",
    "the key": "pathlib.Path({home!r}, 'token.key').read_text()",
    "the key by a link": "pathlib.Path({home!r}, 'strategies', 'link').read_text()",
    "the environment of its server": "open(f'/proc/{{os.getppid()}}/environ').read()",
    "the memory of its server": "open(f'/proc/{{os.getppid()}}/mem', 'rb')",
    "to stop its server": "os.kill(os.getppid(), 19)",
    "the environment of the service": "open('/proc/{service}/environ').read()",
    "the memory of the service": "open('/proc/{service}/mem', 'rb')",
    "to stop the service": "os.kill({service}, 19)",
}


@pytest.fixture(scope="module")
def fenced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EvaluationProcess, Path]]:
    """A process that may not read a home but for its strategies."""
    home = tmp_path_factory.mktemp("home")
    (home / "strategies").mkdir()
    (home / "strategies" / "open.txt").write_text("open")
    (home / "token.key").write_text("hush")
    (home / "strategies" / "link").symlink_to(home / "token.key")
    made = EvaluationProcess(LONG, private=home, readable=[home / "strategies"])
    yield made, home
    made.close()


@pytest.mark.parametrize("deed", BEYOND)
def test_there_is_no_way_beyond_the_fence(
    deed: str,
    fenced: tuple[EvaluationProcess, Path],
    mischievous: EvaluationRequest,
    reported: Path,
) -> None:
    process, home = fenced
    reported.write_text(BEYOND[deed].format(home=str(home), service=os.getpid()))
    before = Path(mischievous.strategy_file).read_bytes()
    with pytest.raises(StrategyInvalid, match="PermissionError"):
        process(mischievous)
    assert Path(mischievous.strategy_file).read_bytes() == before


WITHIN = """
import multiprocessing, subprocess, tempfile
assert pathlib.Path({home!r}, 'strategies', 'open.txt').read_text() == 'open'
with tempfile.TemporaryDirectory() as own:
    pathlib.Path(own, 'a').write_text('x')
    os.rename(pathlib.Path(own, 'a'), pathlib.Path.home() / 'b')
pathlib.Path('c').write_text('y')
subprocess.run(['true'], check=True, stdout=subprocess.DEVNULL)
other = multiprocessing.Process(target=time.sleep, args=(600,))
other.start(); other.kill(); other.join()
lock = multiprocessing.Lock()
pathlib.Path('/dev/null').write_text('z')
"""


def test_within_the_fence_there_is_what_libraries_need(
    fenced: tuple[EvaluationProcess, Path], mischievous: EvaluationRequest, reported: Path
) -> None:
    process, home = fenced
    reported.write_text(WITHIN.format(home=str(home)))
    assert process(mischievous).training_data_rebuilt


def test_a_folder_that_is_put_in_the_place_of_another_is_read(
    mischievous: EvaluationRequest, reported: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "home" / "strategies"
    process = EvaluationProcess(LONG, private=folder.parent, readable=[folder])
    for content in ("first", "second"):
        made = tmp_path / content
        made.mkdir()
        (made / "open.txt").write_text(content)
        if folder.exists():
            folder.rename(tmp_path / "old")
        folder.parent.mkdir(exist_ok=True)
        made.rename(folder)
        reported.write_text(
            f"assert pathlib.Path({str(folder)!r}, 'open.txt').read_text() == {content!r}"
        )
        assert process(mischievous).training_data_rebuilt
    process.close()


@pytest.mark.parametrize("busy", [False, True])
def test_a_server_that_somebody_ends_is_replaced(
    busy: bool, mischievous: EvaluationRequest, reported: Path, notes: Path
) -> None:
    others = _evaluations()
    process = EvaluationProcess(LONG)
    process(mischievous)
    (server,) = _evaluations() - others
    if busy:
        reported.write_text("time.sleep(600)")
        (notes / "pid.txt").unlink(missing_ok=True)
        with ThreadPoolExecutor(1) as thread:
            running = thread.submit(process, mischievous)
            until(lambda: noted_pid(notes) is not None, lambda: not running.done())
            os.kill(server, signal.SIGKILL)
            with pytest.raises(StrategyInvalid, match="exit status -9"):
                running.result()
        child = noted_pid(notes)
        assert child is not None
        until(lambda: not alive(child))
        reported.unlink()
    else:
        os.kill(server, signal.SIGKILL)
        # It may still be dying when it is looked for.
        with suppress(StrategyInvalid):
            process(mischievous)
    assert process(mischievous).training_data_rebuilt
    process.close()


def noted_pid(notes: Path) -> int | None:
    """Return the process that evaluates, once it has said so."""
    file = notes / "pid.txt"
    text = file.read_text() if file.exists() else ""
    return int(text) if text else None


POISON = """
import numpy, polars
import tradeworthy.evaluation.evaluate as evaluation, tradeworthy.backtest.run as backtest
evaluation.run_data_guards = lambda bars: ()
evaluation.look_ahead_report = lambda *_, **__: None
evaluation.dataset_hash = lambda table: '0' * 64
backtest.performance_metrics = lambda *_, **__: {'sharpe': 9.0}
polars.DataFrame.filter = lambda self, *_: self
numpy.sign = numpy.abs
os.chdir('/'); os.environ['POLARS_MAX_THREADS'] = '1'
"""


def test_what_one_strategy_does_to_its_process_reaches_no_other(
    process: EvaluationProcess, mischievous: EvaluationRequest, reported: Path
) -> None:
    honest = process(mischievous).digest
    for _ in range(2):
        reported.write_text(POISON)
        with suppress(StrategyInvalid):
            assert process(mischievous).digest != honest
        reported.unlink()
        assert process(mischievous).digest == honest


def test_every_evaluation_has_a_process_of_its_own_whatever_the_thread(
    process: EvaluationProcess, mischievous: EvaluationRequest, reported: Path, notes: Path
) -> None:
    trail = notes / "trail.txt"
    reported.write_text(f"open({str(trail)!r}, 'a').write(f'{{os.getpid()}} {{os.getcwd()}}\\n')")
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: process(mischievous).digest, range(4)))
    assert len(set(found)) == 1
    runs = dict.fromkeys(trail.read_text().splitlines())
    pids, folders = zip(*(run.split() for run in runs), strict=True)
    assert len(set(pids)) == len(set(folders)) == 4
    assert not any(alive(int(pid)) for pid in pids)
    assert not any(Path(folder).exists() for folder in folders)


def test_random_numbers_are_of_each_evaluation(
    process: EvaluationProcess, mischievous: EvaluationRequest, reported: Path, notes: Path
) -> None:
    drawn = notes / "drawn.txt"
    reported.write_text(
        "import random; import numpy\n"
        f"with pathlib.Path({str(drawn)!r}).open('a') as file:\n"
        "    file.write(f'{os.getpid()} {random.random()} {numpy.random.random()}\\n')"
    )
    for _ in range(3):
        process(mischievous)
    rows = [line.split() for line in drawn.read_text().splitlines()]
    assert len({pid for pid, *_ in rows}) == 3
    for column in (1, 2):
        assert len({row[column] for row in rows}) == len(rows)


def test_the_secrets_of_the_service_are_not_in_its_environment(
    mischievous: EvaluationRequest,
    reported: Path,
    notes: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("TRADEWORTHY_TOKEN_KEY", "TRADEWORTHY_DATABASE_URL", "AWS_SECRET", "PGPASSWORD"):
        monkeypatch.setenv(name, "hush")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    seen = notes / "seen.txt"
    reported.write_text(
        f"import json; pathlib.Path({str(seen)!r}).write_text(json.dumps(dict(os.environ)))"
    )
    process = EvaluationProcess(LONG)
    assert process(mischievous).training_data_rebuilt
    process.close()
    environment = json.loads(seen.read_text())
    assert "hush" not in environment.values()
    assert environment["OMP_NUM_THREADS"] == "1"
    assert environment["HOME"] == environment["TMPDIR"] != os.environ["HOME"]


def test_files_are_found_from_the_folder_of_the_service(
    process: EvaluationProcess, mischievous: EvaluationRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(mischievous.strategy_file).parent
    monkeypatch.chdir(folder.parent)
    near = {
        name: str(Path(getattr(mischievous, name)).relative_to(folder.parent))
        for name in ("strategy_file", "artifact_file", "dataset_file")
    }
    assert process(replace(mischievous, **near)).training_data_rebuilt


def test_it_is_killed_in_the_middle(
    process: EvaluationProcess, mischievous: EvaluationRequest, reported: Path, notes: Path
) -> None:
    reported.write_text("time.sleep(600)")
    pid = notes / "pid.txt"

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(process, mischievous)
        until(lambda: pid.exists() and pid.read_text() != "", lambda: not running.done())
        os.kill(int(pid.read_text()), signal.SIGKILL)
        with pytest.raises(StrategyInvalid, match="exit status -9"):
            running.result()
    reported.unlink()
    assert process(mischievous).training_data_rebuilt


# Leaves the process group, its parent and its environment, as a daemon does.
DAEMON = """
import subprocess, sys
subprocess.run(["sh", "-c", "setsid sleep 600 & echo $! > {child}"], check=True, env={{}})
subprocess.Popen(["sleep", "600"])
subprocess.Popen(["setsid", "sh", "-c", "setsid sleep 600 & sleep 600"], env={{}})
"""


@pytest.mark.parametrize("ending", ["time.sleep(600)", "os._exit(3)", ""])
def test_nothing_that_it_started_is_left(
    ending: str, mischievous: EvaluationRequest, reported: Path, notes: Path
) -> None:
    child = notes / "child.txt"
    reported.write_text(DAEMON.format(child=child) + ending)
    process = EvaluationProcess(LONG)
    began = threading.Thread(target=_evaluate_in_vain, args=(process, mischievous))
    began.start()
    until(lambda: child.exists() and child.read_text().strip() != "", began.is_alive)
    process.close()
    began.join()
    for file in (notes / "pid.txt", child):
        until(lambda file=file: not alive(int(file.read_text())))


# A fork that leaves its group keeps the pipes, which a program that is started does not.
FORKED = """
import signal
note = pathlib.Path({child!r})
if not note.exists() and os.fork() == 0:
    os.setsid()
    note.write_text(str(os.getpid()))
    {first}
    time.sleep(600)
while not (note.exists() and note.read_text()): time.sleep(0.01)
"""
HIDING = {
    "it stays": "pass",
    "a name that is no text": "__import__('ctypes').CDLL(None).prctl(15, b'\\xff\\xfe', 0, 0, 0)",
    "a name with brackets": "__import__('ctypes').CDLL(None).prctl(15, b') S 1 (', 0, 0, 0)",
    "it traces its parent": "__import__('ctypes').CDLL(None).ptrace(0x4206, os.getppid(), 0, 0)",
    "it ignores what can be ignored": "signal.signal(15, signal.SIG_IGN)",
    "it is stopped": "os.kill(os.getpid(), 19)",
}


ENDINGS = {
    "time.sleep(600)": "exit status -9",
    "os._exit(7)": "exit status 7",
    "raise ValueError('own')": "own",
    "": "None",
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("hiding", HIDING)
def test_a_fork_of_it_ends_with_it_and_holds_nobody_up(
    hiding: str, ending: str, mischievous: EvaluationRequest, reported: Path, notes: Path
) -> None:
    child = notes / "child.txt"
    reported.write_text(FORKED.format(child=str(child), first=HIDING[hiding]) + ending)
    process = EvaluationProcess(LONG)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(process, mischievous)
        until(lambda: running.done() or (child.exists() and child.read_text() != ""))
        if ending == "time.sleep(600)":
            process.interrupt()
        assert ENDINGS[ending] in str(running.exception())
    left = int(child.read_text())
    process.close()
    assert not alive(left)


LITTER = {
    "deeper than a path can be": "for _ in range(3000): os.mkdir('deeper'); os.chdir('deeper')",
    "closed to its owner": "os.makedirs('a/b'); open('a/b/c', 'w').close(); os.chmod('a', 0)",
    "links": "os.symlink('/', 'a'); os.mkdir('d'); os.symlink('..', 'd/up'); os.link('a', 'b')",
    "a pipe": "os.mkfifo('pipe')",
}


@pytest.mark.parametrize("litter", LITTER)
def test_what_it_leaves_in_its_folder_is_removed(
    litter: str,
    mischievous: EvaluationRequest,
    reported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    process = EvaluationProcess(LONG)
    # A strategy is trained fold by fold.
    once = "if not pathlib.Path(os.environ['HOME'], 'once').exists():"
    reported.write_text(f"{once}\n open('once', 'w').close()\n {LITTER[litter]}")
    process(mischievous)
    (folder,) = tmp_path.iterdir()
    assert list(folder.iterdir()) == []
    reported.unlink()
    assert process(mischievous).training_data_rebuilt
    process.close()
    assert list(tmp_path.iterdir()) == []


# Reports each training, and stays in one of them or goes on.
MOMENTS = """
with (notes / "trainings.txt").open("a") as file: file.write("x")
if (notes / "trainings.txt").stat().st_size == {moment}:
    (notes / "reached.txt").touch()
    {then}
"""


def test_an_interrupt_at_any_moment_is_not_for_the_next_one(
    process: EvaluationProcess, mischievous: EvaluationRequest, reported: Path, notes: Path
) -> None:
    reported.write_text(MOMENTS.format(moment=0, then="pass"))
    process(mischievous)
    trainings = (notes / "trainings.txt").stat().st_size
    for moment in (0, 1, trainings // 2, trainings):
        for then in ("pass", "time.sleep(600)"):
            (notes / "trainings.txt").unlink(missing_ok=True)
            (notes / "reached.txt").unlink(missing_ok=True)
            reported.write_text(MOMENTS.format(moment=moment, then=then))
            with ThreadPoolExecutor(1) as thread:
                running = thread.submit(process, mischievous)
                if moment:
                    until((notes / "reached.txt").exists, lambda: not running.done())  # noqa: B023
                process.interrupt()
                if moment and then != "pass":
                    with pytest.raises(StrategyInvalid, match="exit status -9, killed"):
                        running.result()
                # Where nothing waits for it, it comes before, within or after the evaluation.
                elif (error := running.exception()) is not None:
                    assert "exit status -9" in str(error)
            reported.unlink()
            assert process(mischievous).training_data_rebuilt


def test_a_standard_error_that_is_closed_spoils_no_evaluation(
    process: EvaluationProcess,
    mischievous: EvaluationRequest,
    reported: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process(mischievous)
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    reported.write_text("print('noise')")
    for _ in range(2):
        assert process(mischievous).training_data_rebuilt


def _evaluate_in_vain(process: EvaluationProcess, request: EvaluationRequest) -> None:
    with suppress(StrategyInvalid):
        process(request)


def test_what_takes_too_long_is_stopped(mischievous: EvaluationRequest, reported: Path) -> None:
    reported.write_text("time.sleep(600)")
    hasty = EvaluationProcess(0.5)
    with pytest.raises(StrategyInvalid, match="raise TRADEWORTHY_EVALUATION_SECONDS"):
        hasty(mischievous)
    hasty.close()


def test_an_interrupt_ends_the_evaluation_and_not_the_next(
    process: EvaluationProcess, mischievous: EvaluationRequest, reported: Path, notes: Path
) -> None:
    process.interrupt()
    reported.write_text("time.sleep(600)")
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(process, mischievous)
        until((notes / "pid.txt").exists, lambda: not running.done())
        process.interrupt()
        with pytest.raises(StrategyInvalid, match="exit status -9, killed"):
            running.result()
    reported.unlink()
    assert process(mischievous).training_data_rebuilt


def test_closed_it_evaluates_nothing_and_leaves_nothing(
    mischievous: EvaluationRequest, reported: Path, notes: Path
) -> None:
    others = _evaluations()
    process = EvaluationProcess(LONG)
    assert process(mischievous).training_data_rebuilt
    reported.write_text("time.sleep(600)")
    with ThreadPoolExecutor(3) as threads:
        running = [threads.submit(process, mischievous) for _ in range(3)]
        until((notes / "pid.txt").exists, lambda: not any(each.done() for each in running))
        process.close()
        for each in running:
            with pytest.raises(StrategyInvalid, match=r"exit status -9|is stopping"):
                each.result()
    process.close()
    assert _evaluations() <= others


ALONE = """
import json, sys
from tradeworthy.evaluation.child import MAX_SAID
from tradeworthy.evaluation.process import EvaluationProcess
from tradeworthy.evidence.evaluation_request import EvaluationRequest
from tradeworthy.evidence.evaluation_settings import EvaluationSettings
reported = json.loads(sys.stdin.read())
settings = EvaluationSettings(**reported.pop("settings"))
EvaluationProcess(86_400)(EvaluationRequest(settings=settings, **reported))
"""


SHORT_OF_FILES = """
import os, resource, sys
from tradeworthy.errors import HomeUnusable
process, request = EvaluationProcess(86_400), EvaluationRequest(settings=settings, **reported)
def files():
    return [int(name) for name in os.listdir("/proc/self/fd")]
process(request)
before, (soft, hard) = len(files()), resource.getrlimit(resource.RLIMIT_NOFILE)
refused = []
for free in range(14):
    if replaced:
        sys.path.append(f"/none/{free}")
    unused = sorted({*range(4096)} - {*files()})
    resource.setrlimit(resource.RLIMIT_NOFILE, (unused[free], hard))
    try:
        process(request)
    except HomeUnusable:
        refused.append(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
process(request)
lost = len(files()) - before
process.close()
print(json.dumps([refused, lost]))
"""


@pytest.mark.parametrize("replaced", [False, True])
def test_a_service_short_of_files_loses_none(
    replaced: bool, mischievous: EvaluationRequest, tmp_path: Path
) -> None:
    script = ALONE.rpartition("EvaluationProcess(")[0] + f"replaced = {replaced}" + SHORT_OF_FILES
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(asdict(mischievous)),
        capture_output=True,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        check=True,
    )
    refused, lost = json.loads(done.stdout.splitlines()[-1])
    assert refused == [*range(len(refused))]
    assert 3 < len(refused) < 14
    assert lost == 0
    assert list(tmp_path.iterdir()) == []


def test_neither_it_nor_its_files_outlive_a_service_that_is_killed(
    mischievous: EvaluationRequest, reported: Path, notes: Path, tmp_path: Path
) -> None:
    reported.write_text("while True: pass")
    pid = notes / "pid.txt"
    service = subprocess.Popen(
        [sys.executable, "-c", ALONE],
        stdin=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert service.stdin is not None
    service.stdin.write(json.dumps(asdict(mischievous)))
    service.stdin.close()
    until(lambda: pid.exists() and pid.read_text() != "", lambda: service.poll() is None)
    assert list(tmp_path.iterdir()) != []
    service.kill()
    service.wait()
    until(lambda: not alive(int(pid.read_text())))
    until(lambda: list(tmp_path.iterdir()) == [])


@pytest.mark.parametrize("started", ["before", "meanwhile"])
def test_a_service_with_many_files_open(started: str, mischievous: EvaluationRequest) -> None:
    """Whether its server was started before they were opened or has a socket beyond them all."""
    process = EvaluationProcess(LONG)
    if started == "before":
        assert process(mischievous).training_data_rebuilt
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2048, hard), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert process(mischievous).training_data_rebuilt
    finally:
        for each in opened:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        process.close()


def _evaluations() -> set[int]:
    return {pid for pid in children_of(os.getpid()) if SERVER in command_line(pid)}
