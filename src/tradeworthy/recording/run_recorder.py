"""The second way in: a script or notebook of one's own records what it did, in a few lines.

What was not recorded is missing from the manifest, and the gates say so.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from pathlib import Path

import polars as pl

from tradeworthy.base.files.whole_error import ERRORS, keep_whole_text
from tradeworthy.base.foreign_text import readable
from tradeworthy.base.settings import read_settings
from tradeworthy.client.candidate_upload import (
    check_folder,
    check_strategy,
    market_data,
    record_version,
    recordable_strategy,
    strategy_root,
    training_windows,
)
from tradeworthy.client.client import Client
from tradeworthy.client.git_warnings import git_warnings
from tradeworthy.drift.calibration.drift_calibration import Windows
from tradeworthy.errors import ArtifactInvalid, InvalidInput, TradeworthyError
from tradeworthy.features.feature_graph import FeatureGraph
from tradeworthy.manifest.files.git_tree import read_git_tree
from tradeworthy.recording.dataset_check import check_dataset
from tradeworthy.recording.strategy_check import check_against_strategy
from tradeworthy.training.artifact_export import Artifact, export_artifact
from tradeworthy.training.run_record import MarketData, RunRecord, TrainingDataset
from tradeworthy.training.strategy import Estimator
from tradeworthy.training.strategy_file import LoadedStrategy, load_strategy


class RecordedRun:
    """What a script records of its run; `record_run` registers it at the end of its block.

    Attributes
    ----------
    version, stage, manifest_path
        Of the registered version; None until the block has ended.
    """

    version: int | None = None
    stage: str | None = None
    manifest_path: Path | None = None

    def __init__(self, model: str, strategy: str, root_of: Callable[[Path], Path | None]) -> None:
        self._model = model
        self._strategy = strategy
        self._root_of = root_of
        self._record = RunRecord()
        self._fitted: Estimator | None = None
        self._served: object | None = None
        self._line = ""
        self._data: list[MarketData] = []
        self._loaded: LoadedStrategy | None = None

    def market_data(self, path: str | Path) -> pl.DataFrame:
        """Read bars, record them as a source of the dataset, and upload them at the end.

        Parameters
        ----------
        path
            CSV or Parquet.

        Raises
        ------
        DatasetInvalid
            If the file is no market data.
        """
        self._data.append(market_data(Path(path)))
        return self._data[-1].bars

    def dataset(
        self,
        table: pl.DataFrame,
        *,
        label: str,
        label_horizon: int,
        train_end: date | datetime | str | None = None,
        as_of: date | datetime | None = None,
        sources: Mapping[str, str | None] | None = None,
        purge: int | None = None,
        embargo: int | None = None,
    ) -> None:
        """Record the table trained on.

        Parameters
        ----------
        table
            Exactly the rows trained on: columns ``date`` and ``symbol``, the inputs, the label.
        label, label_horizon
            The column that the model learns, and how many bars ahead it looks.
        train_end
            The last moment trained on; a validator's backtest trades the artifact after it.
        as_of
            The moment whose knowledge the table holds.
        sources
            Where the rows came from: a name and the dataset hash of each, besides what
            `market_data` has read.
        purge, embargo
            Bars left out between training and test.

        Raises
        ------
        InvalidInput
            If the table is of another kind, or lacks one of those columns, or if it or the bars
            read before it contradict what is said of it.
        """
        dataset = TrainingDataset(
            table, label, label_horizon, train_end, as_of, dict(sources or {}), purge, embargo
        )
        check_dataset(dataset, [data.bars for data in self._data])
        self._record.dataset = dataset

    def config(self, values: Mapping[str, object]) -> None:
        """Record the resolved configuration: JSON values by name."""
        self._record.config = dict(values)

    def seeds(self, **values: int) -> None:
        """Record the seeds of the run by name; none at all is an answer too."""
        self._record.seeds = values

    def features(self, file: str | Path, *, inputs: Sequence[str]) -> FeatureGraph:
        """Record the features that the model takes, in its order; return their file's graph.

        Raises
        ------
        StrategyInvalid, FeatureLogicRefused, FeatureGraphInvalid
            If the file cannot be run, its logic cannot be hashed, or it lacks an input.
        """
        graph = FeatureGraph.from_module(_path(file))
        self._record.snapshot, self._record.inputs = graph.snapshot(tuple(inputs)), tuple(inputs)
        return graph

    def strategy(self, file: str | Path, *, root: str | Path | None = None) -> LoadedStrategy:
        """Record the functions that train and trade, from a strategy file that is deployed.

        They are what a validator's backtest runs; the file's features, inputs and seeds are
        recorded with them.

        Parameters
        ----------
        file
            The strategy file.
        root
            The folder that the deployment keeps strategies in; by default that of the home, or
            with a server the file's own.

        Raises
        ------
        StrategyInvalid, FeatureLogicRefused
            If it cannot be run, declares no strategy or another than the model's, cannot be
            hashed, or lies where backtests of the home will not find it.
        """
        loaded = load_strategy(_path(file))
        check_strategy(self._model, self._strategy, loaded.strategy.name)
        self._record.follow(loaded, self._root_of(_path(file)) if root is None else Path(root))
        self._loaded = loaded
        return loaded

    def estimator(self, fitted: Estimator) -> None:
        """Record the fitted estimator: it is exported at the end, and predicts the golden rows.

        Parameters
        ----------
        fitted
            A scikit-learn estimator that skl2onnx converts, a LightGBM model, or an object of a
            class of one's own, with ``predict`` and a ``to_onnx()`` that returns its ONNX
            ``ModelProto``. Of any other, `artifact` takes what is served.
        """
        self._fitted = fitted
        if self._served is None:
            self._line = _callers_line()

    def artifact(self, artifact: object) -> None:
        """Record what will be served, instead of an export of the estimator.

        Parameters
        ----------
        artifact
            The path of an ONNX or LightGBM text file, or an ONNX ``ModelProto``.
        """
        self._served = Path(artifact) if isinstance(artifact, str) else artifact
        self._line = _callers_line()

    def metrics(self, values: Mapping[str, float]) -> None:
        """Record figures of one's own; no gate reads them."""
        self._record.metrics = {name: float(value) for name, value in values.items()}

    def _finished(self) -> RunRecord:
        record = self._record
        if self._loaded is not None:
            check_against_strategy(record, self._loaded, self._data)
        record.tree = read_git_tree(_own_code())
        record.estimator = self._fitted
        record.artifact = self._artifact(len(record.inputs))
        if record.dataset is not None:
            read = {data.name: data.dataset_hash for data in self._data}
            record.dataset = replace(record.dataset, sources={**read, **record.dataset.sources})
        return record

    def _artifact(self, n_inputs: int) -> Artifact | None:
        served, way_out = self._served, ""
        if served is None:
            served = self._fitted
            way_out = (
                ", or record with run.artifact() what is served: a ModelProto or an .onnx file"
            )
        if served is None:
            return None
        try:
            return export_artifact(served, n_inputs or getattr(served, "n_features_in_", 1))
        except ArtifactInvalid as error:
            # At the end of the block, the traceback no longer has the line that recorded it.
            error.append(f"{way_out} ({self._line})")
            raise

    def register(self, client: Client, windows: Windows, folder: Path) -> None:
        """Register what was logged; the end of the block does so."""
        model = self._model
        candidate = self._finished().candidate(self._strategy, windows)
        recorded = record_version(client, model, candidate, self._data, folder)
        self.version, self.stage = recorded.version, recorded.stage
        self.manifest_path = recorded.manifest


@contextmanager
def record_run(
    *,
    model: str,
    home: str | Path | None = None,
    server: str | None = None,
    token_file: str | Path | None = None,
    manifests: str | Path = ".",
) -> Iterator[RecordedRun]:
    """Record a training run as a version of a model.

    When the block ends, the version is drafted, its files and manifest are uploaded, and it is
    promoted to TRAINED. When the block raises, nothing is registered.

    Parameters
    ----------
    model
        The name of a registered model.
    home, server, token_file
        Where to register, and as whom; by default, as for the command line,
        ``TRADEWORTHY_HOME``, ``TRADEWORTHY_SERVER`` and ``TRADEWORTHY_TOKEN_FILE``. A server wins
        over a home, and an argument over both variables.
    manifests
        The folder that the manifest is written to besides.

    Raises
    ------
    ModelNotFound, Unauthenticated, HomeUnusable, ServerUnreachable
        Before the block, if there would be nowhere to register.
    PromotionRefused
        Before it, if the policy judges nothing; after it, if the manifest is not complete. Nothing
        is drafted.

    Examples
    --------
    A script of one's own::

        with record_run(model="index-trend") as run:
            bars = run.market_data("bars.parquet")
            loaded = run.strategy("strategies/trend.py")
            table = training_table(loaded, bars, date(2019, 12, 31))
            run.dataset(table, label="next_day", label_horizon=1, train_end=date(2019, 12, 31))
            run.config({"alpha": 0.1})
            run.estimator(Ridge(alpha=0.1).fit(...))
        print(run.version, run.manifest_path)
    """
    start = Path.cwd()
    try:
        with Client(server=server, home=home, token_file=token_file) as client:
            # Better to hear of a wrong name, token or policy before hours of training than after.
            strategy, windows = recordable_strategy(client, model), training_windows(client, model)
            check_folder(Path(manifests))
            settings = read_settings(home=None if home is None else Path(home)).absolute()
            root_of = partial(strategy_root, client, settings.strategies_folder)
            sys.stderr.writelines(
                readable(each, kept="") + "\n" for each in git_warnings(read_git_tree(_own_code()))
            )
            run = RecordedRun(model, strategy, root_of)
            yield run
            run.register(client, windows, _seen_from(start, Path(manifests)))
    except TradeworthyError as error:
        keep_whole_text(error, _seen_from(start, ERRORS))
        raise


def _seen_from(start: Path, folder: Path) -> Path:
    """Return the folder that was meant at the start; the block may have gone elsewhere."""
    return folder if Path.cwd() == start else start / folder


def _path(file: str | Path) -> Path:
    if not isinstance(file, str | Path):
        raise InvalidInput(
            f"a {type(file).__name__} was given for a file: write the functions in a .py file, "
            "which a validator's backtest can run, and give its path"
        )
    return Path(file)


def _callers_line() -> str:
    """Return the line of the script that called a method of the run."""
    caller = traceback.extract_stack(limit=3)[0]
    return f"{Path(caller.filename).name}:{caller.lineno} in {caller.name}"


def _own_code() -> Path:
    """Return the script that runs, or for a notebook the current folder."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(file).absolute() if file and Path(file).is_file() else Path.cwd()
