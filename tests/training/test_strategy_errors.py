"""Every slip in a strategy file is reported in a line that names it."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest

from tradeworthy.errors import (
    ArtifactInvalid,
    FeatureDependencyMissing,
    InvalidInput,
    StrategyInvalid,
    TradeworthyError,
)
from tradeworthy.training.candidate import train_candidate
from tradeworthy.training.point_in_time import as_stamped, training_table
from tradeworthy.training.strategy_file import load_strategy
from tradeworthy.training.train_end import parse_train_end
from training.strategy_workshop import (
    FEATURES,
    LIGHT,
    NO_SKLEARN,
    TRAIN_END,
    WINDOWS,
    data_of,
    edited,
    market,
    write_strategy,
)

INPUTS = 'INPUTS = ("change", "momentum")'
DECLARATION = "strategy = Strategy("
SLIPS = {
    "no strategy": (DECLARATION, "other = dict(", StrategyInvalid, "defines 0 strategies"),
    "two strategies": (
        DECLARATION,
        'second = Strategy(name="b", inputs=INPUTS, label="next_change", label_horizon=1, '
        "train=train, signal=target_weight)\nstrategy = Strategy(",
        StrategyInvalid,
        "defines 2 strategies",
    ),
    "unknown input": (
        INPUTS, 'INPUTS = ("change", "momentun")', FeatureDependencyMissing, "momentun"
    ),
    "unknown label": (
        'label="next_change"', 'label="next_chnge"', FeatureDependencyMissing, "next_chnge"
    ),
    "a label that is none": (
        'label="next_change"', 'label="change"', StrategyInvalid, "is no label"
    ),
    "a label among the inputs": (
        INPUTS, 'INPUTS = ("change", "next_change")', StrategyInvalid, "may not be labels"
    ),
    "no horizon": ("label_horizon=1", "label_horizon=0", StrategyInvalid, "from 1"),
    "an import that fails": (
        "import numpy as np", "import numppy as np", StrategyInvalid,
        "No module named 'numppy'; install it: `pip install numppy`",
    ),
    "no Python": ("def train(", "def train((", StrategyInvalid, "trend.py"),
    "an exit at import": (
        "import numpy as np",
        "import numpy as np\nraise SystemExit(3)",
        StrategyInvalid,
        "SystemExit",
    ),
    "a missing feature file": (
        'features="features.py"', 'features="featurs.py"', StrategyInvalid, "featurs.py"
    ),
    "a missing argument": ("    label_horizon=1,\n", "", StrategyInvalid, "label_horizon"),
    "a horizon that is text": (
        "label_horizon=1", 'label_horizon="1"', StrategyInvalid, "label_horizon of the strategy is"
    ),
    "a horizon that is yes": ("label_horizon=1", "label_horizon=True", StrategyInvalid, "from 1"),
    "a name that is none": ('name="trend"', 'name=""', StrategyInvalid, "has to be a text"),
    "inputs in one text": ("inputs=INPUTS", 'inputs="change"', StrategyInvalid, "a tuple of"),
    "seeds that are none": ('{"none": 0}', "None", StrategyInvalid, "names to whole numbers"),
    "a configuration that is a list": (
        'config={"weight": 0.5}', "config=[0.5]", StrategyInvalid, "config of the strategy is [0.5]"
    ),
    "a number for a function": ("train=train", "train=3", StrategyInvalid, "has to be a function"),
    "an object for a function": (
        "signal=target_weight", "signal=LinearRegression()", StrategyInvalid, "LinearRegression; it"
    ),
    "a function made at run time": (
        "train=train", 'train=eval("lambda table, config: None")', TradeworthyError, "<lambda>"
    ),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_in_the_file(slip: str, tmp_path: Path) -> None:
    old, new, error, reported = SLIPS[slip]
    file = write_strategy(tmp_path, edited(NO_SKLEARN, old, new))
    with pytest.raises(error) as caught:
        load_strategy(file)
    assert reported in caught.value.message
    assert len(caught.value.message.splitlines()) == 1


IMPOSTORS = {
    "a namesake from another file": (
        ("import numpy as np", "import numpy as np\nfrom helper import train as real"),
        ("train=train", "train=real"),
    ),
    "a function under another's name": (
        (
            DECLARATION,
            "def two(table, config):\n    return 2\n\n\ntwo.__qualname__ = 'train'\n" + DECLARATION,
        ),
        ("train=train", "train=two"),
    ),
    "a function that was changed": (
        (DECLARATION, "train.__code__ = (lambda table, config: 3).__code__\n" + DECLARATION),
    ),
}


@pytest.mark.parametrize("impostor", IMPOSTORS)
def test_the_function_that_runs_is_the_one_that_is_hashed(impostor: str, tmp_path: Path) -> None:
    text = NO_SKLEARN
    for old, new in IMPOSTORS[impostor]:
        text = edited(text, old, new)
    file = write_strategy(tmp_path, text)
    (tmp_path / "helper.py").write_text("def train(table, config):\n    return 1\n")
    with pytest.raises(TradeworthyError, match="train"):
        load_strategy(file)


def test_functions_of_a_class_a_package_and_without_a_name(tmp_path: Path) -> None:
    text = edited(
        NO_SKLEARN, "signal=target_weight", "signal=lambda predictions, rows, config: predictions"
    )
    text = edited(text, "def train(", "class Recipe:\n    @staticmethod\n    def train(")
    text = edited(text, "    return LinearRegression()", "        return LinearRegression()")
    text = edited(text, "train=train", "train=Recipe.train")
    text = edited(text, "import numpy as np", "import numpy as np\nfrom .helper import K")
    file = write_strategy(tmp_path / "deployed", text)
    for name, content in (("__init__.py", ""), ("helper.py", "K = 1\n")):
        (tmp_path / "deployed" / name).write_text(content)
    assert load_strategy(file).strategy.train.__qualname__ == "Recipe.train"


RUNS = {
    "train raises": ("return self\n", "raise ValueError('no data')\n", "ValueError: no data"),
    "train exits": ("return self\n", "raise SystemExit(0)\n", "SystemExit: 0"),
    "no predict": ("def predict", "def predct", "a fitted estimator with a predict method"),
    "predict raises": ("return x[:, 0]", "return x[:, 9]", "IndexError"),
    "two numbers a row": ("return x[:, 0]", "return x", "one finite number a row"),
    "too few predictions": ("return x[:, 0]", "return x[1:, 0]", "one finite number a row"),
    "NaN": ("return x[:, 0]", "return x[:, 0] * np.nan", "not finite"),
    "text": ("return x[:, 0]", "return ['up'] * len(x)", "ValueError"),
    "an error that fails": (
        "return self\n",
        "raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})\n",
        "failed: Odd",
    ),
    "an error that cannot be written": (
        "return self\n", "raise ValueError('\\ud800')\n", "ValueError: \\ud800"
    ),
}  # fmt: skip


@pytest.mark.parametrize("run", RUNS)
def test_a_training_that_fails(run: str, tmp_path: Path) -> None:
    old, new, reported = RUNS[run]
    # What predicts at all is exported first: give it a form that is served.
    to_onnx = "    def to_onnx(self):\n        return Served()\n\n    def fit("
    served = edited(NO_SKLEARN, "    def fit(", to_onnx)
    served = served.replace(
        "class LinearRegression:",
        "class Served:\n    def SerializeToString(self, deterministic):\n        return b''\n\n\n"
        "class LinearRegression:",
    )
    file = write_strategy(tmp_path, edited(served, old, new))
    with pytest.raises(StrategyInvalid) as caught:
        _train(file)
    assert reported in caught.value.message


@pytest.mark.parametrize(
    "label",
    [
        "close.shift(-5) / close - 1",
        "close.reverse().rolling_mean(3, min_samples=1).reverse() / close - 1",
        "close / close.mean() - 1",
        "pl.max_horizontal(close.shift(-1), close.shift(-2)) / close - 1",
    ],
)
def test_a_label_that_looks_further_than_it_says(label: str, tmp_path: Path) -> None:
    features = edited(FEATURES, "close.shift(-1) / close - 1", label)
    file = write_strategy(tmp_path, LIGHT, features)
    with pytest.raises(StrategyInvalid, match="more than label_horizon=1 bars ahead: for AAA"):
        _train(file)


def test_a_label_that_looks_less_far_than_it_says(tmp_path: Path) -> None:
    _train(write_strategy(tmp_path, edited(LIGHT, "label_horizon=1", "label_horizon=3")))


def test_an_estimator_that_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(
        ArtifactInvalid,
        match=r"LinearRegression cannot be served: .*to_onnx\(\).* \(trend.py:\d+ in train\)",
    ):
        _train(write_strategy(tmp_path, NO_SKLEARN))


def test_a_setting_that_the_strategy_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(StrategyInvalid, match="no 'wieght'; it has weight"):
        _train(write_strategy(tmp_path, NO_SKLEARN), wieght=1)


def test_a_feature_that_is_infinite(tmp_path: Path) -> None:
    features = edited(FEATURES, "close / close.shift(10) - 1", "close / (volume - volume)")
    features = edited(features, "def momentum(close: pl.Expr)", "def momentum(close, volume)")
    with pytest.raises(StrategyInvalid, match="'momentum' is infinite for AAA at 2015-01-02"):
        _train(write_strategy(tmp_path, NO_SKLEARN, features))


def test_a_column_that_the_bars_do_not_have(tmp_path: Path) -> None:
    features = edited(FEATURES, "def change(close: pl.Expr)", "def change(closing)")
    features = edited(features, "close / close.shift(1) - 1", "closing.diff()")
    with pytest.raises(InvalidInput, match="no column 'closing'"):
        _train(write_strategy(tmp_path, NO_SKLEARN, features))


@pytest.mark.parametrize(
    ("module", "advice"),
    [
        ("no_such_library", "install it: `pip install no_such_library`"),
        ("no_such_library.inner", "install it: `pip install no_such_library`"),
        ("beside", "import it at the top of the file"),
        ("polars.no_such_part", "import it at the top of the file"),
    ],
)
def test_a_module_is_installed_or_imported_at_the_top(
    module: str, advice: str, tmp_path: Path
) -> None:
    (tmp_path / "beside.py").write_text("x = 1\n")
    text = edited(
        NO_SKLEARN, "def train(table, config):", f"def train(table, config):\n    import {module}"
    )
    with pytest.raises(StrategyInvalid, match=rf"No module named '[a-z_.]+'; {advice} \(trend"):
        _train(write_strategy(tmp_path, text))


def test_no_row_to_train_on(tmp_path: Path) -> None:
    bars = market(8)
    with pytest.raises(StrategyInvalid, match="no row to train on"):
        _train(write_strategy(tmp_path, NO_SKLEARN), bars)


def test_an_end_before_the_data_says_when_they_begin(tmp_path: Path) -> None:
    loaded, bars = load_strategy(write_strategy(tmp_path, NO_SKLEARN)), market(60)
    with pytest.raises(StrategyInvalid) as caught:
        training_table(loaded, bars, date(1990, 1, 1))
    assert caught.value.message == (
        "no row to train on up to 1990-01-01: the data begin on 2015-01-01, train until a later day"
    )


def test_the_end_of_a_training_table_is_a_text_or_a_date(tmp_path: Path) -> None:
    loaded, bars = load_strategy(write_strategy(tmp_path, NO_SKLEARN)), market(60)
    table = training_table(loaded, bars, "2015-02-27")
    assert table.equals(training_table(loaded, bars, date(2015, 2, 27)))
    aware = datetime(2015, 2, 28, 3, tzinfo=timezone(timedelta(hours=5)))
    assert table.equals(training_table(loaded, bars, aware))
    with pytest.raises(InvalidInput, match="is no date: write it as 2011-12-30"):
        training_table(loaded, bars, "the end of 2017")


@pytest.mark.parametrize(
    ("text", "daily", "intraday"),
    [
        ("2011-12-30", "2011-12-30", "2011-12-30 23:59:59.999999"),
        ("20111230", "2011-12-30", "2011-12-30 23:59:59.999999"),
        ("2011-12-30T10:00", "2011-12-30", "2011-12-30 10:00:00"),
        ("2011-12-30T10:00:00Z", "2011-12-30", "2011-12-30 10:00:00"),
        ("2011-12-30T03:00+05:00", "2011-12-29", "2011-12-29 22:00:00"),
    ],
)
def test_the_end_of_training_in_the_time_of_the_bars(text: str, daily: str, intraday: str) -> None:
    days = pl.DataFrame(schema={"date": pl.Date})
    times = pl.DataFrame(schema={"date": pl.Datetime})
    assert str(as_stamped(days, parse_train_end(text))) == daily
    assert str(as_stamped(times, parse_train_end(text))) == intraday


@pytest.mark.parametrize("text", ["yesterday", "2011-02-30", ""])
def test_an_end_that_is_no_date(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no date: write it as 2011-12-30"):
        parse_train_end(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_an_end_that_utc_has_no_year_for(text: str) -> None:
    with pytest.raises(InvalidInput, match="lies outside of the years 1 to 9999"):
        parse_train_end(text)
    with pytest.raises(InvalidInput, match="lies outside of the years 1 to 9999"):
        parse_train_end(datetime.fromisoformat(text))


def _train(file: Path, bars: pl.DataFrame | None = None, **config: object) -> None:
    data = data_of(market(60) if bars is None else bars)
    loaded = load_strategy(file)
    train_candidate(loaded, data, config=config, train_end=TRAIN_END, windows=WINDOWS)
