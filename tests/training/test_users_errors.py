"""An error of users' code names the user's file and line, wherever it is raised, in 2 kB."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tradeworthy.base.files.whole_error import keep_whole_text
from tradeworthy.errors import InvalidInput, StrategyInvalid, TradeworthyError
from tradeworthy.evaluation.process import EvaluationProcess
from tradeworthy.manifest.files.git_tree import read_git_tree
from tradeworthy.training.candidate import train_candidate
from tradeworthy.training.strategy_file import load_strategy
from training.home_workshop import make_deployed_home
from training.strategy_workshop import (
    FEATURES,
    LIGHT,
    TRAIN_END,
    WINDOWS,
    commit,
    data_of,
    edited,
    market,
    request_for,
    trained,
    write_strategy,
)

BARS = market(700)
MOST = 2048
MARK = "# raises here"
# What users' code may raise: every one of them as a statement.
ERRORS = {
    "a mistake": "{}['chnge']",
    "an exit": "raise SystemExit(3)",
    "no exception": "raise type('Left', (BaseException,), {})('gone')",
    "a megabyte": "raise ValueError('x' * 1_500_000)",
    "a text that fails": "raise type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})()",
    "a text that exits": "raise type('Out', (Exception,), {'__str__': lambda self: exit(4)})()",
    "halves of characters": "raise ValueError('\\ud800' * 3_000)",
    "endless calls": "(lambda call: call(call))(lambda call: call(call))",
    "a product's error without a message": (
        "import tradeworthy; raise type('Own', (tradeworthy.errors.InvalidInput,), "
        "{'__init__': lambda self: None})()"
    ),
    "a product's error of halves of characters": (
        "import tradeworthy; raise tradeworthy.errors.InvalidInput('\\ud800' * 3_000)"
    ),
    "a cause that exits": (
        "raise type('E', (Exception,), {'__cause__': property(lambda self: exit(0))})('why')"
    ),
    "what a terminal obeys": (
        "raise type('Na\\x1b[2Jme', (Exception,), {})('\\x1b[31mall gates pass\\x07\\u202e\\x9b')"
    ),
    "a group": "raise ExceptionGroup('two', [ValueError('y' * 5_000), KeyError('z')])",
    "an error of the product": "import tradeworthy; tradeworthy.dataset_hash(3)",
    "an error of the product that is long": (
        "import tradeworthy; raise tradeworthy.errors.InvalidInput('w' * 90_000, all='w' * 90_000)"
    ),
}
FAILING = {
    "train": ("def train(table, config):\n", "def train(table, config):\n    {}\n"),
    "signal": (
        "def target_weight(predictions, rows, config):\n",
        "def target_weight(predictions, rows, config):\n    {}\n",
    ),
    "predict": ("        return x[:, 0]\n", "        {}\n        return x[:, 0]\n"),
    "export": ("    def to_onnx(self):\n", "    def to_onnx(self):\n        {}\n"),
    "import": ("strategy = Strategy(", "{}\nstrategy = Strategy("),
    "a helper": ("import numpy as np\n", "import numpy as np\nimport helper\n"),
}


def failing(folder: Path, place: str, statement: str) -> Path:
    old, new = FAILING[place]
    text = edited(LIGHT, old, new.replace("{}", f"{statement}  {MARK}"))
    file = write_strategy(folder, text)
    (folder / "helper.py").write_text(f"def fail():\n    {statement}  {MARK}\n\nfail()\n")
    return file


def line_of(file: Path) -> str:
    (number,) = (n for n, line in enumerate(file.read_text().splitlines(), 1) if MARK in line)
    return f"{file.name}:{number} in "


def check(error: TradeworthyError, where: str, folder: Path) -> None:
    """Hold an error against the law; of what was too long the file is there, and holds it."""
    assert where in error.message
    assert len(error.message.encode()) <= MOST
    assert error.message.isprintable()
    assert str(folder) not in error.message
    if "characters more" in error.message:
        kept = re.search(r"; the whole text is in (\S+)$", error.message)
        assert kept is not None, error.message
        assert error.details["whole_text"] == kept[1]
        text = Path(kept[1]).read_text()
        assert where in text
        assert len(text) > MOST
        assert Path(kept[1]).stat().st_mode & 0o77 == 0


def train(file: Path) -> None:
    """Train as a command does, which keeps what is too long for a message."""
    try:
        train_candidate(
            load_strategy(file), data_of(BARS), config={}, train_end=TRAIN_END, windows=WINDOWS
        )
    except TradeworthyError as error:
        keep_whole_text(error)
        raise


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("statement", ERRORS)
def test_any_error_in_train(statement: str, tmp_path: Path) -> None:
    file = failing(tmp_path, "train", ERRORS[statement])
    with pytest.raises(TradeworthyError) as caught:
        train(file)
    check(caught.value, line_of(file), tmp_path)


@pytest.mark.parametrize("place", ["predict", "export", "import", "a helper"])
@pytest.mark.parametrize("statement", ["a mistake", "no exception", "a megabyte"])
def test_wherever_it_runs_in_training(place: str, statement: str, tmp_path: Path) -> None:
    file = failing(tmp_path, place, ERRORS[statement])
    with pytest.raises(StrategyInvalid) as caught:
        train(file)
    raised = file.with_name("helper.py") if place == "a helper" else file
    check(caught.value, line_of(raised), tmp_path)


FEATURE_ERRORS = {
    "in its body": "    1 / 0  # raises here\n    return close",
    "in its expression": "    return close.cast(pl.List(pl.Int8)) / pl.col('nowhere')",
    "in a function over values": (
        "    return close.map_batches(lambda values: values['x' * 5_000] / 0)"
    ),
}


@pytest.mark.parametrize("name", FEATURE_ERRORS)
@pytest.mark.parametrize("feature", ["momentum", "next_change"])
def test_in_a_feature_and_a_label(name: str, feature: str, tmp_path: Path) -> None:
    body = {
        "momentum": "    return close / close.shift(10) - 1",
        "next_change": "    return close.shift(-1) / close - 1",
    }[feature]
    text = edited(FEATURES, body, FEATURE_ERRORS[name])
    file = write_strategy(tmp_path, LIGHT, text).with_name("features.py")
    with pytest.raises(StrategyInvalid) as caught:
        train(file.with_name("trend.py"))
    where = line_of(file) if MARK in text else "features.py:"
    check(caught.value, where, tmp_path)
    assert f"feature {feature}@1" in caught.value.message
    assert f"in {feature}" in caught.value.message or "in <lambda>" in caught.value.message


def test_the_causes_of_an_error_are_named_with_their_lines(tmp_path: Path) -> None:
    file = failing(tmp_path, "a helper", "try: {}[1]")
    (tmp_path / "helper.py").write_text(
        "try:\n    {}[1]\nexcept KeyError as error:\n    raise ValueError(7) from error\n"
    )
    with pytest.raises(StrategyInvalid) as caught:
        train(file)
    assert caught.value.message == (
        "trend.py cannot be imported: ValueError: 7 (trend.py:3 in <module>, helper.py:4 in "
        "<module>); caused by KeyError: 1 (helper.py:2 in <module>)"
    )


def test_a_long_chain_of_errors(tmp_path: Path) -> None:
    file = failing(tmp_path, "a helper", "pass")
    (tmp_path / "helper.py").write_text(
        "cause = None\nfor n in range(5_000):\n    error = ValueError(n)\n"
        "    error.__cause__ = cause\n    cause = error\nraise error  # raises here\n"
    )
    with pytest.raises(StrategyInvalid, match="caused by ValueError: 4998") as caught:
        train(file)
    assert "ValueError: 4999 (" in caught.value.message
    check(caught.value, line_of(tmp_path / "helper.py"), tmp_path)


def test_of_endless_calls_the_last_lines_are_shown(tmp_path: Path) -> None:
    helper = "def up(n):\n    return down(n)\n\n\ndef down(n):\n    return up(n)\n"
    file = write_strategy(
        tmp_path,
        edited(
            edited(LIGHT, "import numpy as np", "import numpy as np\nfrom helper import up"),
            "def train(table, config):\n",
            "def train(table, config):\n    up(1)\n",
        ),
    )
    (tmp_path / "helper.py").write_text(helper)
    with pytest.raises(StrategyInvalid, match="RecursionError") as caught:
        train(file)
    assert "trend.py:" in caught.value.message
    assert "helper.py:2 in up" in caught.value.message
    assert caught.value.message.count("helper.py") <= 4


def test_an_error_of_the_product_keeps_its_kind(tmp_path: Path) -> None:
    statement = "import tradeworthy; raise tradeworthy.errors.InvalidInput('no', field='x')"
    file = failing(tmp_path, "train", statement)
    with pytest.raises(InvalidInput) as caught:
        train(file)
    assert caught.value.message == f"no ({line_of(file)}train)"
    assert caught.value.details == {"field": "x"}


def test_nothing_is_written_where_code_is_only_called(tmp_path: Path, elsewhere: Path) -> None:
    file = failing(tmp_path, "import", ERRORS["a megabyte"])
    with pytest.raises(StrategyInvalid, match="characters more") as caught:
        load_strategy(file)
    assert "x" * 1_500_000 in str(caught.value.whole_text)
    assert list(elsewhere.iterdir()) == []


def test_where_no_file_can_be_written_the_message_says_so(tmp_path: Path, elsewhere: Path) -> None:
    statement = "import os; os.rmdir(os.getcwd()); raise ValueError('x' * 9999)"
    file = failing(tmp_path, "train", statement)
    with pytest.raises(StrategyInvalid, match="cannot be kept here") as caught:
        train(file)
    assert "whole_text" not in caught.value.details
    assert not elsewhere.exists()


def test_a_kept_error_leaves_the_tree_of_code_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = failing(tmp_path / "code", "train", "raise ValueError('x' * 9999)")
    commit(file.parent)
    monkeypatch.chdir(file.parent)
    with pytest.raises(StrategyInvalid, match="whole text is in tradeworthy-errors/"):
        train(file)
    assert read_git_tree(file).dirty is False


CONFIG = """
class Own(dict):
    def __iter__(self):
        1 / 0  # raises here
"""


def test_in_a_configuration_of_a_class_of_ones_own(tmp_path: Path) -> None:
    text = edited(LIGHT, 'config={"weight": 0.5}', 'config=Own({"weight": 0.5})')
    file = write_strategy(tmp_path, edited(text, "strategy = ", CONFIG + "\nstrategy = "))
    with pytest.raises(StrategyInvalid, match="cannot be read: ZeroDivisionError") as caught:
        train(file)
    check(caught.value, line_of(file), tmp_path)


def test_a_folder_of_libraries_is_not_shown(tmp_path: Path) -> None:
    file = failing(tmp_path, "train", "from numpy import no_such_name")
    with pytest.raises(StrategyInvalid, match="cannot import name 'no_such_name'") as caught:
        train(file)
    assert sys.prefix not in caught.value.message
    assert str(Path(pl.__file__).parents[1]) not in caught.value.message


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def process(home: Path) -> Iterator[EvaluationProcess]:
    """Evaluates as a service with this home does."""
    made = EvaluationProcess(86_400.0, private=home)
    yield made
    made.close()


@pytest.mark.parametrize("place", ["train", "signal", "predict", "import"])
@pytest.mark.parametrize("statement", ["no exception", "a megabyte"])
def test_in_an_evaluation(
    place: str, statement: str, process: EvaluationProcess, home: Path, tmp_path: Path
) -> None:
    # What fails stands beside the file, so that its hash stays.
    error = f"exec(__import__('pathlib').Path({str(tmp_path / 'fail')!r}).read_text())"
    file = failing(tmp_path, place, error)
    (tmp_path / "fail").write_text("pass")
    request = request_for(file, trained(file, BARS), BARS)
    (tmp_path / "fail").write_text(ERRORS[statement])
    with pytest.raises(StrategyInvalid) as caught:
        process(request)
    check(caught.value, line_of(file), tmp_path)
    if statement == "a megabyte":
        kept = Path(str(caught.value.details["whole_text"]))
        assert kept.parent == home / "errors"
        assert "x" * 1_500_000 in kept.read_text()


def test_of_kept_errors_the_newest_stay(
    process: EvaluationProcess, home: Path, tmp_path: Path
) -> None:
    for number in range(60):
        (home / "errors").mkdir(exist_ok=True)
        (home / "errors" / f"error-{number}.txt").write_text("old")
    file = failing(tmp_path, "import", "print()")
    request = request_for(file, trained(file, BARS), BARS)
    file.write_text(file.read_text().replace("print()", "raise ValueError('v' * 9999)"))
    with pytest.raises(StrategyInvalid) as caught:
        process(request)
    assert Path(str(caught.value.details["whole_text"])).exists()
    assert len(list((home / "errors").glob("*.txt"))) == 50


def test_of_a_commands_errors_the_newest_stay_and_one_that_comes_again_is_new(
    elsewhere: Path,
) -> None:
    def kept(number: int) -> Path:
        error = StrategyInvalid("short")
        error.whole_text = f"{number}: {'x' * 3000}"
        keep_whole_text(error)
        return Path(str(error.details["whole_text"]))

    files = [kept(number) for number in range(60)]
    assert kept(10) == files[10]
    kept(60)
    left = set((elsewhere / "tradeworthy-errors").relative_to(elsewhere).glob("*.txt"))
    assert left == {files[10], *files[12:], kept(60)}
    assert len(left) == 50


def too_long(text: str) -> StrategyInvalid:
    error = StrategyInvalid("short")
    error.whole_text = text
    return error


@pytest.mark.parametrize("link", ["tradeworthy-errors", "tradeworthy-errors/.gitignore"])
def test_links_that_came_with_somebodys_code_lead_nowhere(elsewhere: Path, link: str) -> None:
    (elsewhere / "victim").mkdir()
    (elsewhere / "victim/.gitignore").write_text("precious")
    (elsewhere / link).parent.mkdir(exist_ok=True)
    target = "victim" if link == "tradeworthy-errors" else "victim/.gitignore"
    (elsewhere / link).symlink_to(elsewhere / target)
    error = too_long("x" * 3000)
    keep_whole_text(error)
    assert [file.read_text() for file in (elsewhere / "victim").iterdir()] == ["precious"]
    assert ("is a link" in error.message) == (target == "victim")


def test_a_file_is_whole_or_not_there(elsewhere: Path) -> None:
    """A limit on files stands for a full disk."""
    text = "x" * 300_000
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        cut_off = too_long(text)
        keep_whole_text(cut_off)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert "cannot be kept here: File too large" in cut_off.message
    assert [file.name for file in (elsewhere / "tradeworthy-errors").iterdir()] == [".gitignore"]
    kept = too_long(text)
    keep_whole_text(kept)
    assert Path(str(kept.details["whole_text"])).read_text() == text


WAYS = {
    "features": "features show {code}/trend.py",
    "train": "train {code}/trend.py --model m --data {bars}",
}


@pytest.mark.parametrize("way", [*WAYS, "record_run"])
def test_what_runs_users_code_names_the_file_that_keeps_its_error(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed = make_deployed_home(tmp_path / "deployed")
    file = failing(deployed.strategy.parent, "import", ERRORS["a megabyte"])
    script = (
        "import tradeworthy\n"
        "with tradeworthy.record_run(model='m') as run:\n"
        f"    run.strategy({str(file)!r})\n"
    )
    monkeypatch.setenv("TRADEWORTHY_HOME", str(deployed.home))
    monkeypatch.setenv("TRADEWORTHY_TOKEN_FILE", str(deployed.token_file("ana")))
    command = ["-c", script]
    if way in WAYS:
        words = WAYS[way].format(code=file.parent, bars=deployed.bars).split()
        command = ["-m", "tradeworthy", *words]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    kept = re.search(r"; the whole text is in (\S+)$", done.stderr.splitlines()[-1])
    assert kept is not None, done.stderr[-3000:]
    assert "x" * 1_500_000 in Path(kept[1]).read_text()


def test_in_a_script_that_is_piped_into_python(tmp_path: Path) -> None:
    script = (
        "import numpy as np\n"
        "from tradeworthy.training.estimator import predict\n"
        "class Own:\n"
        "    def predict(self, x):\n"
        "        return x / 'two'\n"
        "predict(Own(), np.ones((1, 1)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, text=True, check=False
    )
    assert "(<stdin>:5 in predict)" in done.stderr.splitlines()[-1]
