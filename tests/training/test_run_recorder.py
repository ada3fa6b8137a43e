"""A script of one's own leads to the same manifest as a strategy file, or to nothing."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression

from made_once import made_once
from tradeworthy.base.settings import read_settings
from tradeworthy.client.candidate_upload import record_version
from tradeworthy.client.client import Client
from tradeworthy.client.connection import Connection
from tradeworthy.client.home_service import HomeService
from tradeworthy.client.transport import Answer, Request
from tradeworthy.errors import (
    AlreadyExists,
    ArtifactInvalid,
    DatasetInvalid,
    Forbidden,
    HomeUnusable,
    InvalidInput,
    ModelNotFound,
    PromotionRefused,
    ServerUnreachable,
    StrategyInvalid,
    TradeworthyError,
    Unauthenticated,
)
from tradeworthy.manifest.completeness import missing_evidence
from tradeworthy.manifest.files.verify import verify_manifest
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.recording.run_recorder import RecordedRun, record_run
from tradeworthy.training.artifact_export import export_artifact
from training.home_workshop import DeployedHome, make_deployed_home
from training.strategy_workshop import (
    STRATEGY,
    TRAIN_END,
    commit,
    data_of,
    edited,
    manifest_text,
    trained,
    write_strategy,
)

INPUTS = ["change", "momentum"]

# As a researcher would write it; it lies beside the strategies, in their repository.
SCRIPT = """
from datetime import date
from sklearn.linear_model import LinearRegression
from tradeworthy.recording.run_recorder import record_run
from tradeworthy.training.point_in_time import training_table

with record_run(model="m", manifests=".") as run:
    bars = run.market_data("{bars}")
    loaded = run.strategy("trend.py")
    table = training_table(loaded, bars, date(2017, 6, 30))
    inputs = table.select("change", "momentum").to_numpy()
    run.dataset(
        table, label="next_change", label_horizon=1, train_end=date(2017, 6, 30),
        as_of=date(2017, 6, 30), purge=1, embargo=0,
    )
    run.config({{"weight": 0.5}})
    run.estimator(LinearRegression().fit(inputs, table["next_change"].to_numpy()))
    run.metrics({{"r2": 0.01}})
print(run.version, run.stage, run.manifest_path)
"""


@pytest.fixture
def deployed(
    recorded_home: DeployedHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> DeployedHome:
    """A home of one's own, spoken to by environment variables."""
    copy = recorded_home.copy(tmp_path / "deployed")
    for name in [name for name in os.environ if name.startswith("TRADEWORTHY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TRADEWORTHY_HOME", str(copy.home))
    monkeypatch.setenv("TRADEWORTHY_TOKEN_FILE", str(copy.token_file("ana")))
    monkeypatch.chdir(tmp_path)
    return copy


@pytest.fixture(scope="session")
def recorded_home(tmp_path_factory: pytest.TempPathFactory) -> DeployedHome:
    """A home that is only copied."""
    return DeployedHome(made_once(tmp_path_factory, "deployed", make_deployed_home))


def table_of(deployed: DeployedHome) -> pl.DataFrame:
    """A table computed without the product."""
    close = pl.col("close")
    return (
        pl.read_parquet(deployed.bars)
        .filter(pl.col("date") <= TRAIN_END)
        .select(
            "date",
            "symbol",
            (close / close.shift(1) - 1).over("symbol").alias("change"),
            (close / close.shift(10) - 1).over("symbol").alias("momentum"),
            (close.shift(-1) / close - 1).over("symbol").alias("next_change"),
        )
        .drop_nulls()
    )


def fitted(table: pl.DataFrame) -> LinearRegression:
    return LinearRegression().fit(table.select(INPUTS).to_numpy(), table["next_change"].to_numpy())


def notes_of(deployed: DeployedHome, run: RecordedRun) -> None:
    """Record everything that TRAINED asks for."""
    table = table_of(deployed)
    run.market_data(deployed.bars)
    run.features(deployed.strategy.with_name("features.py"), inputs=INPUTS)
    run.dataset(table, label="next_change", label_horizon=1)
    run.config({"weight": 0.5})
    run.estimator(fitted(table))


def versions(deployed: DeployedHome) -> list[dict[str, Any]]:
    with deployed.speaks("ana") as ana:
        return ana.get("/api/v1/models/m/versions")


def test_a_script_gets_the_manifest_of_a_strategy_file_and_is_backtested(
    deployed: DeployedHome,
) -> None:
    script = deployed.strategy.with_name("own_script.py")
    script.write_text(SCRIPT.format(bars=deployed.bars), encoding="utf-8")
    commit(script.parent)
    done = subprocess.run(
        [sys.executable, script.name], cwd=script.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "TRAINED", "m-v1.manifest.json"]
    path = script.with_name("m-v1.manifest.json")
    assert verify_manifest(path, None).passed
    reported = json.loads(path.read_text())
    bars = pl.read_parquet(deployed.bars)
    expected = json.loads(manifest_text(trained(deployed.strategy, bars)))
    # The way in leaves no trace but its own metrics and the commit that the script stands in.
    differing = {name for name in expected if reported[name] != expected[name]}
    assert differing <= {"created_at", "created_by", "metrics", "code"}
    assert reported["code"]["entry_point"] == expected["code"]["entry_point"]
    assert reported["code"]["signal_rule"] == expected["code"]["signal_rule"]
    assert reported["code"]["dirty"] is False
    with deployed.speaks("ana") as ana:
        found = ana.post("/api/v1/ml/m/backtest", {"version": 1})
    gates = {gate["gate"]: gate["status"] for gate in found["verdict"]["gates"]}
    assert [gates[name] for name in ("evidence_complete", "git_clean", "look_ahead")] == [
        "PASSED"
    ] * 3


# A class derived from scikit-learn's, which nothing converts, and ways out that its refusal names.
DERIVED = """
class Clipped(LinearRegression):
    def fit(self, x, y):
        return super().fit(x, y.clip(-0.1, 0.1))
"""
TO_ONNX = """
    def to_onnx(self):
        import skl2onnx
        from skl2onnx.common.data_types import DoubleTensorType

        plain = LinearRegression()
        plain.__dict__.update(self.__dict__)
        return skl2onnx.to_onnx(plain, initial_types=[("x", DoubleTensorType([None, 2]))])
"""


def run_script(deployed: DeployedHome, text: str) -> subprocess.CompletedProcess[str]:
    script = deployed.strategy.with_name("own_script.py")
    script.write_text(text.format(bars=deployed.bars), encoding="utf-8")
    return subprocess.run(
        [sys.executable, script.name],
        cwd=script.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_derived_estimator_is_refused_in_one_message_and_its_ways_out_lead_on(
    deployed: DeployedHome,
) -> None:
    text = edited(SCRIPT, "\nwith record_run", DERIVED + "\nwith record_run")
    text = edited(text, "run.estimator(LinearRegression()", "run.estimator(Clipped()")
    refused = run_script(deployed, text)
    assert refused.stderr.count("Traceback") == 1
    line = next(at for at, each in enumerate(text.splitlines(), 1) if "run.estimator" in each)
    message = refused.stderr.splitlines()[-1]
    assert message.endswith(f" (own_script.py:{line} in <module>)")
    assert "ArtifactInvalid: Clipped cannot be served: " in message
    assert versions(deployed) == []

    assert "give its class a method to_onnx()" in message
    own_form = edited(text, "\nwith record_run", TO_ONNX + "\nwith record_run")
    assert run_script(deployed, own_form).stdout.startswith("1 TRAINED")
    assert "record with run.artifact() what is served" in message
    artifact = edited(own_form, "def to_onnx", "def another_name")
    artifact = edited(artifact, "run.estimator(", "fitted = (")
    artifact = edited(
        artifact,
        "    run.metrics",
        "    run.estimator(fitted)\n    run.artifact(fitted.another_name())\n    run.metrics",
    )
    assert run_script(deployed, artifact).stdout.startswith("2 TRAINED")


def test_what_suffices_for_trained(deployed: DeployedHome) -> None:
    with record_run(model="m") as run:
        notes_of(deployed, run)
        assert run.version is None
    assert (run.version, run.stage, run.manifest_path) == (1, "TRAINED", Path("m-v1.manifest.json"))
    (version,) = versions(deployed)
    assert (version["stage"], version["author"], version["trainer"]) == ("TRAINED", "ana", "ana")
    manifest = Manifest.from_json(Path("m-v1.manifest.json").read_text())
    # There is no strategy file to refit, and no word of where the training ended.
    assert missing_evidence(manifest) == (
        "dataset.train_end",
        "code.entry_point",
        "code.signal_rule",
        "determinism.seeds",
    )


LEFT_OUT = {
    "dataset": ("dataset_hash", "dataset.rows", "dataset.columns"),
    "config": ("training_config_hash", "config"),
    "features": ("feature_graph_hash", "feature_graph", "inputs"),
    "estimator": ("files",),
}


# What else records the same part.
CALLS = {"features": {"strategy", "features"}, "estimator": {"estimator", "artifact"}}


@pytest.mark.parametrize("part", LEFT_OUT)
def test_what_was_not_recorded_is_named_and_takes_no_number(
    part: str, deployed: DeployedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RecordedRun, part, lambda *_, **__: None)
    with pytest.raises(PromotionRefused) as caught, record_run(model="m") as run:
        notes_of(deployed, run)
    for field in LEFT_OUT[part]:
        assert field in caught.value.message
    calls = set(re.findall(r"run\.(\w+)\(", caught.value.message))
    assert calls == CALLS.get(part, {part})
    assert "manifest_complete" in caught.value.message
    assert (run.version, run.stage) == (None, None)
    assert versions(deployed) == []


def test_an_exception_in_the_block_registers_nothing(deployed: DeployedHome) -> None:
    with pytest.raises(ZeroDivisionError), record_run(model="m") as run:
        notes_of(deployed, run)
        raise ZeroDivisionError
    assert run.version is None
    assert versions(deployed) == []
    assert list(Path().glob("*.manifest.json")) == []
    with deployed.speaks("ana") as ana:
        assert ana.get("/api/v1/ml/datasets") == []


class Constant:
    """Predicts nothing finite."""

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.full(len(x), np.nan)

    def to_onnx(self) -> Any:
        return Constant()

    def SerializeToString(self, deterministic: bool) -> bytes:
        return b"onnx"


def test_what_cannot_be_recorded_registers_nothing(deployed: DeployedHome) -> None:
    table = table_of(deployed)
    (deployed.folder / "broken.onnx").write_bytes(b"onnx")
    for spoil, error in (
        (lambda run: run.estimator(Constant()), StrategyInvalid),
        (lambda run: run.artifact("model.pkl"), TradeworthyError),
        (
            lambda run: (run.estimator(None), run.artifact(deployed.folder / "broken.onnx")),
            ArtifactInvalid,
        ),
        (lambda run: run.config({"alpha": float("nan")}), InvalidInput),
        (lambda run: run.metrics({"sharpe": float("inf")}), TradeworthyError),
        (lambda run: run.market_data("nowhere.csv"), DatasetInvalid),
        (lambda run: run.dataset(table.to_dict(), label="y", label_horizon=1), InvalidInput),
        (lambda run: run.dataset(table[:0], label="next_change", label_horizon=1), InvalidInput),
        (lambda run: run.dataset(table, label="next_chnge", label_horizon=1), InvalidInput),
        (
            lambda run: run.dataset(table.drop("momentum"), label="next_change", label_horizon=1),
            StrategyInvalid,
        ),
        (
            lambda run: run.dataset(
                table.with_columns(pl.lit("up").alias("momentum")),
                label="next_change",
                label_horizon=1,
            ),
            StrategyInvalid,
        ),
    ):
        with pytest.raises(error) as caught, record_run(model="m") as run:
            notes_of(deployed, run)
            spoil(run)
        assert not isinstance(caught.value, PromotionRefused)
    assert versions(deployed) == []


UNTRUE = {
    "train_end is 2999-01-01, and the bars end at 2018-": {"train_end": "2999-01-01"},
    "train_end is 2017-01-02, and the dataset has rows up to 2017-06-29": {
        "train_end": date(2017, 1, 2)
    },
    "label_horizon has to be a whole number of bars from 1 to 899": {"label_horizon": 0},
    "label_horizon has to be": {"label_horizon": 10**20},
    "purge has to be a whole number of bars from 0 to 899": {"purge": 10**5000},
    "embargo has to be": {"embargo": -1},
    "the label 'symbol' holds String and no numbers": {"label": "symbol"},
}


@pytest.mark.parametrize("says", UNTRUE)
def test_what_the_data_contradict_is_refused_in_the_block(
    says: str, deployed: DeployedHome
) -> None:
    with pytest.raises(InvalidInput, match=says) as caught, record_run(model="m") as run:
        notes_of(deployed, run)
        run.dataset(
            table_of(deployed), **{"label": "next_change", "label_horizon": 1, **UNTRUE[says]}
        )
        pytest.fail("it was taken")
    assert "\n" not in caught.value.message
    assert versions(deployed) == []


def test_what_every_backtest_would_refuse_takes_no_number(
    deployed: DeployedHome, tmp_path: Path
) -> None:
    table = table_of(deployed)
    bars = pl.read_parquet(deployed.bars)
    repeated = tmp_path / "repeated.parquet"
    pl.concat([bars, bars[-1:]]).write_parquet(repeated)

    def say(run: RecordedRun, table: pl.DataFrame, horizon: int = 1) -> None:
        run.dataset(table, label="next_change", label_horizon=horizon, train_end=TRAIN_END)

    for spoil, says in (
        (
            lambda run: run.market_data(repeated),
            f"BBB at {bars['date'].max()}: two bars of one symbol and date; keep one",
        ),
        (
            lambda run: say(run, table, 3),
            "a label that looks 3 bars ahead, the strategy declares 1",
        ),
        (
            lambda run: run.config({"trees": 20}),
            r"lacks weight, which strategy 'trend' reads: .*\*\*loaded\.strategy\.config",
        ),
        (
            lambda run: say(run, table.head(500)),
            rf"has 500 rows, and bars\.parquet gives up to {TRAIN_END} {table.height}; train",
        ),
        (
            lambda run: say(run, table.with_columns(pl.col("momentum") * 2)),
            r"training_data refuses .* other values than bars\.parquet .*; train on training_table",
        ),
    ):
        with (
            pytest.raises((DatasetInvalid, StrategyInvalid), match=says),
            record_run(model="m") as run,
        ):
            notes_of(deployed, run)
            run.strategy(deployed.strategy)
            say(run, table)
            spoil(run)
    assert versions(deployed) == []
    with record_run(model="m") as run:
        notes_of(deployed, run)
        run.strategy(deployed.strategy)
        say(run, table)
    assert run.stage == "TRAINED"


def test_a_pandas_table_is_named_with_what_its_conversion_needs(deployed: DeployedHome) -> None:
    table = type("DataFrame", (), {"__module__": "pandas.core.frame"})()
    says = r"a pandas DataFrame: give a polars .*from_pandas \(which needs pyarrow: `pip install"
    with pytest.raises(InvalidInput, match=says), record_run(model="m") as run:
        run.dataset(table, label="next_change", label_horizon=1)
    with pytest.raises(InvalidInput, match="is a dict: give"), record_run(model="m") as run:
        run.dataset({}, label="next_change", label_horizon=1)  # type: ignore[arg-type]


def test_a_dataset_of_one_row_is_refused_and_a_day_without_a_bar_may_end_the_training(
    deployed: DeployedHome,
) -> None:
    table = table_of(deployed)
    with pytest.raises(InvalidInput, match="one row"), record_run(model="m") as run:
        run.dataset(table[:1], label="next_change", label_horizon=1)
    with record_run(model="m") as run:
        notes_of(deployed, run)
        # A Sunday, in bars by the day.
        run.dataset(table, label="next_change", label_horizon=1, train_end="2017-07-02", purge=0)
    assert run.stage == "TRAINED"


def test_who_may_not_record_hears_so_before_anything_is_trained(
    deployed: DeployedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    for who in ("vera", "vic", "olga"):
        monkeypatch.setenv("TRADEWORTHY_TOKEN_FILE", str(deployed.token_file(who)))
        with pytest.raises(Forbidden, match="researcher"), record_run(model="m"):
            pytest.fail("the block has run")
    assert versions(deployed) == []
    with deployed.speaks("ana") as ana:
        assert ana.get("/api/v1/ml/datasets") == []


def test_a_policy_that_judges_nothing_is_heard_of_before_anything_is_trained(
    deployed: DeployedHome,
) -> None:
    policy = deployed.home / "ml_promotion_policy.yaml"
    text = policy.read_text()
    policy.write_text("default: {required_approvals: 1}\n")
    with pytest.raises(PromotionRefused, match="policy_judges"), record_run(model="m"):
        pytest.fail("the block has run")
    policy.write_text(text)
    with pytest.raises(PromotionRefused, match="policy_judges"), record_run(model="m") as run:
        notes_of(deployed, run)
        policy.write_text("default: {required_approvals: 1}\n")
    assert versions(deployed) == []


def test_a_strategy_file_of_another_strategy(deployed: DeployedHome, tmp_path: Path) -> None:
    other = edited(STRATEGY, 'name="trend"', 'name="carry"')
    file = write_strategy(tmp_path / "other", other)
    with (
        pytest.raises(StrategyInvalid, match="belongs to strategy 'trend', and this is 'carry'"),
        record_run(model="m") as run,
    ):
        run.strategy(file)


def test_a_strategy_file_that_no_backtest_will_find_is_refused_where_it_is_named(
    deployed: DeployedHome, tmp_path: Path
) -> None:
    outside = write_strategy(tmp_path / "research", STRATEGY + "# mine\n")

    def named(file: Path, **root: Path) -> str | None:
        with pytest.raises(ZeroDivisionError), record_run(model="m") as run:
            run.strategy(file, **root)
            raise ZeroDivisionError
        return run._record.entry_point.file

    with pytest.raises(StrategyInvalid, match="is another file: copy it there") as refused:
        named(outside)
    copy = Path(re.findall(r"and name (\S+) instead", refused.value.message)[0])
    copy.write_bytes(outside.read_bytes())
    assert named(copy) == named(outside) == "trend.py"
    inner = write_strategy(copy.parent / "inner")
    assert named(inner) == "inner/trend.py"
    assert named(write_strategy(tmp_path / "a" / "b"), root=tmp_path / "a") == "b/trend.py"


def test_there_is_somewhere_to_register_before_the_block_runs(
    deployed: DeployedHome, tmp_path: Path
) -> None:
    (tmp_path / "two.token").write_text("one\ntwo\n")
    for given, error in (
        ({"model": "nothing"}, ModelNotFound),
        ({"model": "m", "token_file": "no.token"}, Unauthenticated),
        ({"model": "m", "token_file": "two.token"}, Unauthenticated),
        ({"model": "m", "home": "nowhere"}, TradeworthyError),
        ({"model": "m", "server": "http://127.0.0.1:9"}, TradeworthyError),
    ):
        with pytest.raises(error), record_run(**given):
            pytest.fail("the block has run")


@pytest.mark.parametrize("moment", ["import", "block"])
def test_a_block_that_goes_to_another_folder_changes_nothing_that_was_named_before_it(
    moment: str, deployed: DeployedHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    leaves = f"__import__('os').chdir({str(tmp_path / 'elsewhere')!r})"
    if moment == "import":
        deployed.strategy.write_text(f"{deployed.strategy.read_text()}\n{leaves}\n")
    monkeypatch.chdir(deployed.folder)
    monkeypatch.setenv("TRADEWORTHY_HOME", "home")
    monkeypatch.setenv("TRADEWORTHY_DATABASE_URL", "sqlite:///home/tradeworthy.sqlite")
    with record_run(model="m") as run:
        notes_of(deployed, run)
        run.strategy(deployed.strategy)
        os.chdir(tmp_path / "elsewhere")
        run.strategy(deployed.strategy)
    assert run.stage == "TRAINED"
    assert run.manifest_path == deployed.folder / "m-v1.manifest.json"
    assert run.manifest_path.is_file()
    os.chdir(deployed.folder)
    with pytest.raises(StrategyInvalid) as caught, record_run(model="m"):
        os.chdir(tmp_path / "elsewhere")
        error = StrategyInvalid("short")
        error.whole_text = "x" * 3000
        raise error
    assert (deployed.folder / "tradeworthy-errors") in Path(
        str(caught.value.details["whole_text"])
    ).parents
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_in_a_notebook_where_a_loop_runs_already(deployed: DeployedHome) -> None:
    async def cell() -> int | None:
        with record_run(model="m") as run:
            notes_of(deployed, run)
        return run.version

    assert asyncio.run(cell()) == 1


def test_an_artifact_of_ones_own_beside_the_estimator(
    deployed: DeployedHome, tmp_path: Path
) -> None:
    table = table_of(deployed)
    own = tmp_path / "own.onnx"
    own.write_bytes(export_artifact(fitted(table), 2).data)
    with record_run(model="m") as run:
        notes_of(deployed, run)
        run.artifact(own)
    manifest = Manifest.from_json(Path("m-v1.manifest.json").read_text())
    assert [file.name for file in manifest.files] == ["own.onnx"]
    rows = np.array(manifest.evidence.golden_rows)
    np.testing.assert_array_equal(manifest.evidence.golden_predictions, fitted(table).predict(rows))


def test_an_artifact_alone_leaves_parity_unproven(deployed: DeployedHome, tmp_path: Path) -> None:
    own = tmp_path / "own.onnx"
    own.write_bytes(export_artifact(fitted(table_of(deployed)), 2).data)
    with record_run(model="m") as run:
        notes_of(deployed, run)
        run.estimator(None)  # type: ignore[arg-type]
        run.artifact(str(own))
        run.seeds()
    manifest = Manifest.from_json(Path("m-v1.manifest.json").read_text())
    missing = missing_evidence(manifest)
    assert "evidence.golden_predictions" in missing
    assert "determinism.seeds" not in missing


# All in one place: the estimator's class, and what fits and records it.
OWN_CLASS = """
from datetime import date
from tradeworthy import record_run
from tradeworthy.training import training_table

def model():
    class First:
        def predict(self, x):
            return x[:, 0]

        def to_onnx(self):
            from onnx import TensorProto, helper

            rows = helper.make_tensor_value_info("rows", TensorProto.DOUBLE, [None, 2])
            out = helper.make_tensor_value_info("out", TensorProto.DOUBLE, [None, 1])
            first = helper.make_tensor("first", TensorProto.DOUBLE, [2, 1], [1.0, 0.0])
            node = helper.make_node("MatMul", ["rows", "first"], ["out"])
            graph = helper.make_graph([node], "light", [rows], [out], [first])
            opset = helper.make_opsetid("", 17)
            return helper.make_model(graph, ir_version=8, opset_imports=[opset])

    return First()

with record_run(model="m") as run:
    bars = run.market_data("BARS")
    loaded = run.strategy("STRATEGY")
    table = training_table(loaded, bars, date(2017, 6, 30))
    run.dataset(table, label="next_change", label_horizon=1, train_end=date(2017, 6, 30))
    run.config({"weight": 0.5})
    run.estimator(model())
print(run.version, run.stage)
"""


@pytest.mark.parametrize("way", ["script", "module", "command", "input", "notebook"])
def test_an_estimator_whose_class_stands_in_the_script_itself(
    way: str, deployed: DeployedHome, tmp_path: Path
) -> None:
    text = OWN_CLASS.replace("BARS", str(deployed.bars))
    text = text.replace("STRATEGY", str(deployed.strategy))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "__main__.py").write_text(text)
    (tmp_path / "cell.py").write_text(f"exec({text!r}, {{'__name__': '__main__'}})")
    arguments = {
        "script": ["own/__main__.py"],
        "module": ["-m", "own"],
        "command": ["-c", text],
        "input": ["-"],
        "notebook": ["cell.py"],
    }[way]
    done = subprocess.run(
        [sys.executable, *arguments],
        input=text if way == "input" else "",
        capture_output=True,
        text=True,
        check=False,
    )
    around = {"script": "__main__.py", "module": "__main__.py", "notebook": "cell.py"}.get(way)
    unknown = "the state of the git tree is unknown"
    reason = unknown if around is None else f"no git repository is known around {around}"
    assert (done.stdout, done.stderr) == (
        "1 TRAINED\n",
        f"warning: {reason}: the version is recorded, and the gate git_clean will refuse it\n",
    )


def test_a_script_that_is_not_committed_hears_so_before_it_trains(deployed: DeployedHome) -> None:
    text = edited(SCRIPT, "    bars =", "    raise SystemExit(0)\n    bars =")
    first, *others = run_script(deployed, text).stderr.splitlines()
    assert re.match("warning: the tree differed from commit [0-9a-f]+: own_script.py: ", first)
    assert others == []
    commit(deployed.strategy.parent)
    assert run_script(deployed, text).stderr == ""


def test_a_class_of_an_unknown_module(deployed: DeployedHome) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(OWN_CLASS.partition("with record_run")[0], names)  # noqa: S102 - as a notebook does
    for module in (None, "", "nowhere", "own.module"):
        estimator = names["model"]()
        type(estimator).__module__ = module
        with record_run(model="m") as run:
            notes_of(deployed, run)
            run.estimator(estimator)
        assert run.stage == "TRAINED"


def test_a_script_that_is_its_own_strategy_file(deployed: DeployedHome, tmp_path: Path) -> None:
    recorded = OWN_CLASS.replace("BARS", str(deployed.bars)).replace('"STRATEGY"', "__file__")
    strategy = deployed.strategy
    strategy.write_text(strategy.read_text() + recorded)
    refused = subprocess.run(
        [sys.executable, str(strategy)], capture_output=True, text=True, check=False
    )
    last = refused.stderr.splitlines()[-1]
    assert f"{strategy.name} starts its run anew when its functions are imported" in last
    assert 'put what starts it under `if __name__ == "__main__":`' in last
    assert versions(deployed) == []
    before, block = recorded.split("with record_run")
    lines = ("with record_run" + block).splitlines()
    guarded = "\n    ".join(['\nif __name__ == "__main__":', *lines]) + "\n"
    strategy.write_text(strategy.read_text().replace(recorded, before + guarded))
    commit(strategy.parent)
    done = subprocess.run(
        [sys.executable, str(strategy)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("1 TRAINED\n", "")


def test_functions_in_place_of_a_file_are_refused(deployed: DeployedHome) -> None:
    for record in (
        lambda run: run.features([test_a_class_of_an_unknown_module], inputs=INPUTS),
        lambda run: run.strategy(lambda table, config: None),
    ):
        with (
            pytest.raises(InvalidInput, match=r"write the functions in a \.py file"),
            record_run(model="m") as run,
        ):
            record(run)
    assert versions(deployed) == []


def test_where_no_manifest_can_be_written_nothing_is_drafted(
    deployed: DeployedHome, tmp_path: Path
) -> None:
    (tmp_path / "m-v1.manifest.json").write_text("of another home")
    for folder, error in ((".", AlreadyExists), ("nowhere", HomeUnusable), ("/proc", HomeUnusable)):
        with pytest.raises(error), record_run(model="m", manifests=folder) as run:
            notes_of(deployed, run)
    assert versions(deployed) == []


class CutCable:
    """A line to a service that breaks at one request, before or after it got there."""

    def __init__(self, service: HomeService, method: str, path: str, *, arrives: bool) -> None:
        self._service = service
        self._at = (method, path)
        self._arrives = arrives

    def send(self, request: Request) -> Answer:
        breaks = request.method == self._at[0] and request.path.endswith(self._at[1])
        if not breaks or self._arrives:
            answer = self._service.send(request)
        if breaks:
            raise ServerUnreachable("the line is broken")
        return answer

    def close(self) -> None:
        self._service.close()


@pytest.mark.parametrize("arrives", [False, True])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/versions"), ("GET", "/versions/1"), ("PUT", "/manifest"), ("POST", "/promote")],
)
def test_a_run_that_is_recorded_again_continues_its_draft(
    method: str, path: str, arrives: bool, deployed: DeployedHome, tmp_path: Path
) -> None:
    data = data_of(pl.read_parquet(deployed.bars))
    candidate = trained(deployed.strategy, data.bars)
    token = deployed.token_file("ana").read_text().strip()
    service = HomeService(read_settings(home=deployed.home))
    cut = Client.over(Connection(CutCable(service, method, path, arrives=arrives), token))
    with pytest.raises(ServerUnreachable) as caught:
        record_version(cut, "m", candidate, [data], tmp_path)
    if path in ("/manifest", "/promote"):
        assert "version 1 of m was drafted by then" in caught.value.message
    whole = Client.over(Connection(service, token))
    recorded = record_version(whole, "m", candidate, [data], tmp_path)
    # Only when the last answer was lost the version is finished, and this is another one.
    number = 2 if path == "/promote" and arrives else 1
    assert (recorded.version, recorded.stage) == (number, "TRAINED")
    assert record_version(whole, "m", candidate, [data], tmp_path).version == number + 1
    assert {each.stage for each in whole.versions("m")} == {"TRAINED"}
    service.close()
