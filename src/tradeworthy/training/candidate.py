"""Training a strategy: the artifact, and everything its manifest will say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tradeworthy.digests import sha256_hex
from tradeworthy.drift.drift_calibration import Windows
from tradeworthy.drift.training_profile import training_profile
from tradeworthy.errors import StrategyInvalid, TradeworthyError
from tradeworthy.provenance.config_hash import training_config_hash
from tradeworthy.provenance.dataset_hash import dataset_digest
from tradeworthy.provenance.environment import describe_runtime
from tradeworthy.provenance.git_tree import read_git_tree
from tradeworthy.provenance.manifest import Manifest
from tradeworthy.provenance.records import (
    CodeRecord,
    ColumnRecord,
    DatasetRecord,
    DeterminismRecord,
    EntryPoint,
    EvidenceRecord,
    FileRecord,
    SignalRule,
    SourceRecord,
)
from tradeworthy.training.artifact_export import Artifact, export_artifact
from tradeworthy.training.strategy import Estimator, Floats, Strategy
from tradeworthy.training.strategy_file import LoadedStrategy
from tradeworthy.training.training_table import SYMBOL, TIME, input_matrix, training_table

GOLDEN_ROWS = 16
_DISTRIBUTIONS = ("numpy", "polars")


@dataclass(frozen=True, slots=True)
class MarketData:
    """Bars, and how the registry will find them: their name and content hash."""

    name: str
    bars: pl.DataFrame
    dataset_hash: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trained recipe that has no version number yet."""

    strategy: str
    artifact: Artifact
    fields: Mapping[str, Any]

    def manifest(
        self, model: str, version: int, *, created_at: datetime, created_by: str
    ) -> Manifest:
        """Return the papers of this candidate as a version of a model."""
        return Manifest(
            model=model,
            version=version,
            strategy=self.strategy,
            created_at=created_at.isoformat().replace("+00:00", "Z"),
            created_by=created_by,
            **self.fields,
        )


def resolve_config(strategy: Strategy, overrides: Mapping[str, object]) -> dict[str, Any]:
    """Return the strategy's configuration with a run's values in place of its own.

    Raises
    ------
    StrategyInvalid
        For a key that the strategy does not have.
    """
    unknown = sorted(set(overrides) - set(strategy.config))
    if unknown:
        known = ", ".join(sorted(strategy.config)) or "none"
        raise StrategyInvalid(f"strategy {strategy.name!r} has no {unknown[0]!r}; it has {known}")
    return {**strategy.config, **overrides}


def train_candidate(
    loaded: LoadedStrategy,
    data: MarketData,
    *,
    config: Mapping[str, object],
    train_end: date | datetime | None,
    windows: Windows,
    root: Path | None = None,
) -> Candidate:
    """Train a strategy on market data.

    Parameters
    ----------
    loaded
        The strategy file.
    data
        The bars; those up to ``train_end`` are trained on.
    config
        Values in place of the strategy's own.
    train_end
        The last bar trained on; all by default, which leaves nothing to test the artifact on.
    windows
        The geometry of the drift windows that the model will be watched with.
    root
        The folder that file names are told relative to; the strategy file's by default.

    Raises
    ------
    StrategyInvalid
        If training fails or its estimator cannot predict.
    ArtifactInvalid
        If the estimator cannot be exported.
    """
    strategy = loaded.strategy
    resolved = resolve_config(strategy, config)
    table = training_table(loaded, data.bars, train_end)
    estimator = fit(strategy, table, resolved)
    artifact = export_artifact(estimator, len(strategy.inputs))
    golden = _golden_rows(strategy, table)
    tree = read_git_tree(loaded.file)
    folder = (root or loaded.file.parent).resolve()
    entry = EntryPoint(
        _relative(loaded.file, folder), strategy.train.__qualname__, loaded.entry_point_hash
    )
    rule = SignalRule(
        _relative(loaded.file, folder),
        strategy.signal.__qualname__,
        loaded.signal_rule_hash,
        _relative(loaded.feature_file, folder),
    )
    snapshot = loaded.snapshot
    fields = {
        "feature_graph_hash": snapshot.hash,
        "feature_graph": snapshot.to_json(),
        "inputs": strategy.inputs,
        "config": resolved,
        "training_config_hash": training_config_hash(resolved),
        **_dataset_fields(strategy, data, table, train_end),
        "git_commit": tree.commit,
        "code": CodeRecord(tree.dirty, tree.diff_digest, entry, rule),
        "files": (artifact_record(artifact),),
        "runtime": describe_runtime(sorted({*_DISTRIBUTIONS, *snapshot.distributions})),
        "determinism": DeterminismRecord(dict(strategy.seeds), "numeric"),
        "evidence": EvidenceRecord(
            golden_rows=tuple(map(tuple, golden.tolist())),
            golden_predictions=tuple(predict(estimator, golden).tolist()),
            training_profiles=_profiles(strategy, table, windows),
        ),
    }
    return Candidate(strategy.name, artifact, fields)


def fit(strategy: Strategy, table: pl.DataFrame, config: Mapping[str, object]) -> Estimator:
    """Call the user's training function.

    Raises
    ------
    StrategyInvalid
        If it raises, or returns nothing that predicts.
    """
    try:
        estimator = strategy.train(table, config)
    except TradeworthyError:
        raise
    except Exception as error:
        raise StrategyInvalid(
            f"{strategy.train.__qualname__} of strategy {strategy.name!r} failed: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not callable(getattr(estimator, "predict", None)):
        raise StrategyInvalid(
            f"{strategy.train.__qualname__} of strategy {strategy.name!r} returned "
            f"{type(estimator).__name__}; return a fitted estimator with a predict method"
        )
    return estimator


def predict(estimator: Estimator, rows: Floats) -> Floats:
    """Return one finite prediction a row.

    Raises
    ------
    StrategyInvalid
        If the estimator fails, or gives anything else.
    """
    try:
        values = np.asarray(estimator.predict(rows), dtype=np.float64)
    except Exception as error:
        raise StrategyInvalid(f"the estimator failed: {type(error).__name__}: {error}") from error
    if values.size != len(rows) or not np.isfinite(values).all():
        raise StrategyInvalid(
            f"the estimator gave an array of shape {values.shape} for {len(rows)} rows, or one "
            "that is not finite; a model gives one finite number a row"
        )
    return values.reshape(len(rows))


def artifact_record(artifact: Artifact) -> FileRecord:
    """Return what the manifest says of an artifact file."""
    return FileRecord(artifact.name, artifact.format, len(artifact.data), sha256_hex(artifact.data))


def _golden_rows(strategy: Strategy, table: pl.DataFrame) -> Floats:
    places = np.unique(np.linspace(0, table.height - 1, GOLDEN_ROWS).astype(int))
    return input_matrix(strategy, table[places.tolist()])


def _dataset_fields(
    strategy: Strategy,
    data: MarketData,
    table: pl.DataFrame,
    train_end: date | datetime | None,
) -> dict[str, Any]:
    digest = dataset_digest(table)
    bars_end = data.bars[TIME].max()
    record = DatasetRecord(
        rows=digest.rows,
        columns=tuple(ColumnRecord(c.name, c.dtype, c.digest) for c in digest.columns),
        key=(TIME, SYMBOL),
        time_start=moment(table[TIME].min()),
        time_end=moment(table[TIME].max()),
        as_of=moment(bars_end),
        sources=(SourceRecord(data.name, data.dataset_hash),),
        label=strategy.label,
        label_horizon=strategy.label_horizon,
        train_end=moment(train_end or bars_end),
        purge=strategy.label_horizon,
        embargo=0,
    )
    return {"dataset_hash": digest.hash, "dataset": record}


def moment(value: object) -> str:
    """Write a bar's time as manifests do: a date, or a time in UTC."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    return str(value)


def _profiles(strategy: Strategy, table: pl.DataFrame, windows: Windows) -> dict[str, Any]:
    ordered = table.sort(TIME, SYMBOL)
    sessions = ordered[TIME].cast(pl.Date).to_physical().to_numpy()
    return {
        name: training_profile(ordered[name].to_numpy(), sessions, windows).to_json()
        for name in strategy.inputs
    }


def _relative(path: Path, folder: Path) -> str:
    try:
        return path.resolve().relative_to(folder).as_posix()
    except ValueError as error:
        raise StrategyInvalid(
            f"{path} does not lie in {folder}; keep a strategy together"
        ) from error
