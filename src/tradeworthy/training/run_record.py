"""The parts of a training run and the manifest's fields they make: one way for every way in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tradeworthy.artifacts.parity import parity_tolerance
from tradeworthy.artifacts.predictor import load_predictor
from tradeworthy.base.digests import sha256_hex
from tradeworthy.base.foreign_text import foreign_text
from tradeworthy.drift.calibration.drift_calibration import Windows
from tradeworthy.drift.profiles.training_profile import training_profile
from tradeworthy.errors import (
    ArtifactInvalid,
    FeatureLogicRefused,
    InvalidInput,
    StrategyInvalid,
)
from tradeworthy.features.graph_snapshot import GraphSnapshot
from tradeworthy.features.source.distributions import distributions_of
from tradeworthy.manifest.config_hash import training_config_hash
from tradeworthy.manifest.dataset_digest import dataset_digest
from tradeworthy.manifest.files.environment import describe_runtime
from tradeworthy.manifest.files.git_tree import GitTree
from tradeworthy.manifest.manifest import Manifest
from tradeworthy.manifest.records import (
    CodeRecord,
    ColumnRecord,
    DatasetRecord,
    DeterminismRecord,
    EntryPoint,
    EvidenceRecord,
    FileRecord,
    RuntimeRecord,
    SignalRule,
    SourceRecord,
)
from tradeworthy.training.artifact_export import Artifact
from tradeworthy.training.estimator import predict
from tradeworthy.training.point_in_time import SYMBOL, TIME
from tradeworthy.training.strategy import Estimator, Floats
from tradeworthy.training.strategy_file import LoadedStrategy

GOLDEN_ROWS = 16
_LIBRARIES = frozenset({"numpy", "polars"})
_CONVERTED = (
    "what skl2onnx makes of it answers otherwise; fit another estimator, of classifiers one that "
    "gives probabilities, or derive a class from it with a to_onnx() that answers alike"
)
_OWN_EXPORT = (
    "export it from this very estimator; a class with a predict() of its own needs a to_onnx() "
    "that does the same"
)


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
    artifact: Artifact | None
    fields: Mapping[str, Any]

    def manifest(
        self, model: str, version: int, *, created_at: datetime, created_by: str
    ) -> Manifest:
        """Return the manifest of this candidate as a version of a model."""
        return Manifest(
            model=model,
            version=version,
            strategy=self.strategy,
            created_at=created_at.isoformat().replace("+00:00", "Z"),
            created_by=created_by,
            **self.fields,
        )


@dataclass(frozen=True, slots=True)
class TrainingDataset:
    """The table trained on, and what it does not say of itself.

    Parameters
    ----------
    table
        Columns ``date`` and ``symbol``, the inputs and the label.
    label, label_horizon
        The column that the model learns, and how many bars ahead it looks.
    train_end
        The last moment trained on.
    as_of
        The moment whose knowledge the table holds.
    sources
        Where the rows came from: name and content hash.
    purge, embargo
        Bars left out between training and test.
    """

    table: pl.DataFrame
    label: str
    label_horizon: int
    train_end: date | datetime | str | None = None
    as_of: date | datetime | None = None
    sources: Mapping[str, str | None] = field(default_factory=dict)
    purge: int | None = None
    embargo: int | None = None


@dataclass(slots=True, kw_only=True)
class RunRecord:
    """What a run was made of; a part that is None, or empty, is missing from the manifest.

    Parameters
    ----------
    snapshot, inputs
        The feature graph, and the features in the order the model takes them.
    dataset
        What was trained on.
    config
        The resolved configuration.
    seeds
        By name.
    metrics
        The trainer's claims.
    estimator
        What answers the golden rows.
    artifact
        What will be served.
    tree
        The state of the code.
    entry_point, signal_rule
        The functions that train and trade in a deployed strategy file.
    libraries
        Further modules whose versions count.
    """

    snapshot: GraphSnapshot | None = None
    inputs: tuple[str, ...] = ()
    dataset: TrainingDataset | None = None
    config: Mapping[str, Any] | None = None
    seeds: Mapping[str, int] | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    estimator: Estimator | None = None
    artifact: Artifact | None = None
    tree: GitTree = field(default_factory=GitTree)
    entry_point: EntryPoint | None = None
    signal_rule: SignalRule | None = None
    libraries: frozenset[str] = frozenset()

    def follow(self, loaded: LoadedStrategy, root: Path | None = None) -> None:
        """Take features, functions and seeds from a strategy file.

        Parameters
        ----------
        loaded
            The strategy file.
        root
            The folder that file names are relative to; the strategy file's by default.

        Raises
        ------
        StrategyInvalid
            If the strategy's files do not lie under the folder.
        """
        strategy, folder = loaded.strategy, (root or loaded.file.parent).resolve()
        file = _relative(loaded.file, folder)
        self.entry_point = EntryPoint(file, strategy.train.__qualname__, loaded.entry_point_hash)
        self.signal_rule = SignalRule(
            file,
            strategy.signal.__qualname__,
            loaded.signal_rule_hash,
            _relative(loaded.feature_file, folder),
        )
        self.snapshot, self.inputs = loaded.snapshot, strategy.inputs
        self.seeds = dict(strategy.seeds)
        self.libraries |= loaded.libraries

    def candidate(self, strategy: str, windows: Windows) -> Candidate:
        """Return the candidate that the parts make.

        Parameters
        ----------
        strategy
            The strategy's name.
        windows
            The geometry of the drift windows that the model will be watched with.

        Raises
        ------
        StrategyInvalid
            If the dataset lacks an input, or the estimator cannot answer its rows.
        ArtifactInvalid
            If the artifact cannot be loaded, or answers them otherwise.
        InvalidInput
            If the configuration cannot be hashed.
        ManifestInvalid
            If a part is nothing that a manifest can hold, as an infinite metric.
        """
        fields: dict[str, Any] = {
            **self._feature_fields(),
            **self._config_fields(),
            **self._dataset_fields(),
            "git_commit": self.tree.commit,
            "code": CodeRecord(
                self.tree.dirty,
                self.tree.diff_digest,
                self.entry_point,
                self.signal_rule,
                self.tree.unclean,
            ),
            "files": () if self.artifact is None else (artifact_record(self.artifact),),
            "runtime": self._runtime(),
            "determinism": DeterminismRecord(
                None if self.seeds is None else dict(self.seeds),
                None if self.seeds is None else "numeric",
            ),
            "evidence": self._evidence(windows),
            "metrics": dict(self.metrics),
        }
        # Better refused now than after a version has been drafted.
        Manifest(model="candidate", version=1, strategy=strategy, **fields)
        return Candidate(strategy, self.artifact, fields)

    def _feature_fields(self) -> dict[str, Any]:
        if self.snapshot is None:
            return {}
        return {
            "feature_graph_hash": self.snapshot.hash,
            "feature_graph": self.snapshot,
            "inputs": self.inputs,
        }

    def _config_fields(self) -> dict[str, Any]:
        if self.config is None:
            return {}
        config = dict(self.config)
        return {"config": config, "training_config_hash": training_config_hash(config)}

    def _dataset_fields(self) -> dict[str, Any]:
        dataset = self.dataset
        if dataset is None:
            return {}
        digest, times = dataset_digest(dataset.table), dataset.table[TIME]
        record = DatasetRecord(
            rows=digest.rows,
            columns=tuple(ColumnRecord(c.name, c.dtype, c.digest) for c in digest.columns),
            key=(TIME, SYMBOL),
            time_start=moment(times.min()),
            time_end=moment(times.max()),
            as_of=None if dataset.as_of is None else moment(dataset.as_of),
            sources=tuple(
                SourceRecord(name, source_hash) for name, source_hash in dataset.sources.items()
            ),
            label=dataset.label,
            label_horizon=dataset.label_horizon,
            train_end=None if dataset.train_end is None else moment(dataset.train_end),
            purge=dataset.purge,
            embargo=dataset.embargo,
        )
        return {"dataset_hash": digest.hash, "dataset": record}

    def _runtime(self) -> RuntimeRecord:
        libraries = {*_LIBRARIES, *self.libraries}
        if self.estimator is not None:
            # Whoever makes a class by a call may name its module as they like.
            libraries.add(str(type(self.estimator).__module__).partition(".")[0])
        if self.artifact is not None:
            libraries.update(self.artifact.libraries)
        bound = () if self.snapshot is None else self.snapshot.distributions
        return describe_runtime({*bound, *_distributions(libraries)})

    def _evidence(self, windows: Windows) -> EvidenceRecord:
        if self.dataset is None or not self.inputs:
            return EvidenceRecord()
        matrix = input_columns(self.dataset.table, self.inputs)
        golden = _golden_rows(matrix)
        answered = None if self.estimator is None else predict(self.estimator, golden)
        if self.artifact is not None:
            _check_artifact(self.artifact, golden, answered)
        return EvidenceRecord(
            golden_rows=tuple(map(tuple, golden.tolist())),
            golden_predictions=None if answered is None else tuple(answered.tolist()),
            training_profiles=_profiles(self.dataset.table, matrix, self.inputs, windows),
        )


def artifact_record(artifact: Artifact) -> FileRecord:
    """Return what the manifest says of an artifact file."""
    return FileRecord(artifact.name, artifact.format, len(artifact.data), sha256_hex(artifact.data))


def moment(value: object) -> str:
    """Write a bar's time as manifests do: a date, or a time in UTC."""
    if isinstance(value, datetime):
        utc = value if value.tzinfo is None else value.astimezone(UTC)
        return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    return str(value)


def input_columns(table: pl.DataFrame, inputs: Sequence[str]) -> Floats:
    """Return the inputs of a table as float64, shape (rows, inputs).

    Raises
    ------
    StrategyInvalid
        If the table lacks one, or holds text in it.
    """
    absent = [name for name in inputs if name not in table.columns]
    if absent:
        raise StrategyInvalid(
            f"the dataset has no column {absent[0]!r}, which the model takes; it has "
            + ", ".join(table.columns)
        )
    try:
        columns = table.select(pl.col(inputs).cast(pl.Float64))
    except pl.exceptions.PolarsError as error:
        raise StrategyInvalid(
            f"an input of the dataset is no number: {foreign_text(error)}"
        ) from error
    return np.ascontiguousarray(columns.to_numpy(), dtype=np.float64)


def _check_artifact(artifact: Artifact, golden: Floats, answered: Floats | None) -> None:
    # The gates before STAGING ask the same; better heard of now than after a validation.
    predictor = load_predictor(
        artifact.data,
        format=artifact.format,
        expected_sha256=sha256_hex(artifact.data),
        n_inputs=golden.shape[1],
    )
    served = predictor.predict(golden)
    if answered is None:
        return
    error = float(np.abs(served - answered).max())
    tolerance = parity_tolerance(answered)
    if not error <= tolerance:
        raise ArtifactInvalid(
            f"{artifact.name} predicts otherwise than the estimator, by up to {error:g}: "
            + (_CONVERTED if artifact.libraries else _OWN_EXPORT),
            error=error,
            tolerance=tolerance,
        )


def _golden_rows(matrix: Floats) -> Floats:
    whole: Floats = matrix[np.isfinite(matrix).all(axis=1)]
    if not len(whole):
        raise StrategyInvalid("the dataset has no row with a number for every input")
    golden: Floats = whole[np.unique(np.linspace(0, len(whole) - 1, GOLDEN_ROWS).astype(int))]
    return golden


def _profiles(
    table: pl.DataFrame, matrix: Floats, inputs: Sequence[str], windows: Windows
) -> dict[str, Any]:
    order = table.select(pl.arg_sort_by(TIME, SYMBOL)).to_series().to_numpy()
    try:
        sessions = table[TIME].cast(pl.Date).to_physical().to_numpy()[order]
    except pl.exceptions.PolarsError as error:
        raise InvalidInput(
            f"column {TIME!r} of the dataset holds no dates: {foreign_text(error)}"
        ) from error
    return {
        name: training_profile(matrix[order, at], sessions, windows).to_json()
        for at, name in enumerate(inputs)
    }


def _distributions(libraries: Iterable[str]) -> dict[str, str]:
    versions: dict[str, str] = {}
    for library in libraries:
        # A module of the user's own belongs to no distribution; the commit tells which it was.
        with suppress(FeatureLogicRefused):
            versions |= distributions_of([library])
    return versions


def _relative(path: Path, folder: Path) -> str:
    try:
        return path.resolve().relative_to(folder).as_posix()
    except ValueError as error:
        raise StrategyInvalid(
            f"{path} does not lie in {folder}, where the strategy's files have to be: move it there"
        ) from error
