"""The feature code of this deployment, read from its strategies folder without running it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from tradeworthy.errors import StrategyInvalid, TradeworthyError
from tradeworthy.features.feature_graph import FeatureGraph

Signature = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Read:
    signature: Signature
    graph: FeatureGraph | None
    error: TradeworthyError | None


class RunningCode:
    """Feature graphs of the files under one folder, read again whenever a file there changes.

    The serving process hashes the source and never imports it; what computes features from it
    (training, backtests) loads it in a process of its own and compares the two.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, _Read] = {}
        self._lock = Lock()

    def signature(self) -> Signature:
        """Return path and status of every Python file: unequal after any change.

        The time of the last change of status counts too, since the time of writing can be set back.
        """
        files = []
        for path in sorted(self._folder.rglob("*.py")):
            try:
                status = path.stat()
            except OSError:
                continue
            files.append((str(path), status.st_mtime_ns, status.st_ctime_ns, status.st_size))
        return tuple(files)

    def place(self, file: str) -> Path:
        """Return where a file of this deployment belongs, whether or not it is there."""
        return self._folder.resolve() / file

    def path(self, file: str) -> Path:
        """Return where a strategy or feature file of this deployment lies.

        Raises
        ------
        StrategyInvalid
            If it is not a Python file under the strategies folder.
        """
        root = self._folder.resolve()
        path = self.place(file).resolve()
        if not path.is_relative_to(root) or path.suffix != ".py" or not path.is_file():
            raise StrategyInvalid(
                f"this deployment has no strategy file {file!r}: put it into the folder "
                "`strategies` of its home",
                file=file,
            )
        return path

    def graph(self, file: str) -> FeatureGraph:
        """Return the feature graph of a file.

        Raises
        ------
        StrategyInvalid, FeatureLogicRefused, FeatureGraphInvalid
            If the file is missing or its features cannot be hashed.
        """
        signature = self.signature()
        with self._lock:
            known = self._read.get(file)
            if known is None or known.signature != signature:
                known = self._read[file] = self._load(file, signature)
        if known.error is not None:
            raise known.error.with_traceback(None)
        assert known.graph is not None  # noqa: S101 - no error means a graph
        return known.graph

    def _load(self, file: str, signature: Signature) -> _Read:
        try:
            return _Read(signature, FeatureGraph.read_file(self.path(file)), None)
        except TradeworthyError as error:
            return _Read(signature, None, error)
