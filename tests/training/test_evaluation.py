"""Evaluations: the same wherever they run, of the very code and artifact, and hard to cheat."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from tradeworthy.errors import ArtifactInvalid, FeatureGraphMismatch, StrategyInvalid
from tradeworthy.evaluation.evaluate import evaluate
from tradeworthy.evaluation.process import EvaluationProcess
from tradeworthy.evidence.evaluation_request import EvaluationRequest
from tradeworthy.evidence.evidence import Evidence
from tradeworthy.training.candidate import Candidate
from training.strategy_workshop import (
    FEATURES,
    LIGHT,
    STRATEGY,
    edited,
    market,
    request_for,
    trained,
    write_strategy,
)

BARS = market()


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> EvaluationRequest:
    """An evaluation of an honest candidate."""
    file = write_strategy(tmp_path_factory.mktemp("honest"))
    return request_for(file, trained(file, BARS), BARS)


@pytest.fixture(scope="module")
def evidence(request_: EvaluationRequest) -> Evidence:
    """What comes of it."""
    return evaluate(request_)


def test_it_tests_the_recipe_and_the_artifact(evidence: Evidence) -> None:
    assert evidence.training_data_rebuilt
    assert len(evidence.folds) == len(evidence.fold_sharpes) == 2
    assert evidence.artifact_metrics is not None
    after = BARS.filter(pl.col("date") > pl.date(2017, 6, 30))["date"].n_unique()
    observed = evidence.artifact_metrics["n_observations"]
    assert observed is not None
    assert after - 3 <= observed <= after
    assert evidence.look_ahead.passed is True
    assert evidence.data_guard_failures == ()
    assert evidence.drift["severity"] == "NORMAL"


def test_drift_counts_sessions_by_day_as_live_rows_are_counted(tmp_path: Path) -> None:
    """Three bars a day of two symbols fill a window of 20 sessions with 120 rows."""
    at = pl.col("date").rank("dense").cast(pl.Int64) - 1
    moment = pl.datetime(2016, 11, 1) + pl.duration(days=at // 3, hours=10 + 2 * (at % 3))
    bars = market().with_columns(date=moment)
    file = write_strategy(tmp_path)
    drift = evaluate(request_for(file, trained(file, bars), bars)).drift
    assert (drift["current_rows"], drift["median_session_rows"]) == (20 * 3 * 2, 3 * 2)
    # Of a last session that is not over, nothing is counted.
    begun = bars.filter(pl.col("date") < bars["date"].max())
    drift = evaluate(request_for(file, trained(file, begun), begun)).drift
    assert (drift["current_rows"], drift["median_session_rows"]) == (20 * 3 * 2, 3 * 2)


@pytest.mark.parametrize("threads", ["1", "2"])
def test_it_is_the_same_in_every_process(
    threads: str,
    request_: EvaluationRequest,
    evidence: Evidence,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POLARS_MAX_THREADS", threads)
    monkeypatch.setenv("PYTHONHASHSEED", threads)
    process = EvaluationProcess(60.0)
    assert process(request_).digest == evidence.digest
    process.close()


def _deployed(
    request: EvaluationRequest, folder: Path, strategy: str, features: str = FEATURES
) -> EvaluationRequest:
    return replace(request, strategy_file=str(write_strategy(folder, strategy, features)))


CHANGES = {
    "training function": ("LinearRegression()", "LinearRegression(fit_intercept=False)"),
    "signal rule": ("np.sign(predictions)", "-np.sign(predictions)"),
}


@pytest.mark.parametrize("part", CHANGES)
def test_another_function_than_was_trained_with(
    part: str, request_: EvaluationRequest, tmp_path: Path
) -> None:
    changed = _deployed(request_, tmp_path, edited(STRATEGY, *CHANGES[part]))
    with pytest.raises(StrategyInvalid, match=f"the {part} of this deployment is not what"):
        evaluate(changed)


def test_other_features_than_were_trained_on(request_: EvaluationRequest, tmp_path: Path) -> None:
    features = edited(FEATURES, "close.shift(10)", "close.shift(20)")
    with pytest.raises(FeatureGraphMismatch, match="momentum") as caught:
        evaluate(_deployed(request_, tmp_path, STRATEGY, features))
    assert caught.value.details["differences"]
    assert caught.value.details["ways_out"] == [
        "put features.py as it was at the training back into the strategies folder",
        "or keep the old definition of momentum@1 and add the changed one beside it as "
        '@feature(version=2, name="momentum") (what has to go on with the old one pins it: '
        'pins={"momentum": 1}), then train a new version on it: `tradeworthy train FILE '
        "--model m --data BARS`",
    ]


def test_comments_and_layout_are_no_other_code(
    request_: EvaluationRequest, evidence: Evidence, tmp_path: Path
) -> None:
    commented = edited(STRATEGY, "    return np.sign", "    # Up or down.\n\n    return np.sign")
    assert evaluate(_deployed(request_, tmp_path, commented)).digest == evidence.digest


def test_an_artifact_that_was_tampered_with(request_: EvaluationRequest, tmp_path: Path) -> None:
    artifact = Path(request_.artifact_file).read_bytes()
    (tmp_path / "model.onnx").write_bytes(artifact[:-1] + bytes([artifact[-1] ^ 1]))
    with pytest.raises(ArtifactInvalid):
        evaluate(replace(request_, artifact_file=str(tmp_path / "model.onnx")))


def test_other_data_does_not_rebuild_the_training_table(
    request_: EvaluationRequest, tmp_path: Path
) -> None:
    market(seed=99).write_parquet(tmp_path / "other.parquet")
    found = evaluate(replace(request_, dataset_file=str(tmp_path / "other.parquet")))
    assert not found.training_data_rebuilt


def test_later_data_still_rebuilds_it(request_: EvaluationRequest, tmp_path: Path) -> None:
    BARS.filter(pl.col("date") < pl.date(2018, 3, 1)).write_parquet(tmp_path / "shorter.parquet")
    shorter = evaluate(replace(request_, dataset_file=str(tmp_path / "shorter.parquet")))
    assert shorter.training_data_rebuilt


@pytest.mark.parametrize(
    "cheat",
    ["close.shift(-1) / close - 1", "close / close.mean() - 1", "close / close.reverse() - 1"],
)
def test_a_feature_that_looks_ahead_is_caught(cheat: str, tmp_path: Path) -> None:
    features = edited(FEATURES, "close / close.shift(10) - 1", cheat)
    file = write_strategy(tmp_path, features=features)
    found = evaluate(request_for(file, trained(file, BARS), BARS))
    assert found.look_ahead.passed is False
    assert not found.look_ahead.features["momentum"].passed


SPY = """
    with open({trail!r}, "a") as trail:
        trail.write(f"{{table['date'].max()}}\\n")
    return LinearRegression()"""


def test_no_row_whose_label_reaches_into_the_test_is_trained_on(tmp_path: Path) -> None:
    trail = tmp_path / "trail.txt"
    spying = edited(STRATEGY, "    return LinearRegression()", SPY.format(trail=str(trail))[1:])
    spying = edited(spying, "label_horizon=1", "label_horizon=5")
    features = edited(FEATURES, "close.shift(-1) / close", "close.shift(-5) / close")
    file = write_strategy(tmp_path / "spy", spying, features)
    requested = request_for(file, trained(file, BARS), BARS)
    trail.unlink()
    found = evaluate(replace(requested, settings=replace(requested.settings, purge=5)))
    days = BARS["date"].unique().sort().cast(pl.String).to_list()
    last_trained = trail.read_text().split()
    assert len(last_trained) == len(found.folds)
    for trained_to, fold in zip(last_trained, found.folds, strict=True):
        first_tested = days.index(fold.first[:10])
        assert days.index(trained_to) + 5 < first_tested


KNOWS = """
    with open({trail!r}, "a") as trail:
        trail.write(f"{{table['next_change'].abs().max()}}\\n")
    return LinearRegression()"""


def test_no_label_reaches_into_the_test_across_days_without_a_bar(tmp_path: Path) -> None:
    days = BARS["date"].unique().sort()
    requested = request_for(*_knowing(tmp_path, BARS))
    first = evaluate(requested).folds[1].first
    at = days.cast(pl.String).to_list().index(first[:10])
    # Before the second test BBB rests for ten days, and comes back tenfold within the test.
    rests = pl.col("date").is_between(days[at - 8], days[at + 2]) & (pl.col("symbol") == "BBB")
    later = (pl.col("date") > days[at + 2]) & (pl.col("symbol") == "BBB")
    prices = pl.col("open", "high", "low", "close")
    bars = BARS.filter(~rests).with_columns(pl.when(later).then(prices * 10).otherwise(prices))
    file, candidate, _ = _knowing(tmp_path / "resting", bars)
    (tmp_path / "trail.txt").unlink()
    evaluate(request_for(file, candidate, bars))
    seen = [float(line) for line in (tmp_path / "trail.txt").read_text().split()]
    assert len(seen) == 2
    assert max(seen) < 1


def _knowing(folder: Path, bars: pl.DataFrame) -> tuple[Path, Candidate, pl.DataFrame]:
    """A strategy that notes the greatest label it was trained on."""
    trail = folder.parent / "trail.txt" if folder.name == "resting" else folder / "trail.txt"
    knows = KNOWS.format(trail=str(trail))[1:]
    file = write_strategy(folder, edited(LIGHT, "    return LinearRegression()", knows))
    return file, trained(file, bars), bars


def test_a_horizon_on_record_that_is_not_the_strategys(request_: EvaluationRequest) -> None:
    reported = json.loads(request_.manifest)
    reported["dataset"]["label_horizon"] = 2
    with pytest.raises(StrategyInvalid, match="looks 2 bars ahead, the strategy declares 1"):
        evaluate(replace(request_, manifest=json.dumps(reported)))


def test_a_signal_that_fails(tmp_path: Path) -> None:
    for old, new, reported in (
        ("np.sign(predictions)", "np.sgn(predictions)", "AttributeError"),
        ("np.sign(predictions)", "predictions[1:]", "return one finite weight a row"),
        ("np.sign(predictions)", "predictions * np.nan", "not finite"),
        ("np.sign(predictions)", "exit(0)", "SystemExit"),
    ):
        file = write_strategy(tmp_path, edited(STRATEGY, old, new))
        requested = request_for(file, trained(file, BARS), BARS)
        with pytest.raises(StrategyInvalid, match=reported):
            evaluate(requested)
