"""A trained strategy file: its manifest is whole, the same each time, and true to the table."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from importlib import metadata
from pathlib import Path

import polars as pl
import pytest

from tradeworthy.errors import ArtifactInvalid, StrategyInvalid
from tradeworthy.evaluation.evaluate import evaluate
from tradeworthy.manifest.completeness import missing_evidence, missing_fields
from tradeworthy.manifest.dataset_digest import dataset_hash
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.market_data.files.bar_file import read_bars
from tradeworthy.training.candidate import resolve_config, train_candidate
from tradeworthy.training.point_in_time import training_table
from tradeworthy.training.strategy_file import load_strategy
from training.strategy_workshop import (
    LIGHT,
    STRATEGY,
    TRAIN_END,
    WINDOWS,
    commit,
    data_of,
    edited,
    manifest_text,
    market,
    request_for,
    trained,
    write_strategy,
)

BARS = market()


def test_trained_twice_the_manifest_is_the_same(tmp_path: Path) -> None:
    file = write_strategy(tmp_path)
    assert manifest_text(trained(file, BARS)) == manifest_text(trained(file, BARS))


def test_the_manifest_is_complete_for_every_gate(tmp_path: Path) -> None:
    file = write_strategy(tmp_path)
    commit(tmp_path)
    manifest = Manifest.from_json(manifest_text(trained(file, BARS)))
    assert missing_fields(manifest) == ()
    assert missing_evidence(manifest) == ()
    assert manifest.git_commit is not None
    assert manifest.code.dirty is False
    assert manifest.determinism.seeds == {"none": 0}
    assert manifest.evidence.golden_rows is not None
    assert len(manifest.evidence.golden_rows) == 16


def test_the_manifest_records_the_table_that_was_trained_on(tmp_path: Path) -> None:
    file = write_strategy(tmp_path)
    manifest = Manifest.from_json(manifest_text(trained(file, BARS)))
    table = training_table(load_strategy(file), BARS, TRAIN_END)
    assert manifest.dataset_hash == dataset_hash(table)
    dataset = manifest.dataset
    assert dataset.rows == table.height
    # The label of the last bar is not known: the table ends a bar before the training does.
    assert (dataset.train_end, dataset.as_of, dataset.time_end) == (
        "2017-06-30",
        "2017-06-30",
        "2017-06-29",
    )
    assert [source.digest for source in dataset.sources or ()] == [dataset_hash(BARS)]


@pytest.mark.parametrize("requested", [None, date(2030, 1, 1)])
def test_the_end_of_training_is_a_bar_that_was_there(
    requested: date | None, tmp_path: Path
) -> None:
    bars = market(100)
    loaded = load_strategy(write_strategy(tmp_path))
    candidate = train_candidate(
        loaded, data_of(bars), config={}, train_end=requested, windows=WINDOWS
    )
    manifest = Manifest.from_json(manifest_text(candidate))
    assert manifest.dataset.train_end == str(bars["date"].max())


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_bars_within_the_day_and_their_time_zone(zone: str | None, tmp_path: Path) -> None:
    first = datetime(2015, 1, 5, 14)  # noqa: DTZ001 - the zone comes below
    days = BARS["date"].unique().sort()
    times = pl.datetime_range(first, first + timedelta(hours=len(days) - 1), "1h", eager=True)
    if zone is not None:
        times = times.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    BARS.with_columns(date=pl.col("date").replace_strict(days, times)).write_parquet(
        tmp_path / "bars.parquet"
    )
    bars = read_bars(tmp_path / "bars.parquet")
    file = write_strategy(tmp_path, LIGHT)
    day = date(2015, 1, 25)
    loaded = load_strategy(file)
    candidate = train_candidate(loaded, data_of(bars), config={}, train_end=day, windows=WINDOWS)
    assert candidate.fields["dataset"].train_end == "2015-01-25T23:00:00.000000Z"
    assert evaluate(request_for(file, candidate, bars)).training_data_rebuilt


def test_the_libraries_that_trained_it_are_reported(tmp_path: Path) -> None:
    manifest = Manifest.from_json(manifest_text(trained(write_strategy(tmp_path), BARS)))
    reported = manifest.runtime.distributions or {}
    assert {"numpy", "onnx", "polars", "scikit-learn", "skl2onnx"} <= set(reported)
    assert all(version == metadata.version(name) for name, version in reported.items())


def test_a_setting_takes_the_place_of_the_default(tmp_path: Path) -> None:
    file = write_strategy(tmp_path)
    default, other = trained(file, BARS), trained(file, BARS, weight=0.25)
    assert (default.fields["config"], other.fields["config"]) == ({"weight": 0.5}, {"weight": 0.25})
    assert default.fields["training_config_hash"] != other.fields["training_config_hash"]


def test_what_training_does_to_its_configuration_is_not_on_record(tmp_path: Path) -> None:
    spoiling = edited(
        LIGHT, "    return LinearRegression", "    config.clear()\n    return LinearRegression"
    )
    candidate = trained(write_strategy(tmp_path, spoiling), BARS)
    assert candidate.fields["config"] == {"weight": 0.5}


def test_an_artifact_that_answers_otherwise_is_refused_at_once(tmp_path: Path) -> None:
    file = write_strategy(tmp_path, edited(LIGHT, "[1.0, 0.0]", "[1.0, 0.5]"))
    with pytest.raises(ArtifactInvalid, match="predicts otherwise than the estimator"):
        trained(file, BARS)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_conversion_that_answers_otherwise_is_not_put_down_to_the_user(tmp_path: Path) -> None:
    text = edited(
        STRATEGY, "sklearn.linear_model import LinearRegression", "sklearn.svm import SVC"
    )
    text = edited(text, "LinearRegression()", "SVC()")
    file = write_strategy(
        tmp_path, edited(text, '["next_change"].to_numpy()', '["next_change"].to_numpy() > 0')
    )
    with pytest.raises(ArtifactInvalid, match="what skl2onnx makes of it answers other") as caught:
        trained(file, BARS)
    assert "one that gives probabilities" in caught.value.message
    assert "this very estimator" not in caught.value.message


def test_a_deployed_link_leads_to_the_strategy_and_what_lies_beside_it(tmp_path: Path) -> None:
    link = tmp_path / "link.py"
    link.symlink_to(write_strategy(tmp_path / "repository", LIGHT))
    assert load_strategy(link).feature_file == tmp_path / "repository" / "features.py"


def test_files_are_reported_from_the_folder_that_is_deployed(tmp_path: Path) -> None:
    loaded = load_strategy(write_strategy(tmp_path / "deployed"))
    reported = []
    for root in (None, tmp_path):
        candidate = train_candidate(
            loaded, data_of(BARS), config={}, train_end=TRAIN_END, windows=WINDOWS, root=root
        )
        code = json.loads(manifest_text(candidate))["code"]
        reported.append((code["entry_point"]["file"], code["signal_rule"]["feature_file"]))
    assert reported == [("trend.py", "features.py"), ("deployed/trend.py", "deployed/features.py")]
    with pytest.raises(StrategyInvalid, match="where the strategy's files have to be"):
        train_candidate(
            loaded,
            data_of(BARS),
            config={},
            train_end=TRAIN_END,
            windows=WINDOWS,
            root=tmp_path / "elsewhere",
        )


@pytest.mark.parametrize(
    ("own", "value", "fits"),
    [
        (0.06, 1, True),
        (0.06, True, False),
        (0.06, "high", False),
        (0.06, None, False),
        (5, 10, True),
        (5, 10.5, False),
        (5, True, False),
        (True, 1, False),
        ("up", "down", True),
        ("up", 1, False),
        ((1, 2), [3], True),
        ([1], {"a": 1}, False),
        ({"a": 1}, {"b": 2}, True),
        (None, "anything", True),
        (date(2020, 1, 1), "2020-01-02", True),
    ],
)
def test_a_run_takes_values_of_the_kind_that_the_strategy_has(
    own: object, value: object, fits: bool, tmp_path: Path
) -> None:
    strategy = replace(load_strategy(write_strategy(tmp_path)).strategy, config={"key": own})
    if fits:
        assert resolve_config(strategy, {"key": value}) == {"key": value}
    else:
        with pytest.raises(StrategyInvalid, match="key of strategy 'trend' is"):
            resolve_config(strategy, {"key": value})
