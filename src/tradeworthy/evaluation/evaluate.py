"""Evaluating a candidate: everything the gates will read, computed from code, data and artifact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl

from tradeworthy.artifacts.predictor import load_predictor
from tradeworthy.backtest.costs import Costs
from tradeworthy.backtest.run import run_backtest
from tradeworthy.backtest.trade_returns import Execution
from tradeworthy.backtest.walk_forward import (
    WalkForwardResult,
    run_walk_forward,
    walk_forward_splits,
)
from tradeworthy.base.digests import Json
from tradeworthy.drift.calibration.drift_calibration import Windows
from tradeworthy.drift.profiles.training_profile import TrainingProfile
from tradeworthy.drift.scan.drift_scan import candidate_drift
from tradeworthy.errors import (
    ArtifactInvalid,
    FeatureGraphMismatch,
    InvalidInput,
    ManifestInvalid,
    StrategyInvalid,
)
from tradeworthy.evidence.evaluation_request import EvaluationRequest
from tradeworthy.evidence.evaluation_settings import EvaluationSettings
from tradeworthy.evidence.evidence import Evidence
from tradeworthy.evidence.findings import (
    FeatureSight,
    FoldPeriod,
    GuardFinding,
    LookAheadFindings,
)
from tradeworthy.features.compute.feature_table import compute_features
from tradeworthy.features.compute.look_ahead import look_ahead_report
from tradeworthy.features.graph_diff import diff_snapshots
from tradeworthy.features.in_place_edits import in_place_edits
from tradeworthy.manifest.dataset_digest import dataset_hash
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.market_data.bars import BarArrays, DateArray, bar_arrays
from tradeworthy.market_data.data_guards import run_data_guards
from tradeworthy.market_data.files.bar_file import read_bars
from tradeworthy.promotion.advice import put_back, train_anew
from tradeworthy.training.estimator import fit, predict, target_weights
from tradeworthy.training.label_reach import (
    check_label_horizon,
    check_recorded_horizon,
    label_moments,
)
from tradeworthy.training.point_in_time import (
    SYMBOL,
    TIME,
    as_stamped,
    feature_rows,
    input_matrix,
    training_table,
)
from tradeworthy.training.strategy import Floats
from tradeworthy.training.strategy_file import LoadedStrategy, load_strategy

_LEAST_HOLDOUT = 3


def evaluate(request: EvaluationRequest) -> Evidence:
    """Test a candidate's recipe and its artifact.

    The recipe is refitted walk-forward over all of the data. The artifact itself trades the data
    after its train end.

    Parameters
    ----------
    request
        What to test.

    Raises
    ------
    FeatureGraphMismatch
        If the deployment's features are not what the candidate was trained on.
    StrategyInvalid
        If its functions are not, or fail.
    DatasetInvalid, ArtifactInvalid, ManifestInvalid, InvalidInput
        If data, artifact, manifest or settings cannot be used.
    """
    manifest = Manifest.from_json(request.manifest)
    loaded = load_strategy(Path(request.strategy_file))
    _check_code(manifest, loaded)
    bars = read_bars(request.dataset_file)
    arrays = bar_arrays(bars)
    check_label_horizon(loaded, bars)
    running = _Evaluation(loaded, cast("Mapping[str, object]", manifest.config), bars, arrays)
    settings = request.settings
    walked = running.walk_forward(settings)
    train_end = _train_end(manifest, bars)
    rebuilt = dataset_hash(training_table(loaded, bars, train_end)) == manifest.dataset_hash
    return Evidence(
        feature_graph_hash=loaded.snapshot.hash,
        entry_point_hash=loaded.entry_point_hash,
        signal_rule_hash=loaded.signal_rule_hash,
        dataset_hash=dataset_hash(bars),
        training_data_rebuilt=rebuilt,
        result_digest=walked.digest,
        returns=tuple(walked.stitched.returns.tolist()),
        metrics=walked.stitched.metrics,
        fold_sharpes=tuple(fold.metrics["sharpe"] for fold in walked.folds),
        folds=_fold_dates(walked, arrays),
        artifact_metrics=running.hold_out(
            manifest, Path(request.artifact_file), train_end, settings
        ),
        data_findings=tuple(GuardFinding(**asdict(each)) for each in run_data_guards(bars)),
        look_ahead=_look_ahead(loaded, bars, settings.seed),
        drift=running.drift(manifest, settings),
        settings=settings,
    )


class _Evaluation:
    """A strategy on market data: predictions, weights, backtests."""

    def __init__(
        self,
        loaded: LoadedStrategy,
        config: Mapping[str, object],
        bars: pl.DataFrame,
        arrays: BarArrays,
    ) -> None:
        self._loaded = loaded
        self._config = config
        self._arrays = arrays
        places = label_moments(bars, loaded.strategy.label_horizon)
        self._labelled = _placed(feature_rows(loaded, bars, label=True), places)
        self._rows = _placed(feature_rows(loaded, bars, label=False), places.drop("known"))

    def walk_forward(self, settings: EvaluationSettings) -> WalkForwardResult:
        """Refit fold by fold and trade what follows."""
        splits = walk_forward_splits(
            self._arrays.shape[0],
            n_folds=settings.folds,
            min_train=settings.min_train,
            purge=settings.purge,
            embargo=settings.embargo,
        )
        return run_walk_forward(
            self._arrays,
            splits,
            self._fit_predict,
            costs=_costs(settings),
            execution=cast("Execution", settings.execution),
            periods_per_year=settings.periods_per_year,
        )

    def _fit_predict(self, train: slice, test: slice) -> Floats:
        strategy = self._loaded.strategy
        # Where a symbol did not trade for a while, its next bar may lie beyond the purge.
        known = self._labelled.filter(
            pl.col("at").is_between(train.start, train.stop - 1) & (pl.col("known") < test.start)
        )
        if known.is_empty():
            raise InvalidInput(
                "a fold has no row to train on: raise evaluation.min_train in the policy file"
            )
        estimator = fit(strategy, known.drop("at", "known"), self._config)
        return self._weights(test, lambda rows: predict(estimator, rows))

    def _weights(self, span: slice, predicted: Callable[[Floats], Floats]) -> Floats:
        """Return target weights, shape (bars, symbols); 0 where a symbol has no features."""
        strategy = self._loaded.strategy
        weights = np.zeros((span.stop - span.start, self._arrays.shape[1]))
        rows = self._rows.filter(pl.col("at").is_between(span.start, span.stop - 1))
        if rows.is_empty():
            return weights
        predictions = predicted(input_matrix(strategy, rows))
        values = target_weights(strategy, predictions, rows.drop("at"), self._config)
        columns = np.searchsorted(np.array(self._arrays.symbols), rows[SYMBOL].to_numpy())
        weights[rows["at"].to_numpy() - span.start, columns] = values
        return weights

    def hold_out(
        self,
        manifest: Manifest,
        artifact_file: Path,
        train_end: date | datetime,
        settings: EvaluationSettings,
    ) -> Mapping[str, float | None] | None:
        """Trade the artifact on the bars after its train end; None without such bars."""
        after = self._rows.filter(pl.col(TIME) > train_end)
        if after.is_empty():
            return None
        span = slice(int(after["at"].min()), self._arrays.shape[0])  # type: ignore[arg-type]
        if span.stop - span.start < _LEAST_HOLDOUT:
            return None
        predictor = _predictor(manifest, artifact_file)
        result = run_backtest(
            self._arrays.between(span.start, span.stop),
            self._weights(span, predictor.predict),
            costs=_costs(settings),
            execution=cast("Execution", settings.execution),
            periods_per_year=settings.periods_per_year,
        )
        return result.metrics

    def drift(self, manifest: Manifest, settings: EvaluationSettings) -> dict[str, Json]:
        """Compare the training profiles with the last whole sessions of the data."""
        profiles = manifest.evidence.training_profiles
        if not profiles:
            return {"status": "INSUFFICIENT", "severity": None}
        training = {
            name: TrainingProfile.from_json(cast("Mapping[str, Any]", profile))
            for name, profile in profiles.items()
        }
        days = _whole_sessions(self._arrays)
        rows = self._rows.with_columns(day=pl.col(TIME).cast(pl.Date)).filter(
            pl.col("day") <= days[-1].item()
        )
        first = days[-settings.current_sessions :][0].item()
        current = rows.filter(pl.col("day") >= first).sort(TIME, SYMBOL)
        a_session = cast("float | None", rows.group_by("day").len()["len"].median())
        last = np.datetime_as_string(self._arrays.dates[-1], unit="s")
        report = candidate_drift(
            training,
            {name: current[name].to_numpy() for name in training},
            model=manifest.model,
            version=manifest.version,
            slot=f"{last}Z",
            windows=Windows(settings.current_sessions, settings.reference_sessions),
        )
        return cast("dict[str, Json]", report.to_json()) | {"median_session_rows": a_session or 0.0}


def _whole_sessions(arrays: BarArrays) -> DateArray:
    """Return the days of the data; without the last one if it has fewer bars than most have."""
    days, bars = np.unique(arrays.dates.astype("datetime64[D]"), return_counts=True)
    return days[:-1] if bars[-1] < np.median(bars) else days


def _placed(rows: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    return rows.join(places, on=[TIME, SYMBOL], maintain_order="left")


def _check_code(manifest: Manifest, loaded: LoadedStrategy) -> None:
    if manifest.feature_graph is None or manifest.config is None:
        raise ManifestInvalid(f"{manifest.file_name} records no feature graph or no configuration")
    bound = manifest.feature_graph
    if bound.hash != loaded.snapshot.hash:
        diff = diff_snapshots(bound, loaded.snapshot)
        raise FeatureGraphMismatch(
            "this deployment's features are not what the version was trained on: "
            + "; ".join(diff.explain()),
            bound=bound.hash,
            running=loaded.snapshot.hash,
            differences=list(diff.explain()),
            nodes=diff.nodes(),
            ways_out=[
                put_back(loaded.feature_file.name),
                f"or {train_anew(manifest.model, in_place_edits(diff, loaded.snapshot.nodes))}",
            ],
        )
    check_recorded_horizon(loaded, manifest.dataset.label_horizon)
    code = manifest.code
    for what, recorded, running in (
        ("training function", code.entry_point, loaded.entry_point_hash),
        ("signal rule", code.signal_rule, loaded.signal_rule_hash),
    ):
        if recorded is None or recorded.logic_hash != running:
            raise StrategyInvalid(
                f"the {what} of this deployment is not what the version was trained with: "
                f"{put_back(loaded.file.name)}, or {train_anew(manifest.model, {})}",
                recorded=None if recorded is None else recorded.logic_hash,
                running=running,
            )


def _train_end(manifest: Manifest, bars: pl.DataFrame) -> date | datetime:
    recorded = manifest.dataset.train_end
    if recorded is None:
        raise ManifestInvalid(f"{manifest.file_name} records no train_end", field="train_end")
    return as_stamped(bars, recorded)


def _predictor(manifest: Manifest, artifact_file: Path) -> Any:
    record = manifest.files[0]
    try:
        data = artifact_file.read_bytes()
    except OSError as error:
        raise ArtifactInvalid(f"the artifact cannot be read: {error.strerror}") from error
    return load_predictor(
        data,
        format=record.format,
        expected_sha256=record.sha256,
        n_inputs=len(manifest.inputs),
    )


def _costs(settings: EvaluationSettings) -> Costs:
    return Costs(commission_bps=settings.commission_bps, slippage_bps=settings.slippage_bps)


def _fold_dates(walked: WalkForwardResult, arrays: BarArrays) -> tuple[FoldPeriod, ...]:
    return tuple(
        FoldPeriod(
            first=str(arrays.dates[fold.split.test_start])[:19],
            last=str(arrays.dates[fold.split.test_stop - 1])[:19],
            trained_on=fold.split.train_stop - fold.split.train_start,
        )
        for fold in walked.folds
    )


def _look_ahead(loaded: LoadedStrategy, bars: pl.DataFrame, seed: int) -> LookAheadFindings:
    inputs = list(loaded.strategy.inputs)

    def compute(known: pl.DataFrame) -> pl.DataFrame:
        return compute_features(loaded.graph, known, inputs, entity=SYMBOL, time=TIME)

    report = look_ahead_report(compute, bars, inputs, time=TIME, entity=SYMBOL, seed=seed)
    return LookAheadFindings(
        passed=report.passed,
        bars=report.bars,
        seed=report.seed,
        features={
            name: FeatureSight(each.passed, each.steps_ahead, each.lookback, dict(each.tests))
            for name, each in report.features.items()
        },
    )
